"""N increments of one over 64 connections are answered with exactly 1..N, each once, while flushes run."""

import pytest

from lib import settings
from lib.load import Load

NUMBER = settings.count("LINEAR_INCREMENTS", short=30_000, long=1_000_000)


@pytest.mark.parametrize("workers", ["1", "4"])
def test_each_total_is_answered_once_and_in_order_on_each_connection(start_server, store, workers):
    server = start_server("--sync-interval", "100ms", "--workers", workers, store=store)
    load = Load(server.address, [("one", 1)] * NUMBER, connections=64, depth=8, keep_answers=True)
    ledger = load.run()
    assert ledger.statuses == {200: NUMBER}
    answers = ledger.answers["one"]
    assert sorted(total for _, total in answers) == list(range(1, NUMBER + 1))
    last = {}
    for line, total in answers:
        assert total > last.get(line, 0)
        last[line] = total
    assert server.total("one") == NUMBER
    assert server.terminate() == 0
    assert store.totals() == {"one": NUMBER}


def test_a_read_on_another_connection_sees_what_was_answered(start_server, store):
    server = start_server("--sync-interval", "100ms", "--workers", "4", store=store)
    with server.connect() as writer, server.connect() as reader:
        for total in range(1, 500):
            assert writer.increment("seen", 1).json()["data"]["value"] == total
            assert reader.request("GET", "/counters/seen").json()["data"]["value"] == total
