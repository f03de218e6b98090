"""An hour's outage in small: the database down under full load. Memory stays flat, the journal is bounded by compaction,
the database catches up soon; in a small control group the service refuses and is never killed."""

import threading
import time
from collections import Counter

import pytest

from lib import settings
from lib.benchload import BenchLoad
from lib.cgroup import MemoryGroup
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import eventually

MIB = 1 << 20
GROWTH_MOST = 64 * MIB
CATCH_UP_SECONDS = 60
JOURNAL_LIMIT = 256 * MIB
PREFIX = "outage-" + "k" * 180 + "-"  # long keys fill the journal soon


@pytest.fixture
def away(own_cluster):
    own_cluster.start()
    return PostgresStore(own_cluster)


class Watch:
    """The highest values of some figures within a `with`."""

    def __init__(self, **figures):
        self.figures, self.highest = figures, dict.fromkeys(figures, 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self.highest

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while True:
            for name, read in self.figures.items():
                self.highest[name] = max(self.highest[name], read())
            if self._stop.wait(0.2):
                return


def written(server):
    return int(scrape(server).value("simple_request_journal_records_bytes_total"))


def compactions(server):
    return int(scrape(server).sum("simple_request_journal_compactions_total"))


def epochs(server):
    page = scrape(server)
    return [int(page.value("simple_request_epoch", which=which)) for which in ("open", "applied")]


def caught_up(server, epoch):
    return epochs(server)[1] >= epoch


def check_table(store, *ledgers):
    total = Counter()
    for ledger in ledgers:
        total.update(ledger)
    rows = store.totals()
    wrong = [key for key in rows.keys() | total.keys() if rows.get(key, 0) != total[key]]
    assert not wrong, f"{len(wrong)} keys wrong, such as {wrong[0]}: {rows.get(wrong[0])}, acknowledged {total[wrong[0]]}"
    return sum(total.values())


def test_an_outage_under_full_load_costs_no_memory_and_is_caught_up_soon(start_server, away, tmp_path, figures):
    seconds = settings.count("LONG_OUTAGE_SECONDS", short=10, long=600)
    keys = settings.count("LONG_OUTAGE_KEYS", short=20_000, long=100_000)
    rate = settings.count("LONG_OUTAGE_RATE", short=0, long=0)  # 0: as fast as it is answered
    server = start_server("--sync-interval", "1s", "--journal-limit", str(JOURNAL_LIMIT), "--database-timeout", "5s",
                          "--journal-retention", "1s", store=away)
    words = f"--keys {keys} --key-prefix {PREFIX}"
    first = BenchLoad(server, tmp_path, f"{words} --sequential --requests {keys} --depth 16")
    assert first.wait(120) and first.statuses() == {200: keys}
    load = BenchLoad(server, tmp_path, f"{words} --connections 64 --rate {rate} --seconds {seconds + 600}")
    open_epoch = epochs(server)[0]
    eventually(lambda: caught_up(server, open_epoch + 3), 60, "flushes of the usual kind, for the memory before")
    before, journal_before = server.memory("VmRSS"), written(server)

    away.cluster.stop("immediate")
    with Watch(memory=lambda: server.memory("VmRSS"),
               journal=lambda: scrape(server).value("simple_request_journal_bytes")) as highest:
        time.sleep(seconds)
        eventually(lambda: compactions(server) > 0, 120, "a compaction, however slow the machine fills the journal")
        journaled = written(server) - journal_before
        away.cluster.start()
        back, newest = time.monotonic(), epochs(server)[0]
        eventually(lambda: caught_up(server, newest), CATCH_UP_SECONDS, "what was counted while it was away is in the database")
        catch_up = time.monotonic() - back

    report = load.stop()
    assert set(load.statuses()) <= {200}, load.statuses()
    eventually(lambda: scrape(server).sum("simple_request_keys_dirty") == 0, 30, "all is flushed")
    assert scrape(server).sum("simple_request_ledger_mismatch") == 0
    compacted = compactions(server)
    assert server.terminate() == 0
    acknowledged = check_table(away, first.acknowledged(), load.acknowledged())
    figures(outage_seconds=seconds, keys=keys, per_second=round(report["per_second"]), acknowledged=acknowledged,
            growth_mib=round((highest["memory"] - before) / MIB, 1), memory_before_mib=round(before / MIB, 1),
            journaled_mib=round(journaled / MIB), journal_most_mib=round(highest["journal"] / MIB), compactions=compacted,
            catch_up_seconds=round(catch_up, 1), refused=0, lost=0, double=0)
    assert highest["journal"] <= JOURNAL_LIMIT
    if settings.LONG:
        assert journaled > 4 * JOURNAL_LIMIT, "without compaction it would hardly have overflowed: this run proves little"
    if not settings.SANITIZER:
        assert highest["memory"] - before <= GROWTH_MOST, f"{(highest['memory'] - before) / MIB:.1f} MiB"


def group_mib():
    return settings.count("GROUP_MIB", short=96, long=256)


@pytest.fixture
def group():
    try:
        group = MemoryGroup("simple-request-torture", group_mib() * MIB)
    except OSError as error:
        pytest.skip(f"no control group with a memory limit can be made here: {error}")
    yield group
    group.close()


@pytest.mark.skipif(bool(settings.SANITIZER), reason="a sanitizer needs more memory than that")
def test_in_a_small_group_it_refuses_new_keys_and_is_never_killed(make_server, away, group, tmp_path, figures):
    """The table's limit is half of the group's by default; journal, page cache and flush have the other half."""
    keys = settings.count("GROUP_KEYS", short=250_000, long=4_000_000)
    seconds = settings.count("GROUP_SECONDS", short=5, long=120)
    prefix = "group-" + "k" * settings.count("GROUP_KEY_BYTES", short=180, long=0)
    server = make_server("--sync-interval", "1s", "--database-timeout", "5s", "--journal-limit", "2GiB", store=away,
                         preexec=group.enter)
    try:
        server.start()
        away.cluster.stop("immediate")
        with Watch(used=group.used, page_cache=group.page_cache, memory=lambda: server.memory("VmRSS")) as highest:
            load = BenchLoad(server, tmp_path, f"--keys {keys} --sequential --key-prefix {prefix} --connections 32 "
                                               f"--depth 16 --seconds {seconds}")
            load.process.wait((seconds + 60) * settings.TIME_SCALE)
            assert group.kills() == 0 and server.alive(), f"killed for want of memory: {highest}"
            load.wait(10)
            statuses = load.statuses()
            assert set(statuses) <= {200, 202, 503}, statuses
            away.cluster.start()
            eventually(lambda: scrape(server).sum("simple_request_keys_dirty") == 0, 600, "all is flushed within the group")
        assert server.alive() and group.kills() == 0
        assert server.terminate() == 0
    finally:
        server.kill()  # the group cannot be removed before
    acknowledged = check_table(away, load.acknowledged())
    figures(limit_mib=group_mib(), new_keys=len(load.acknowledged()), acknowledged=acknowledged, refused=statuses.get(503, 0),
            used_most_mib=round(highest["used"] / MIB), page_cache_most_mib=round(highest["page_cache"] / MIB),
            resident_most_mib=round(highest["memory"] / MIB), killed=0, version=group.version)
    assert statuses.get(503, 0) > 0, "memory was not full"
