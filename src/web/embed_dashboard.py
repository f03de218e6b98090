#!/usr/bin/python3
"""Writes the dashboard's files as C, plain and compressed: embed_dashboard.py OUTPUT CHARTS FILE...

CHARTS is the folder of uPlot's files, or empty: then what stands in their place defines nothing, and the page does
without charts. Meson calls it.
"""

import gzip
import hashlib
import sys
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PAGE = "index.html"  # has no name: it stands at /dashboard itself
NO_CHARTS = b"/* uPlot could not be had when this was built: see scripts/from-npm. */\n"


def rows(data):
    return ",\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in data[at : at + 20]) for at in range(0, len(data), 20))


def charts(folder):
    if not folder:
        return {"uplot.js": NO_CHARTS, "uplot.css": NO_CHARTS}
    licence = b"/*\n" + (Path(folder) / "LICENSE").read_bytes().strip() + b"\n*/\n"
    return {"uplot.js": licence + (Path(folder) / "uPlot.iife.min.js").read_bytes(),
            "uplot.css": licence + (Path(folder) / "uPlot.min.css").read_bytes()}


def main():
    output, folder, *names = sys.argv[1:]
    files = charts(folder) | {Path(name).name: Path(name).read_bytes() for name in names}
    text = '/* Written by src/web/embed_dashboard.py. */\n#include "web/web.h"\n\n#include <stddef.h>\n\n'
    text += "extern const struct web_file web_files[];\nextern const size_t web_files_count;\n\n"
    table = []
    for number, (name, plain) in enumerate(sorted(files.items())):
        packed = gzip.compress(plain, 9, mtime=0)
        for kind, data in (("plain", plain), ("gzip", packed)):
            text += f"static const unsigned char {kind}_{number}[] = {{\n{rows(data)}\n}};\n"
        table.append(f'    {{.name = "{"" if name == PAGE else name}", .type = "{TYPES[Path(name).suffix]}", '
                     f'.hash = "{hashlib.sha256(plain).hexdigest()[:32]}",\n'
                     f"     .plain = {{plain_{number}, sizeof(plain_{number})}}, .gzip = {{gzip_{number}, sizeof(gzip_{number})}}}},\n")
    text += f"\nconst struct web_file web_files[] = {{\n{''.join(table)}}};\nconst size_t web_files_count = {len(table)};\n"
    Path(output).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
