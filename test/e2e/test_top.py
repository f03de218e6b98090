"""GET /top: the hottest keys in order, with rates of the last seconds."""

import json
import time

import pytest

from lib.http import increment_bytes
from lib.waiting import eventually


def top(connection, query=""):
    response = connection.request("GET", f"/top{query}")
    assert response.status == 200 and response.header("cache-control") == "no-store", response
    document = response.json()
    assert list(document) == ["data", "rate", "seconds", "sampled"]
    for row in document["data"]:
        assert list(row) == ["key", "rate", "error"] and 0 <= row["error"] <= row["rate"]
    rates = [row["rate"] for row in document["data"]]
    assert rates == sorted(rates, reverse=True) and sum(rates) <= document["rate"] + 0.1 * len(rates) + 0.1
    return document


def test_nothing_is_hot_at_first(start_server):
    with start_server().connect() as connection:
        document = top(connection)
        assert document["data"] == [] and document["rate"] == 0 and document["sampled"] == 1


def test_the_hottest_key_comes_first_whatever_was_added_to_it(start_server):
    server = start_server()
    batch = json.dumps([{"key": "often", "value": -1}] * 30 + [{"key": "rare", "value": 10**12}] * 3 + [{"key": 'quo"te\n', "value": 0}] * 9)
    with server.connect() as connection:
        connection.send(increment_bytes("solo", 1) * 20)
        for _ in range(20):
            assert connection.read_response().status == 200
        assert connection.request("POST", "/increment", batch.encode(), [("Content-Type", "application/json")]).status == 200
        document = eventually(lambda: len((found := top(connection))["data"]) == 4 and found, 30, "rates are told")
        assert [row["key"] for row in document["data"]] == ["often", "solo", 'quo"te\n', "rare"]
        assert [row["key"] for row in top(connection, "?limit=2")["data"]] == ["often", "solo"]
        assert document["data"][0]["rate"] == pytest.approx(10 * document["data"][3]["rate"], abs=1)
        assert all(row["error"] == 0 for row in document["data"])


def test_a_rate_is_of_the_last_seconds(start_server):
    server = start_server()
    with server.connect() as connection:
        started, sent = time.monotonic(), 0
        while time.monotonic() < started + 3:
            connection.send(increment_bytes("steady", 1) * 50)
            sent += sum(connection.read_response().status == 200 for _ in range(50))
        took = time.monotonic() - started
        document = eventually(lambda: (found := top(connection))["data"] and found, 10, "rates are told")
        assert document["data"][0]["key"] == "steady"
        # The seconds before the first increment count too, at most ten; and speed may vary on a busy machine.
        assert sent / 20 <= document["data"][0]["rate"] <= 5 * sent / took
        eventually(lambda: top(connection)["rate"] < 0.5 * sent / took, 30, "it cools down")


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=", "?limit=ten", "?limit=-1", "?limit=1&limit=1"])
def test_a_limit_that_is_none_is_refused(shared_server, query):
    with shared_server.connect() as connection:
        response = connection.request("GET", f"/top{query}")
        assert response.status == 422 and "limit" in response.message()
