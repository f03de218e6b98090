"""PostgreSQL frozen (SIGSTOP to all its processes) for longer than every deadline, then thawed: what it answers late is
not counted twice, and while it is frozen increments of resident keys are answered as fast as before."""

import random
import statistics
import time
from collections import Counter

from exact import finish, known, ones
from lib import settings
from lib.benchload import BenchLoad
from lib.load import Load
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

KEYS = [f"key{n}" for n in range(200)]


def flushes(server, result):
    return int(scrape(server).value("simple_request_flush_total", result=result))


def test_what_a_thawed_database_answers_late_is_counted_once(start_server, own_cluster, figures):
    freezes = settings.count("FREEZES", short=4, long=100)
    own_cluster.start()
    store, draw = PostgresStore(own_cluster), random.Random(freezes)
    server = start_server("--sync-interval", "20ms", "--database-timeout", "300ms", store=store)
    ledgers = [known(server, KEYS)]
    load = Load(server.address, ones(KEYS, draw), connections=8, pace=1500, keep_answers=True).start()
    for _ in range(freezes):
        time.sleep(draw.uniform(0, 0.1))  # anywhere in a flush
        own_cluster.freeze()
        time.sleep(draw.uniform(0.5, 1.2))  # past the deadline of the flush, perhaps that of some claims
        own_cluster.thaw()
        before = flushes(server, "applied")
        eventually(lambda: flushes(server, "applied") > before, 20, "flushes go on")
    ledgers.append(load.stop())
    failed, unknown = flushes(server, "failed"), flushes(server, "unknown")
    assert failed > 0, "no freeze met a flush"
    number = finish(server, store, *ledgers)
    figures(freezes=freezes, flushes_failed=failed, commits_unknown=unknown, acknowledged=number, lost=0, double=0)


def test_a_frozen_database_is_not_felt_by_increments_of_resident_keys(start_server, own_cluster, tmp_path, figures):
    """Windows of equal length with the database running and frozen, in turn; each has its p99."""
    seconds = settings.count("FREEZE_SECONDS", short=4, long=60)
    rounds = settings.count("FREEZE_ROUNDS", short=1, long=3)
    rate = settings.count("FREEZE_RATE", short=1000, long=2000)
    own_cluster.start()
    store, total = PostgresStore(own_cluster), Counter()
    # The deadline of the database is longer than two intervals, after which totals are looked up again: by default, too.
    interval = settings.count("FREEZE_INTERVAL_MS", short=500, long=10_000)
    server = start_server("--sync-interval", f"{interval}ms", store=store)

    def window(words):
        load = BenchLoad(server, tmp_path, f"--keys 500 --connections 16 {words}")
        report = load.wait(seconds + 60)
        assert set(load.statuses()) == {200}, load.statuses()
        total.update(load.acknowledged())
        return report["latency_us"]

    def settled():
        equal_eventually(store.totals, dict(total), 3 * interval / 1000 + 40, "all is flushed")

    window("--sequential --requests 500")
    running, frozen = [], []
    for _ in range(rounds):
        settled()
        running.append(window(f"--rate {rate} --seconds {seconds}"))
        own_cluster.freeze()
        frozen.append(window(f"--rate {rate} --seconds {seconds}"))
        own_cluster.thaw()
    settled()
    assert server.terminate() == 0
    assert store.totals() == dict(total)
    p99 = {name: statistics.median(w["p99"] for w in windows) / 1000
           for name, windows in (("running", running), ("frozen", frozen))}
    longest = max(w["max"] for w in frozen) / 1000
    figures(frozen_seconds=seconds, rounds=rounds, rate=rate, p99_ms_running=round(p99["running"], 3),
            p99_ms_frozen=round(p99["frozen"], 3), longest_ms_frozen=round(longest, 1), acknowledged=sum(total.values()))
    # The short form runs beside everything else: there only a wait for the database is a failure.
    assert p99["frozen"] - p99["running"] <= (1 if settings.LONG else 100 * settings.TIME_SCALE), "the freeze was felt"
