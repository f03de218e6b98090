"""How fast a journal is replayed at a start after kill -9."""

import shutil
import time
from pathlib import Path

from harness.loads import fill
from harness.metrics import scrape
from harness.session import say

KEYS, TIMES = 1_000_000, 10
MORE = "--sync-interval 1h --memory-limit 8GiB"


def make_journal(env):
    """A directory whose journal holds KEYS * TIMES records, none of them synced; what the database knows is nothing."""
    running = env.ours(MORE, durability="write")
    for index in range(TIMES):
        say(f"recovery: writing records, {index + 1} of {TIMES} million")
        fill(running, env.build, KEYS, env.load_cpu)
    running.process.kill()
    return running.directory


def one_start(env, original):
    """Seconds from the program's start until it takes requests; the database gets the records later."""
    directory = Path(f"{original}-copy")
    shutil.copytree(original, directory)
    started = time.monotonic()
    running = env.ours(MORE, directory=directory, durability="write")
    seconds = time.monotonic() - started
    try:
        replayed = scrape(running.port)["simple_request_journal_replayed_records"]
        if replayed < KEYS * TIMES:
            raise RuntimeError(f"recovery: {replayed} records were replayed")
        return seconds
    finally:
        running.process.kill()
        shutil.rmtree(directory, ignore_errors=True)


def study(env):
    original = make_journal(env)
    try:
        seconds = []
        for index in range(env.rounds):
            seconds.append(one_start(env, original))
            say(f"round {index + 1}/{env.rounds}  recovery  {seconds[-1]:.2f} s, {KEYS * TIMES / seconds[-1]:,.0f} records/s")
        return {"recovery": {"seconds": seconds, "per_second": [KEYS * TIMES / one for one in seconds]}}
    finally:
        shutil.rmtree(original, ignore_errors=True)
