"""The database away: at start, under load, restarted, frozen. No increment of a known key is refused."""

import time

import pytest

from lib import settings
from lib.load import Load, keys_at_random
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

KEYS = [f"key{n}" for n in range(500)]
INTERVAL = 2.0


@pytest.fixture
def away(own_cluster):
    """A store whose cluster the test stops; started here."""
    own_cluster.start()
    return PostgresStore(own_cluster)


def known(server):
    """Makes every key resident."""
    ledger = Load(server.address, [(key, 1) for key in KEYS], connections=4).run()
    assert ledger.statuses == {200: len(KEYS)}
    return ledger


def outage(server, store, leave, come_back, seconds):
    """Load through an outage; checks that nothing was refused and that the sums are equal in time."""
    ledger = known(server)
    load = Load(server.address, keys_at_random(KEYS), connections=16, pace=3000, keep_latencies=True).start()
    time.sleep(0.5)
    leave()
    time.sleep(seconds)
    come_back()
    back = time.monotonic()
    ledger.add(load.stop())
    assert set(ledger.statuses) == {200}, dict(ledger.statuses)
    assert ledger.sent > 2000 * seconds
    equal_eventually(store.totals, dict(ledger.acknowledged), 2 * INTERVAL + 1, "within two intervals")
    print(f"equal {time.monotonic() - back:.1f} s after the database came back")
    assert server.get("/readyz").status == 200
    assert server.terminate() == 0
    ledger.check_exact(store.totals())
    return load.ledger


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_stopped_database_refuses_no_increment_and_gets_every_one(start_server, away, how):
    server = start_server("--sync-interval", f"{INTERVAL:.0f}s", store=away)
    seconds = settings.count("OUTAGE_SECONDS", short=4, long=30)
    outage(server, away, lambda: away.cluster.stop(how), away.cluster.start, seconds)


def test_a_quick_restart_of_the_database_is_not_felt(start_server, away):
    server = start_server("--sync-interval", f"{INTERVAL:.0f}s", store=away)
    outage(server, away, lambda: away.cluster.stop("fast"), away.cluster.start, 0)


def test_a_frozen_database_refuses_no_increment_and_delays_none_for_long(start_server, away):
    server = start_server("--sync-interval", "500ms", "--database-timeout", "1s", store=away)
    ledger = outage(server, away, away.cluster.freeze, away.cluster.thaw, 4)
    assert max(ledger.latencies) < 3 * settings.TIME_SCALE


def test_a_database_absent_at_start_is_nothing_special(start_server, own_cluster):
    store = PostgresStore(own_cluster, database="postgres")
    server = start_server("--sync-interval", "1s", store=store, wait="live")
    with server.connect() as connection:
        for _ in range(2):
            response = connection.increment("new", 5)
            assert response.status == 202
            assert response.body == b'{"data":{"key":"new","value":null}}'
        response = connection.request("GET", "/counters/new")
        assert response.status == 503 and response.message()
        assert int(response.header("retry-after")) >= 0
    assert server.get("/readyz").status == 200
    own_cluster.start()
    equal_eventually(store.totals, {"new": 10}, 15, "the table after the database came")
    eventually(lambda: server.total("new") == 10, 5, "the total is known")
    assert server.increment("new", 1) == 11


def test_increments_journaled_without_a_database_survive_a_kill(start_server, own_cluster):
    store = PostgresStore(own_cluster, database="postgres")
    server = start_server("--sync-interval", "200ms", store=store, wait="live")
    for life in range(3):
        ledger = Load(server.address, [(f"k{n}", 1) for n in range(100)], connections=4).run()
        assert ledger.statuses == {202: 100}
        server.kill()
        server.start(wait="live")
    own_cluster.start()
    equal_eventually(store.totals, {f"k{n}": 3 for n in range(100)}, 20, "all three lives")


def test_a_new_key_during_an_outage_is_counted_with_an_unknown_total(start_server, away):
    server = start_server("--sync-interval", "200ms", store=away)
    assert server.increment("old", 1) == 1
    away.cluster.stop()
    eventually(lambda: status(server, "new") == 202, 20, "the outage is known")
    assert server.increment("old", 1) == 2
    away.cluster.start()
    eventually(lambda: status(server, "new") == 200, 20, "totals again")
    total = server.total("new")
    assert server.terminate() == 0
    assert away.totals() == {"old": 2, "new": total}


def status(server, key):
    with server.connect(timeout=40) as connection:
        return connection.increment(key, 1).status


def test_a_database_that_is_replaced_by_an_empty_one_stops_the_flush_and_names_why(start_server, away):
    server = start_server("--sync-interval", "200ms", store=away)
    server.increment("a", 1)
    equal_eventually(away.totals, {"a": 1}, 5, "flushed")
    server.terminate()
    away.execute("DELETE FROM counter_writers")
    server.start(wait="live")
    response = eventually(lambda: not_ready(server), 10, "readiness is refused")
    assert response.message()
    assert status(server, "a") in (200, 202, 503)
    server.terminate()
    assert away.totals() == {"a": 1}


def not_ready(server):
    response = server.get("/readyz")
    return response if response.status == 503 else None
