"""Writes the schema files as C arrays: embed.py OUTPUT NAME=FILE... defines `const char store_schema_NAME[]`, with a NUL.

Bytes rather than a string literal: ISO C promises only 4,095 characters for one.
"""

import sys
from pathlib import Path


def array(name, path):
    data = Path(path).read_bytes()
    if b"\0" in data:
        sys.exit(f"{path}: has a NUL byte")
    codes = [str(byte if byte < 128 else byte - 256) for byte in data + b"\0"]
    lines = [", ".join(codes[at : at + 20]) for at in range(0, len(codes), 20)]
    return f"const char store_schema_{name}[] = {{\n    " + ",\n    ".join(lines) + "};\n"


def main():
    output, *sources = sys.argv[1:]
    parts = ["/* Made by src/store/schema/embed.py. */\n#include \"store/schema.h\"\n\n"]
    parts += [array(*source.split("=", 1)) for source in sources]
    Path(output).write_text("".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
