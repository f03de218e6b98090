"""The flush: the SQL table equals the totals after an interval and after SIGTERM; the user owns the table."""

import pytest

from lib.load import Load, keys_at_random
from lib.waiting import equal_eventually, eventually

KEYS = [f"key{n}" for n in range(200)]


def counted(server, number, **more):
    source = keys_at_random(KEYS, seed=3)
    return Load(server.address, (next(source) for _ in range(number)), connections=8, **more).run()


def test_the_table_equals_the_totals_after_an_interval(start_server, store):
    server = start_server("--sync-interval", "500ms", store=store)
    ledger = counted(server, 5000)
    equal_eventually(store.totals, dict(ledger.acknowledged), 2, "the table after the load")
    more = counted(server, 5000)
    ledger.add(more)
    equal_eventually(store.totals, dict(ledger.acknowledged), 2, "the table after more load")


def test_the_table_equals_the_totals_after_sigterm(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    ledger = counted(server, 5000)
    assert store.totals() == {}
    assert server.terminate() == 0
    ledger.check_exact(store.totals())


def test_nothing_reaches_the_table_before_its_interval(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    counted(server, 100)
    with pytest.raises(AssertionError):
        eventually(store.totals, 0.5, "rows")


def test_a_key_at_plus_five_minus_five_and_a_zero_get_rows(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for key, value in (("back", 5), ("back", -5), ("zero", 0)):
        server.increment(key, value)
    assert server.terminate() == 0
    assert store.totals() == {"back": 0, "zero": 0}


def test_an_interval_makes_one_row_a_key_and_touches_only_changed_keys(start_server, store):
    server = start_server("--sync-interval", "300ms", store=store)
    for key in ("a", "b"):
        server.increment(key, 1)
    equal_eventually(store.totals, {"a": 1, "b": 1}, 5, "first flush")
    first = dict(store.query("SELECT key, updated_at FROM counters"))
    server.increment("a", 1)
    equal_eventually(store.totals, {"a": 2, "b": 1}, 5, "second flush")
    second = dict(store.query("SELECT key, updated_at FROM counters"))
    assert second["b"] == first["b"] and second["a"] >= first["a"]


def test_a_users_own_update_is_respected(start_server, store):
    server = start_server("--sync-interval", "300ms", store=store)
    server.increment("a", 5)
    equal_eventually(store.totals, {"a": 5}, 5, "first flush")
    assert store.execute("UPDATE counters SET value = 100 WHERE key = ?", ("a",)) == 1
    server.increment("a", 1)
    equal_eventually(store.totals, {"a": 101}, 5, "the increment adds to the user's value")
    expected = {"key": "a", "value": 101, "synced": 101}
    eventually(lambda: server.counter("a") == expected, 5, "the reply follows")
    assert server.increment("a", 1) == 102


def test_an_idle_key_is_read_again_after_a_users_update(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("a", 5)
    equal_eventually(store.totals, {"a": 5}, 5, "first flush")
    store.execute("UPDATE counters SET value = 70 WHERE key = ?", ("a",))
    eventually(lambda: server.total("a") == 70, 5, "the base is loaded anew")


def test_a_row_the_user_deleted_starts_from_nothing(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("a", 5)
    equal_eventually(store.totals, {"a": 5}, 5, "first flush")
    store.execute("DELETE FROM counters WHERE key = ?", ("a",))
    eventually(lambda: server.total("a") is None, 5, "the row's absence is seen")
    assert server.increment("a", 2) == 2
    equal_eventually(store.totals, {"a": 2}, 5, "the new row")


def test_a_sum_that_does_not_fit_is_set_aside_and_does_not_block_the_others(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for key in ("a", "full", "z"):
        server.increment(key, 10)
    server.restart()
    for key in ("a", "full", "z"):
        assert server.increment(key, 5) == 15
    store.execute("UPDATE counters SET value = ? WHERE key = 'full'", ((1 << 63) - 3,))
    assert server.terminate() == 0
    assert store.totals() == {"a": 15, "full": (1 << 63) - 3, "z": 15}
    refused = store.query("SELECT key, delta, is_set FROM counter_refused")
    assert [(bytes(key), delta, bool(is_set)) for key, delta, is_set in refused] == [(b"full", 5, False)]


def test_two_instances_on_one_database_add_up(start_server, postgres):
    servers = [start_server("--sync-interval", "100ms", store=postgres) for _ in range(2)]
    loads = [Load(s.address, keys_at_random(KEYS, seed=n), connections=4, pace=4000).start()
             for n, s in enumerate(servers)]
    eventually(lambda: all(load.ledger.sent > 8000 for load in loads), 20, "load on both")
    ledgers = [load.stop() for load in loads]
    for ledger in ledgers:
        assert set(ledger.statuses) == {200}
    for server in servers:
        assert server.terminate() == 0
    sums = {key: sum(ledger.acknowledged.get(key, 0) for ledger in ledgers) for key in KEYS}
    assert postgres.totals() == {key: total for key, total in sums.items() if total}
