"""Totals survive every end: SIGTERM, SIGINT, kill -9, many of them in a row, with and without a flush."""

import signal

import pytest

from lib import settings
from lib.load import Load, keys_at_random
from lib.store import PostgresStore
from lib.waiting import eventually


@pytest.mark.parametrize("interval", ["1h", "100ms"])
@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_totals_survive_a_restart(start_server, store, how, interval):
    server = start_server("--sync-interval", interval, store=store)
    for total in (2, 4, 6):
        assert server.increment("a", 2) == total
    server.increment("negative", -3)
    server.restart(how)
    assert server.total("a") == 6
    assert server.total("negative") == -3
    assert server.increment("a", 1) == 7


def test_sigint_ends_like_sigterm(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 1)
    server.signal(signal.SIGINT)
    assert server.wait() == 0
    assert store.totals() == {"a": 1}


def test_a_kill_after_a_kill_loses_nothing_though_nothing_was_flushed(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for total in range(1, 6):
        assert server.increment("a", 1) == total
        assert server.increment(f"round{total}", 1) == 1
        server.restart("kill")
    assert server.terminate() == 0
    assert store.totals() == {"a": 5} | {f"round{n}": 1 for n in range(1, 6)}


def test_a_second_sigterm_ends_at_once_and_the_journal_has_everything(make_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = make_server("--sync-interval", "1h", "--drain-timeout", "5m", store=store)
    if settings.SANITIZER == "thread":  # which finds the workers that have ended and that nobody will join
        server.env["TSAN_OPTIONS"] = server.env.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
    server.start()
    server.increment("a", 3)
    own_cluster.freeze()
    server.signal(signal.SIGTERM)
    eventually(lambda: not listening(server), 10, "it has stopped accepting")
    server.signal(signal.SIGTERM)
    server.wait(5)
    own_cluster.thaw()
    server.start()
    assert server.total("a") == 3


def listening(server):
    try:
        return server.get("/livez") is not None
    except Exception:  # refused, reset or closed: all mean no
        return False


def test_sigterm_under_load_answers_what_is_in_flight_and_keeps_it(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    load = Load(server.address, keys_at_random([f"k{n}" for n in range(100)]), connections=16).start()
    eventually(lambda: load.ledger.statuses[200] > 5000, 20, "load runs")
    assert server.terminate() == 0
    ledger = load.stop()
    assert set(ledger.statuses) <= {200, 503}
    ledger.check(store.totals())


def test_sigterm_with_the_database_away_ends_in_time_with_everything_journaled(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "1h", "--drain-timeout", "2s", store=store)
    server.increment("a", 3)
    own_cluster.stop()
    assert server.terminate(15) == 0
    own_cluster.start()
    server.start()
    assert server.total("a") == 3
    server.terminate()
    assert store.totals() == {"a": 3}


def test_lives_under_load_add_up_whichever_way_each_ends(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    sums = {}
    for life in range(3):
        source = keys_at_random([f"k{n}" for n in range(50)], seed=life)
        ledger = Load(server.address, (next(source) for _ in range(3000)), connections=8).run()
        assert ledger.statuses == {200: 3000}
        for key, value in ledger.acknowledged.items():
            sums[key] = sums.get(key, 0) + value
            assert server.total(key) == sums[key]
        server.restart("kill" if life % 2 else "terminate")
    assert server.terminate() == 0
    assert store.totals() == sums
