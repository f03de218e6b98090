"""The fixtures of lib/fixtures.py, shared with test/torture."""

from lib.fixtures import *  # noqa: F403 (pytest finds fixtures and hooks by name)
