"""--durability: what each mode keeps across SIGTERM and across kill -9."""

import pytest

from lib.load import Load, keys_at_random
from lib.server import StartFailed
from lib.waiting import equal_eventually

MODES = ["fsync", "write", "none"]
KEYS = [f"key{n}" for n in range(100)]


def load(server, number=5000):
    source = keys_at_random(KEYS)
    ledger = Load(server.address, (next(source) for _ in range(number)), connections=8).run()
    assert ledger.statuses == {200: number}
    return ledger


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_keeps_everything_across_sigterm(start_server, store, mode):
    server = start_server("--durability", mode, "--sync-interval", "1h", store=store)
    ledger = load(server)
    assert server.terminate() == 0
    ledger.check_exact(store.totals())


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_syncs_at_its_interval(start_server, store, mode):
    server = start_server("--durability", mode, "--sync-interval", "300ms", store=store)
    ledger = load(server)
    equal_eventually(store.totals, dict(ledger.acknowledged), 5, "the table")


@pytest.mark.parametrize("mode", ["fsync", "write"])
def test_fsync_and_write_keep_everything_across_kill_9(start_server, store, mode):
    server = start_server("--durability", mode, "--sync-interval", "1h", store=store)
    ledger = load(server)
    server.restart("kill")
    ledger.check_exact({key: server.total(key) for key in KEYS})


def test_none_keeps_across_kill_9_what_was_flushed_and_invents_nothing(start_server, store):
    server = start_server("--durability", "none", "--sync-interval", "300ms", store=store)
    ledger = load(server)
    equal_eventually(store.totals, dict(ledger.acknowledged), 5, "the table")
    for key in KEYS:
        server.increment(key, 1)
    server.restart("kill")
    for key in KEYS:
        assert ledger.acknowledged[key] <= (server.total(key) or 0) <= ledger.acknowledged[key] + 1


def test_a_directory_may_change_its_mode(start_server, make_server, store):
    first = start_server("--durability", "none", "--sync-interval", "1h", store=store)
    data_dir, total = first.data_dir, 0
    first.kill()
    for mode in ("fsync", "none", "write", "fsync"):
        options = ("--durability", mode, "--sync-interval", "1h")
        server = make_server(*options, store=store, data_dir=data_dir).start()
        total += 1
        assert server.increment("a", 1) == total
        assert server.terminate() == 0
    assert store.totals() == {"a": 4}


def test_an_unknown_mode_is_refused_by_name(make_server):
    with pytest.raises(StartFailed) as failure:
        make_server("--durability", "sometimes").start()
    assert "durability" in failure.value.log and "fsync" in failure.value.log
