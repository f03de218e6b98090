"""Waiting for a condition: polls with an upper bound, never a bare sleep for luck."""

import time

from lib import settings


def eventually(condition, timeout, what, interval=0.02):
    """Returns the first true value of condition(); AssertionError after timeout seconds (scaled)."""
    deadline = time.monotonic() + timeout * settings.TIME_SCALE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * settings.TIME_SCALE:.1f} s: {what}")
        time.sleep(interval)


def equal_eventually(read, expected, timeout, what):
    """Polls read() until it equals expected; the error shows the difference."""
    deadline = time.monotonic() + timeout * settings.TIME_SCALE
    while True:
        seen = read()
        if seen == expected:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: {difference(seen, expected)}")
        time.sleep(0.05)


def difference(seen, expected):
    """The first few entries in which two dictionaries (or values) differ."""
    if not isinstance(seen, dict) or not isinstance(expected, dict):
        return f"seen {seen!r}, expected {expected!r}"
    keys = sorted(k for k in seen.keys() | expected.keys() if seen.get(k) != expected.get(k))
    shown = ", ".join(f"{k!r}: seen {seen.get(k)}, expected {expected.get(k)}" for k in keys[:5])
    return f"{len(keys)} keys differ ({shown})"
