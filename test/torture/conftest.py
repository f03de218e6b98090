"""Campaigns of faults against the real binary. They use the end-to-end tests' harness."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lib.fixtures import *  # noqa: E402,F403 (pytest finds fixtures and hooks by name)

PROGRESS_SECONDS = 30


@pytest.fixture
def memory_dir(tmp_path):
    """A directory whose syncs cost nothing, for campaigns of thousands of starts."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path / "server"
        return
    with tempfile.TemporaryDirectory(prefix="simple-request-", dir=shared) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def shim(tmp_path_factory):
    """The library that makes calls fail."""
    from faults import compile_shim

    return compile_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def progress(request, capsys):
    """A function that tells how far a campaign is, at most every half minute: progress(cycles=20)."""
    begin = told = time.monotonic()

    def tell(**values):
        nonlocal told
        if time.monotonic() > told + PROGRESS_SECONDS:
            told = time.monotonic()
            with capsys.disabled():
                print(f"\nprogress {request.node.name}, {told - begin:.0f} s: "
                      + ", ".join(f"{key} {value}" for key, value in values.items()), flush=True)

    return tell


@pytest.fixture
def figures(request, capsys):
    """A function that tells a campaign's figures: figures(cycles=20, acknowledged=31415, lost=0). They are printed as
    one line, and appended as JSON to the file that TORTURE_RESULTS names: docs/RELIABILITY.md quotes those lines."""
    begin = time.monotonic()

    def tell(**values):
        name = request.node.name
        values["seconds"] = round(time.monotonic() - begin, 1)
        with capsys.disabled():
            print(f"\nfigures {name}: " + ", ".join(f"{key} {value}" for key, value in values.items()), flush=True)
        if "TORTURE_RESULTS" in os.environ:
            with open(os.environ["TORTURE_RESULTS"], "a", encoding="utf-8") as out:
                out.write(json.dumps({"test": name} | values) + "\n")

    return tell
