"""Many distinct keys over a small memory limit: 503s are repeated, memory is flat, totals right."""

import pytest

from lib import settings
from lib.load import Load
from lib.metrics import scrape
from lib.store import PostgresStore

MIB = 1 << 20
BESIDE = 64 * MIB  # what a process may take beside its table: 192 MiB at a limit of 128 MiB


def value_of(number):
    return number % 7 + 1


def distinct(number):
    for n in range(number):
        yield f"key{n:08d}", value_of(n)


def check_table(store, number):
    """All rows there, none wrong: by SQL, since a dictionary of millions would be the test's own memory."""
    integer = "CAST(substr(key, 4) AS bigint)"
    rows = store.query("SELECT count(*), sum(value), min(key), max(key) FROM counters")[0]
    total = sum(value_of(n) for n in range(number))
    assert rows == (number, total, "key00000000", f"key{number - 1:08d}")
    assert store.query(f"SELECT count(*) FROM counters WHERE value <> {integer} % 7 + 1") == [(0,)]


def fill(server, number, limit):
    """Counts every key once, repeating what is refused; watches the memory meanwhile."""
    ledger = Load(server.address, distinct(number), connections=16, depth=64, retry=True).run()
    assert set(ledger.statuses) <= {200, 202, 503}
    assert ledger.statuses[200] + ledger.statuses[202] == number
    assert not ledger.unanswered and not ledger.refused
    if not settings.SANITIZER:
        assert server.memory("VmHWM") < limit + BESIDE, f"{server.memory('VmHWM') / MIB:.0f} MiB"
    return ledger


def test_distinct_keys_over_the_limit_leave_memory_flat_and_totals_right(start_server, store):
    number, limit = (300_000, 8) if store.name == "sqlite" else (150_000, 4)
    server = start_server("--memory-limit", f"{limit}MiB", "--sync-interval", "1s", store=store)
    fill(server, number, limit * MIB)
    assert scrape(server).sum("simple_request_keys") < number / 2, "the limit was not reached"
    assert server.terminate(60) == 0
    check_table(store, number)


def test_a_table_full_of_dirty_keys_answers_503_and_known_keys_go_on(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--memory-limit", "4MiB", "--sync-interval", "300ms", store=store)
    assert server.increment("known", 1) == 1
    own_cluster.stop()
    server.increment("known", 1)
    ledger = Load(server.address, distinct(150_000), connections=8, depth=64).run()
    assert set(ledger.statuses) == {202, 503} or set(ledger.statuses) == {200, 202, 503}
    with server.connect() as connection:
        response = connection.increment("one more key", 1)
        assert response.status == 503 and response.message()
        assert int(response.header("retry-after")) >= 1
        assert connection.increment("known", 1).status == 200
    assert scrape(server).sum("simple_request_keys") > 10_000
    own_cluster.start()
    assert server.terminate(60) == 0
    totals = store.totals()
    assert totals.pop("known") == 3
    assert totals == dict(ledger.acknowledged)


def test_an_evicted_key_comes_back_with_its_total(start_server, store):
    server = start_server("--memory-limit", "4MiB", "--sync-interval", "200ms", store=store)
    assert server.increment("first", 41) == 41
    fill(server, 80_000, 4 * MIB)
    assert scrape(server).sum("simple_request_keys") < 75_000, "the limit was not reached"
    assert server.increment("first", 1) == 42


@pytest.mark.long
@pytest.mark.parametrize("number", [5_000_000])
def test_five_million_keys_at_128_mib_stay_under_192_mib(start_server, store, number):
    server = start_server("--memory-limit", "128MiB", store=store)
    fill(server, number, 128 * MIB)
    assert server.terminate(300) == 0
    check_table(store, number)
