"""The journal at its bound (--journal-limit, full disk): 503, nothing lost, free again by itself."""

import pytest

from lib.disk import fill
from lib.load import Load, keys_at_random
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

KEYS = [f"key{n:03d}".ljust(500, "k") for n in range(100)]  # long ones, to fill the journal soon


@pytest.fixture
def away(own_cluster):
    own_cluster.start()
    return PostgresStore(own_cluster)


def load(server, number):
    source = keys_at_random(KEYS)
    requests = (next(source) for _ in range(number))
    return Load(server.address, requests, connections=8, depth=64).run()


def fill_journal(server, ledger, rounds=40):
    """Load with the database away until increments are refused; they must be, in bounded work."""
    for _ in range(rounds):
        ledger.add(load(server, 10_000))
        assert set(ledger.statuses) <= {200, 202, 503}, dict(ledger.statuses)
        if ledger.statuses[503] > 5000:
            return
    raise AssertionError(f"never full: {dict(ledger.statuses)}")


def check_refusal(server):
    with server.connect() as connection:
        response = connection.increment(KEYS[0], 1)
        assert response.status == 503 and response.message()
        assert int(response.header("retry-after")) >= 1
        assert connection.request("GET", "/livez").status == 200


def check_recovery(server, store, ledger):
    """With the database back everything is flushed, the journal is freed, increments are taken."""
    eventually(lambda: server.get("/readyz").status == 200, 20, "ready")
    equal_eventually(store.totals, dict(ledger.acknowledged), 20, "the table")
    eventually(lambda: takes(server, ledger), 20, "increments are taken again")
    again = load(server, 5000)
    assert set(again.statuses) == {200}, dict(again.statuses)
    ledger.add(again)
    assert server.terminate() == 0
    ledger.check(store.totals())


def takes(server, ledger):
    with server.connect() as connection:
        response = connection.increment(KEYS[0], 1)
    if response.status in (200, 202):
        ledger.acknowledged[KEYS[0]] += 1
    return response.status == 200


@pytest.mark.parametrize("kill", [False, True], ids=["running", "killed"])
def test_at_the_journal_limit_increments_are_refused_until_the_database_is_back(start_server, away, kill):
    server = start_server("--journal-limit", "64MiB", "--sync-interval", "500ms", store=away)
    ledger = load(server, 2000)
    away.cluster.stop()
    fill_journal(server, ledger)
    check_refusal(server)
    if kill:
        server.kill()
        server.start(wait="live")
    away.cluster.start()
    check_recovery(server, away, ledger)


def test_a_full_disk_refuses_and_loses_nothing_that_was_acknowledged(start_server, small_disk, away):
    server = start_server("--sync-interval", "500ms", store=away, data_dir=small_disk / "data")
    ledger = load(server, 2000)
    away.cluster.stop()
    fill(small_disk / "filler")
    fill_journal(server, ledger)
    check_refusal(server)
    away.cluster.start()
    check_recovery(server, away, ledger)


def test_a_full_disk_and_a_kill_lose_nothing_that_was_acknowledged(start_server, small_disk, postgres):
    server = start_server("--sync-interval", "1h", store=postgres, data_dir=small_disk / "data")
    ledger = load(server, 2000)
    fill(small_disk / "filler")
    ledger.add(load(server, 100_000))
    assert server.alive() and set(ledger.statuses) <= {200, 202, 503}
    server.kill()
    (small_disk / "filler").unlink()
    server.start()
    ledger.check({key: server.total(key) for key in KEYS})
    assert server.terminate() == 0
    ledger.check(postgres.totals())


def test_space_that_comes_back_is_used_though_the_database_stays_away(start_server, small_disk, away):
    server = start_server("--sync-interval", "500ms", store=away, data_dir=small_disk / "data")
    ledger = load(server, 2000)
    away.cluster.stop()
    fill(small_disk / "filler")
    fill_journal(server, ledger)
    (small_disk / "filler").unlink()
    eventually(lambda: takes(server, ledger), 20, "increments are taken again")
    away.cluster.start()
    equal_eventually(away.totals, dict(ledger.acknowledged), 20, "the table")
