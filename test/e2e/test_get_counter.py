"""GET /counters/{key}: total, what the database has of it, 404, percent-encoding."""

import pytest

from lib.waiting import eventually


def test_a_counter_never_counted_is_not_found(shared_server):
    response = shared_server.get("/counters/nobody")
    assert response.status == 404
    assert response.message()


def test_reading_does_not_create_a_counter(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    for _ in range(3):
        assert server.get("/counters/nobody").status == 404
    assert server.terminate() == 0
    assert store.totals() == {}


def test_synced_follows_the_total_after_a_flush(start_server, store):
    server = start_server("--sync-interval", "300ms", store=store)
    server.increment("a", 5)
    first = server.counter("a")
    assert first["key"] == "a" and first["value"] == 5 and first["synced"] in (None, 0, 5)
    eventually(lambda: server.counter("a") == {"key": "a", "value": 5, "synced": 5}, 5, "synced is 5")


def test_before_the_flush_synced_is_behind_the_value(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    assert server.counter("a")["synced"] in (None, 0)
    server.restart()
    assert server.counter("a") == {"key": "a", "value": 5, "synced": 5}
    server.increment("a", 2)
    assert server.counter("a") == {"key": "a", "value": 7, "synced": 5}


def test_the_answer_has_the_members_in_order(shared_server):
    shared_server.increment("order", 5)
    body = shared_server.get("/counters/order").body
    assert body.startswith(b'{"data":{"key":"order","value":5,"synced":') and body.endswith(b"}}")


@pytest.mark.parametrize("key, path", [
    ("a b", "a%20b"), ("a/b", "a%2Fb"), ("a+b", "a+b"), ("100%", "100%25"), ("é", "%C3%A9"),
    ("é!", "%c3%a9%21"), ("a?b", "a%3Fb"), ("plain-._~", "plain-._~"), ("%41", "%2541"), ("..", "%2E%2E"),
    ("a:b@c", "a:b@c"),
])
def test_a_key_in_the_path_is_percent_decoded_once(shared_server, key, path):
    total = shared_server.increment(key, 1)
    response = shared_server.get(f"/counters/{path}")
    assert response.status == 200
    assert response.json()["data"]["key"] == key and response.json()["data"]["value"] == total


def test_a_query_after_the_key_is_not_part_of_it(shared_server):
    shared_server.increment("query", 1)
    assert shared_server.get("/counters/query?x=1").json()["data"]["key"] == "query"


def test_what_is_in_the_database_already_is_found(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    server.terminate()
    store.execute("INSERT INTO counters (key, value) VALUES ('old', 40)")
    server.start()
    assert server.counter("old") == {"key": "old", "value": 40, "synced": 40}
    assert server.increment("old", 2) == 42
