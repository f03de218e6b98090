"""A disk that is full again and again and freed later: refused meanwhile, nothing lost, on without a restart."""

import random
import shutil
from collections import Counter

import pytest

from campaign import come_to_rest, verify
from lib import settings
from lib.disk import fill
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.metrics import scrape
from lib.store import PostgresStore, SqliteStore
from lib.waiting import eventually

KEYS = [f"key{n:03d}".ljust(500, "k") for n in range(100)]  # long ones, to fill the journal soon
FIRST = KEYS[0]
CYCLES_A_FILE = 10  # an SQLite file with the keys of many more fills the disk for good


class Disk:
    """A small file system that can be filled, again where something was removed meanwhile, and freed."""

    def __init__(self, point):
        self.point, self.fillers = point, []

    def fill(self):
        self.fillers.append(self.point / f"filler{len(self.fillers)}")
        fill(self.fillers[-1])

    def free(self):
        for filler in self.fillers:
            filler.unlink()
        self.fillers = []


def load(server, ledger, number, draw, keys=KEYS):
    source = keys_at_random(keys, seed=draw.random())
    seen = Load(server.address, (next(source) for _ in range(number)), connections=8, depth=64).run()
    assert set(seen.statuses) <= {200, 202, 503}, dict(seen.statuses)
    ledger.add(seen)
    return seen


def load_until_refused(server, ledger, draw):
    """Increments until the journal takes no more; what is refused is asked for once, and not again."""
    for _ in range(60):
        if load(server, ledger, 10_000, draw).statuses[503] > 5000:
            return
    raise AssertionError(f"never refused: {dict(ledger.statuses)}")


def check_refusal(server):
    """Increments say when to come back; everything that needs no journal goes on."""
    with server.connect() as connection:
        response = connection.increment(FIRST, 1)
        assert response.status == 503 and response.message(), response
        assert int(response.header("retry-after")) >= 1
        assert connection.request("GET", f"/counters/{FIRST}").status == 200
        assert connection.request("GET", "/livez").status == 200


def takes(server, ledger):
    with server.connect() as connection:
        response = connection.increment(FIRST, 1)
    assert response.status in (200, 202, 503), response
    if response.status != 503:
        ledger.acknowledged[FIRST] += 1
    return response.status != 503


def goes_on(server, ledger):
    eventually(lambda: takes(server, ledger), 20, "increments are taken again")


def freed_before_the_database_is_back(server, cluster, disk, ledger):
    disk.free()
    goes_on(server, ledger)
    cluster.start()


def freed_after_the_database_is_back(server, cluster, disk, ledger):
    cluster.start()
    goes_on(server, ledger)
    disk.free()


def killed_while_full(server, cluster, disk, ledger):
    server.kill()
    cluster.start()
    disk.free()
    server.start()


ENDS = (freed_before_the_database_is_back, freed_after_the_database_is_back, killed_while_full)


def test_a_full_journal_disk_that_is_freed_later_loses_nothing(start_server, own_cluster, small_disk, figures):
    count = settings.count("FULL_DISK_CYCLES", short=3, long=60)
    own_cluster.start()
    store, disk = PostgresStore(own_cluster), Disk(small_disk)
    server = start_server("--sync-interval", "200ms", store=store, data_dir=small_disk / "data")
    draw, ledger = random.Random(count), Ledger()
    for cycle in range(count):
        load(server, ledger, 2000, draw)  # a start has loaded no total, and one that is not loaded needs the database
        own_cluster.stop()
        disk.fill()
        load_until_refused(server, ledger, draw)
        check_refusal(server)
        end = ENDS[cycle % len(ENDS)]
        end(server, own_cluster, disk, ledger)
        eventually(lambda: server.get("/readyz").status == 200, 20, "ready")
        come_to_rest([server])
        # All were answered, so nothing is unknown: not one of the refused was applied.
        assert not ledger.unanswered and store.totals() == dict(ledger.acknowledged), f"cycle {cycle}, {end.__name__}"
    assert server.terminate() == 0
    verify(server)
    figures(cycles=count, acknowledged=sum(ledger.acknowledged.values()), refused=sum(ledger.refused.values()), lost=0)


def failed_flushes(server):
    return scrape(server).sum("simple_request_flush_total", result="failed")


def dirty_keys(server):
    return scrape(server).sum("simple_request_keys_dirty")


def until_a_flush_fails(server, ledger, draw, disk, cycle):
    failed = failed_flushes(server)
    for part in range(20):
        disk.fill()
        fresh = [f"{cycle}-{part}-{n}".ljust(400, "k") for n in range(2000)]
        seen = load(server, ledger, 5000, draw, fresh)
        eventually(lambda: failed_flushes(server) > failed or dirty_keys(server) == 0, 20, "a flush, good or bad")
        if failed_flushes(server) > failed:
            return
        if seen.refused:  # the journal met the full disk first: no further flush would come
            disk.free()
            goes_on(server, ledger)
    raise AssertionError("the database's file was never full")


def test_sqlite_on_a_disk_that_is_full_and_freed_goes_on(start_server, small_disk, figures):
    """The database's own file cannot grow: an outage of the database like others."""
    count = settings.count("FULL_DISK_CYCLES", short=2, long=60)
    disk, draw, sums = Disk(small_disk), random.Random(count), Counter()
    for first in range(0, count, CYCLES_A_FILE):
        directory = small_disk / f"data{first}"
        store, ledger = SqliteStore(directory / "counters.db"), Ledger()
        server = start_server("--sync-interval", "200ms", store=store, data_dir=directory)
        for cycle in range(first, min(first + CYCLES_A_FILE, count)):
            until_a_flush_fails(server, ledger, draw, disk, cycle)
            disk.free()
            goes_on(server, ledger)
            eventually(lambda: server.get("/readyz").status == 200, 20, "ready")
            come_to_rest([server])
            assert not ledger.unanswered and store.totals() == dict(ledger.acknowledged), f"cycle {cycle}"
        assert server.terminate() == 0
        verify(server)
        shutil.rmtree(directory)
        sums.update(acknowledged=sum(ledger.acknowledged.values()), refused=sum(ledger.refused.values()))
    figures(cycles=count, **sums, lost=0)
