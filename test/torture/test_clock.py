"""The clock jumps by hours both ways, and starts from anywhere after a boot: nothing is lost, nothing stands still or spins."""

import mmap
import random
import struct
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from campaign import come_to_rest, flushes, totals_over_http, verify
from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.metrics import scrape
from lib.server import settle
from lib.waiting import eventually

KEYS = [f"key{n}" for n in range(100)]
HOUR = 3600
MONOTONIC_STARTS = (0.001, 5, 3 * 24 * HOUR, 2**32 / 1000 - 0.7, 400 * 24 * HOUR)  # seconds since boot, one about to pass 32 bits of ms
JUMPS_A_LIFE = 3

pytestmark = pytest.mark.skipif(bool(settings.SANITIZER), reason="a sanitizer must be loaded before any other library")


class Clock:
    """The clocks of processes that are started with its environment."""

    def __init__(self, directory):
        self.shim = directory / "clock_shim.so"
        source = Path(__file__).with_name("clock_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", self.shim, source], check=True)
        path = directory / "offsets"
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.env = {"LD_PRELOAD": str(self.shim), "CLOCK_SHIM_FILE": str(path)}
        self.wall = 0

    def jump(self, seconds):
        self.wall += seconds
        self.map[0:8] = struct.pack("=q", int(self.wall * 1e9))

    def boot(self, seconds):
        """The next process's monotonic clock begins there."""
        self.map[8:16] = struct.pack("=q", int(seconds * 1e9) - time.clock_gettime_ns(time.CLOCK_MONOTONIC))

    def seen_by(self, server):
        """How far the wall clock of the latest log line is off, in seconds."""
        stamp = datetime.fromisoformat(server.events()[-1]["timestamp"].replace("Z", "+00:00"))
        return (stamp - datetime.now(timezone.utc)).total_seconds()


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def state_files(server):
    return scrape(server).sum("simple_request_journal_files", kind="state")


def check_idle(server):
    """Nothing is asked: nothing spins. Half a second of a busy thread would be half a second of CPU."""
    before, loops = server.cpu_seconds(), scrape(server).sum("simple_request_worker_loops_total")
    settle(0.5)
    used = server.cpu_seconds() - before
    assert used < 0.2, f"{used} s of CPU within half a second of nothing"
    assert scrape(server).sum("simple_request_worker_loops_total") - loops < 100


def jump_under_load(server, clock, draw, ledger, seed):
    """The clock jumps while increments and flushes go on; they do afterwards too."""
    load = Load(server.address, keys_at_random(KEYS, seed=seed), connections=8, depth=4).start()
    eventually(lambda: load.ledger.statuses[200] > 200, 20, "load runs")
    before = flushes(server)
    clock.jump(draw.choice((-1, 1)) * draw.uniform(1, 12) * HOUR)
    eventually(lambda: flushes(server) > before + 1, 5, "flushes go on")
    seen = load.stop()
    assert set(seen.statuses) == {200}, dict(seen.statuses)
    ledger.add(seen)
    come_to_rest([server], timeout=5)
    ledger.settle(totals_over_http(server, KEYS))
    assert server.store.totals() == dict(ledger.acknowledged)


def test_jumps_of_hours_lose_nothing_and_stop_nothing(make_server, store, clock, figures):
    count = settings.count("CLOCK_JUMPS", short=6, long=150)  # with each store
    server = make_server("--sync-interval", "50ms", store=store, env=clock.env)
    draw, ledger, kept = random.Random(count), Ledger(), 0
    for jump in range(count):
        if jump % JUMPS_A_LIFE == 0:
            clock.boot(MONOTONIC_STARTS[jump // JUMPS_A_LIFE % len(MONOTONIC_STARTS)])
            clock.jump(draw.uniform(-48, 48) * HOUR)
            server.start()
            assert abs(clock.seen_by(server) - clock.wall) < 60, "the shim is not in force"
            assert state_files(server) >= kept, "a stop and another clock are no time of retention"
            ledger.settle(totals_over_http(server, KEYS))
        kept = state_files(server)
        jump_under_load(server, clock, draw, ledger, jump)
        assert state_files(server) > kept, "the default of ten minutes is not over"
        if jump % JUMPS_A_LIFE == JUMPS_A_LIFE - 1:
            check_idle(server)
            kept = state_files(server)
            server.kill() if draw.random() < 0.5 else server.terminate()
    if server.alive():
        server.terminate()
    assert server.store.totals() == dict(ledger.acknowledged)
    verify(server)
    figures(jumps=count, acknowledged=sum(ledger.acknowledged.values()), lost=0)


@pytest.mark.parametrize("hours", [-6, 6])
def test_a_jump_does_not_put_off_the_sync_of_each_second(make_server, clock, hours):
    """--durability write promises one about every second, whatever the wall clock says."""
    clock.boot(1000)
    server = make_server("--durability", "write", "--sync-interval", "1h", env=clock.env).start()
    syncs = lambda: scrape(server).sum("simple_request_journal_syncs_total")
    before = syncs()
    server.increment("a", 1)
    settle(0.1)  # the journal waits for its second
    clock.jump(hours * HOUR)
    eventually(lambda: syncs() > before, 5, "the increment is synced")
    check_idle(server)
