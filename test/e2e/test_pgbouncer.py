"""Through PgBouncer in transaction mode: no named statements, no start-up options, a server connection per transaction."""

import pytest

from lib.pooler import Pooled, Pooler
from lib.waiting import eventually


@pytest.fixture
def pooler(own_cluster):
    own_cluster.start()
    pooler = Pooler(own_cluster)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.close()


def test_counts_reach_the_table_through_a_pooler(start_server, own_cluster, pooler):
    store = Pooled(own_cluster, pooler.port)
    server = start_server("--sync-interval", "200ms", store=store)
    for n in range(1, 51):
        assert server.increment("a", 2) == 2 * n
    eventually(lambda: store.totals() == {"a": 100}, 5, "flushed through the pooler")
    assert server.terminate() == 0
    assert server.start().total("a") == 100


def test_a_pooler_that_dies_loses_and_doubles_nothing(start_server, own_cluster, pooler):
    store = Pooled(own_cluster, pooler.port)
    server = start_server("--sync-interval", "100ms", store=store)
    total = 0
    for _ in range(5):
        for _ in range(20):
            total += 1
            assert server.increment("a", 1) == total
        pooler.kill()
        total += 1
        assert server.increment("a", 1) == total
        pooler.start()
    eventually(lambda: store.totals() == {"a": total}, 15, "all is flushed after the last restart")
