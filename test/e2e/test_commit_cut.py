"""The connection is cut right before or right after COMMIT: each increment is applied once all the same."""

import time

import pytest

from lib import settings
from lib.load import Load, keys_at_random
from lib.waiting import equal_eventually, eventually

KEYS = [f"key{n}" for n in range(200)]


def times():
    return settings.count("COMMIT_CUTS", short=3, long=20)


def known(server):
    """Makes every key resident, so that a cut makes few totals unknown."""
    ledger = Load(server.address, [(key, 1) for key in KEYS], connections=4).run()
    assert ledger.statuses == {200: len(KEYS)}
    return ledger


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_cut_around_commit_applies_each_increment_once(start_server, proxied, where):
    store, proxy = proxied
    server = start_server("--sync-interval", "200ms", store=store)
    ledger = known(server)
    load = Load(server.address, keys_at_random(KEYS), connections=8, pace=3000).start()
    for number in range(1, times() + 1):
        proxy.arm(where, 1, "counters")
        proxy.wait_cuts(number)
        commits = proxy.commits
        eventually(lambda: proxy.commits > commits, 30, "the flush goes on after the cut")
    ledger.add(load.stop())
    assert set(ledger.statuses) <= {200, 202}, dict(ledger.statuses)
    equal_eventually(store.totals, dict(ledger.acknowledged), 10, f"after {times()} cuts")
    assert server.terminate() == 0
    ledger.check_exact(store.totals())


@pytest.mark.parametrize("where", ["before", "after"])
def test_cuts_in_a_row_are_survived(start_server, proxied, where):
    store, proxy = proxied
    server = start_server("--sync-interval", "200ms", store=store)
    ledger = known(server)
    load = Load(server.address, keys_at_random(KEYS), connections=2, pace=500).start()
    proxy.arm(where, 4)
    proxy.wait_cuts(4, timeout=60)
    ledger.add(load.stop())
    assert set(ledger.statuses) <= {200, 202}, dict(ledger.statuses)
    equal_eventually(store.totals, dict(ledger.acknowledged), 30, "applied once")


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_9_after_the_cut_asks_the_writers_row(start_server, proxied, where):
    store, proxy = proxied
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("a", 5)
    equal_eventually(store.totals, {"a": 5}, 5, "first flush")
    proxy.arm(where, 1, "counters")
    server.increment("a", 2)
    proxy.wait_cuts(1)
    server.kill()
    server.start()
    assert server.total("a") == 7
    assert server.terminate() == 0
    assert store.totals() == {"a": 7}


def test_a_connection_cut_at_any_time_is_survived(start_server, proxied):
    store, proxy = proxied
    server = start_server("--sync-interval", "100ms", store=store)
    ledger = known(server)
    load = Load(server.address, keys_at_random(KEYS), connections=8, pace=3000).start()
    for _ in range(times() * 3):
        time.sleep(0.15)
        proxy.sever()
    ledger.add(load.stop())
    assert set(ledger.statuses) <= {200, 202}, dict(ledger.statuses)
    assert server.terminate() == 0
    ledger.check_exact(store.totals())
