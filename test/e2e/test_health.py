"""/livez, /readyz, /healthz: 200 in health, 503 with a reason; a database outage is none."""

import pytest

from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_a_healthy_service_says_so(start_server, store, path):
    server = start_server(store=store)
    assert server.get(path).status == 200


def test_a_database_outage_leaves_the_service_ready(start_server, own_cluster):
    own_cluster.start()
    server = start_server("--sync-interval", "200ms", store=PostgresStore(own_cluster))
    server.increment("a", 1)
    own_cluster.stop()
    server.increment("a", 1)
    for path in ("/livez", "/readyz", "/healthz"):
        assert server.get(path).status == 200


def test_ready_max_lag_turns_readiness_red_while_the_database_is_away(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "200ms", "--ready-max-lag", "1s", store=store)
    server.increment("a", 1)
    own_cluster.stop()
    server.increment("a", 1)
    for path in ("/readyz", "/healthz"):
        response = eventually(lambda p=path: red(server, p), 10, f"{path} is 503")
        assert response.message()
    assert server.get("/livez").status == 200
    own_cluster.start()
    eventually(lambda: server.get("/readyz").status == 200, 20, "ready again")
    # Ready means that what is left is younger than a second, not that nothing is left.
    equal_eventually(store.totals, {"a": 2}, 10, "after the outage")


def red(server, path):
    response = server.get(path)
    return response if response.status == 503 else None
