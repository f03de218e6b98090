"""What the environment says about this run: which binary, how slow it is, how long the loops go on."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LONG = os.environ.get("E2E_LONG", "") not in ("", "0")


def binary():
    """Path of the binary under test; SIMPLE_REQUEST_BINARY may name another build."""
    return Path(os.environ.get("SIMPLE_REQUEST_BINARY", ROOT / "build" / "simple-request")).resolve()


def _sanitizer():
    try:
        image = binary().read_bytes()
    except OSError:
        return ""
    for name, symbol in (("thread", b"__tsan_init"), ("address", b"__asan_init")):
        if symbol in image:
            return name
    return ""


SANITIZER = _sanitizer()

# Waits are upper bounds, so a slow machine or build stretches them without slowing a good run.
TIME_SCALE = float(os.environ.get("E2E_TIME_SCALE", "4" if SANITIZER else "1"))


def count(variable, short, long):
    """A loop's length: the variable if set, else the short or the long form's."""
    return int(os.environ.get(variable, long if LONG else short))
