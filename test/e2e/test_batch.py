"""POST /increment with many increments: all or none, in order, as a JSON array or as lines."""

import json
import random
import threading

import pytest

from lib import settings
from lib.http import JSON, Closed, request_bytes
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

NDJSON = ("Content-Type", "application/x-ndjson")
MAX = (1 << 63) - 1


def array(items):
    return json.dumps([{"key": key, "value": value} for key, value in items], ensure_ascii=False).encode()


def lines(items, end="\n"):
    return end.join(json.dumps({"key": key, "value": value}, ensure_ascii=False) for key, value in items).encode()


def post(connection, body, *headers):
    return connection.request("POST", "/increment", body, headers or [JSON])


def totals_of(response):
    return [(item["key"], item["value"]) for item in response.json()["data"]]


def test_the_answer_to_the_byte(start_server, store):
    server = start_server(store=store)
    with server.connect() as connection:
        response = post(connection, b'[{"key":"a","value":1},{"key":"b\\n","value":-2},{"key":"a","value":5}]')
        assert response.status == 200
        assert response.body == (b'{"data":[{"key":"a","value":1},{"key":"b\\u000a","value":-2},'
                                 b'{"key":"a","value":6}]}')
        assert response.fields == [("content-type", "application/json"), ("content-length", str(len(response.body)))]
    assert server.terminate() == 0
    assert store.totals() == {"a": 6, "b\n": -2}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \n"])
def test_lines_are_a_batch_too(shared_server, end):
    with shared_server.connect() as connection:
        body = lines([("line", 1), ("line", 2)], end)
        before = shared_server.total("line") or 0
        assert totals_of(post(connection, body, NDJSON)) == [("line", before + 1), ("line", before + 3)]
        assert totals_of(post(connection, body + end.encode(), NDJSON))[1] == ("line", before + 6)


def test_minimal_is_obeyed(shared_server):
    with shared_server.connect() as connection:
        response = post(connection, array([("minimal", 1), ("minimal", 2)]), JSON, ("Prefer", "return=minimal"))
        assert (response.status, response.body) == (202, b"")
        assert response.header("preference-applied") == "return=minimal"
    assert shared_server.total("minimal") == 3


GOOD = b'{"key":"canary","value":1}'


@pytest.mark.parametrize("body, status, word", [
    (b"[]", 422, "no items"),
    (b"[" + GOOD + b',{"key":"x"}]', 422, "item 1: value"),
    (b"[" + GOOD + b',{"key":"","value":1}]', 422, "item 1: key"),
    (b"[" + GOOD + b",7]", 422, "item 1: "),
    (b"[" + GOOD + b",[" + GOOD + b"]]", 422, "item 1: "),
    (b"[7," + GOOD + b',{"x"}]', 400, "item 2: malformed"),
    (b"[" + GOOD + b",]", 400, "malformed"),
    (b"[," + GOOD + b"]", 400, "malformed"),
    (b"[" + GOOD, 400, "malformed"),
    (b"[" + GOOD + b"}", 400, "malformed"),
    (b"[" + GOOD + b"]]", 400, "malformed"),
    (b"[" + GOOD + b"] x", 400, "malformed"),
    (b"[" + GOOD + b" " + GOOD + b"]", 400, "item 0: malformed"),
    (b"[" + b"[" * 100_000, 400, "malformed"),
    (b"[" + GOOD + b',{"key":"x","value":1,"x":' + b"[" * 100 + b"]" * 100 + b"}]", 400, "item 1: the JSON is nested"),
    (b"[" + GOOD + b',{"key":"\xff","value":1}]', 400, "item 1: malformed"),
    (b"[" + b",".join([GOOD] * 10_001) + b"]", 422, "more than 10000"),
])
def test_what_is_no_batch_counts_nothing(shared_server, body, status, word):
    with shared_server.connect() as connection:
        response = post(connection, body)
        assert response.status == status and word in response.message(), response
    assert shared_server.total("canary") is None


@pytest.mark.parametrize("body, status, word", [
    (b"", 422, "no items"), (b"\n \n", 422, "no items"),
    (GOOD + b"\n{}", 422, "item 1: key"), (GOOD + b"\n{", 400, "item 1: malformed"),
    (b"[" + GOOD + b"]", 422, "item 0: "), (GOOD + GOOD, 400, "item 0: malformed"),
    (b"\n".join([GOOD] * 10_001), 422, "more than 10000"),
])
def test_lines_that_are_no_batch_count_nothing(shared_server, body, status, word):
    with shared_server.connect() as connection:
        response = post(connection, body, NDJSON)
        assert response.status == status and word in response.message(), response
    assert shared_server.total("canary") is None


def test_an_overflow_anywhere_leaves_everything_as_it_was(shared_server):
    shared_server.set("high", MAX - 10)
    with shared_server.connect() as connection:
        response = post(connection, array([("low", 1), ("high", 6), ("low", 1), ("high", 5), ("low", 1)]))
        assert response.status == 409 and "item 3: " in response.message()
        assert shared_server.total("low") is None and shared_server.total("high") == MAX - 10
        items = [("high", 6), ("high", -6), ("high", 10)]
        assert totals_of(post(connection, array(items))) == [("high", MAX - 4), ("high", MAX - 10), ("high", MAX)]


def test_ten_thousand_items_and_long_keys(start_server, store):
    server = start_server("--sync-interval", "300ms", store=store)
    items = [(f"{n % 7001:05}" + "é" * 250, n) for n in range(10_000)]
    expected, sums = [], {}
    for key, value in items:
        sums[key] = sums.get(key, 0) + value
        expected.append((key, sums[key]))
    with server.connect(timeout=30) as connection:
        assert totals_of(post(connection, array(items))) == expected
        again = totals_of(post(connection, lines(items), NDJSON))
    assert [total - sums[key] for key, total in again] == [total for _, total in expected]
    server.restart("kill")
    assert server.terminate() == 0
    assert store.totals() == {key: 2 * total for key, total in sums.items()}


def test_keys_that_are_not_in_memory_are_loaded_for_the_whole_batch(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    items = [(f"key{n}", n) for n in range(5000)]
    with server.connect(timeout=30) as connection:
        assert post(connection, array(items)).status == 200
    server.restart()
    with server.connect(timeout=30) as connection:
        assert totals_of(post(connection, array(items))) == [(key, 2 * value) for key, value in items]
    assert server.terminate() == 0
    assert store.totals() == {key: 2 * value for key, value in items}


def test_without_the_database_unknown_totals_are_null(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("known", 5)
    equal_eventually(store.totals, {"known": 5}, 5, "the first flush")
    own_cluster.stop()
    with server.connect(timeout=30) as connection:
        eventually(lambda: post(connection, array([("new", 1), ("known", 1)])).status == 202, 20, "202")
        response = post(connection, array([("new", 1), ("known", 1), ("set", 0)]))
        assert response.status == 202 and [total for _, total in totals_of(response)] [::2] == [None, None]
    server.set("fresh", 5)
    with server.connect() as connection:
        assert totals_of(post(connection, array([("fresh", 1), ("fresh", 1)]))) == [("fresh", 6), ("fresh", 7)]
    counted = scrape(server).sum("simple_request_increments_accepted_total")
    server.kill()
    own_cluster.start()
    server.start()
    known = store.totals()["known"]
    assert server.terminate() == 0
    totals = store.totals()
    assert totals["fresh"] == 7 and totals["set"] == 0 and totals["known"] >= known
    assert totals["known"] - 5 == totals["new"] and counted == 1 + 2 * totals["new"] + 1 + 2


def transfers(server, stop, draw, keys, outcomes):
    """Batches that move an amount from one key to another, until the server goes away."""
    try:
        with server.connect() as connection:
            while not stop.is_set():
                one, other = draw.sample(keys, 2)
                amount = draw.randrange(1, 100)
                response = post(connection, array([(one, -amount), (other, amount)]))
                outcomes.append(response.status)
    except (Closed, OSError):
        pass


def test_batches_are_whole_after_kill_9(start_server, store):
    """The sum over all keys stays 0: half a batch would show."""
    keys = [f"account{n}" for n in range(20)]
    server = start_server("--sync-interval", "100ms", "--workers", "4", store=store)
    draw, outcomes = random.Random(3), []
    for cycle in range(settings.count("BATCH_KILLS", short=5, long=50)):
        stop = threading.Event()
        threads = [threading.Thread(target=transfers, args=(server, stop, random.Random(cycle * 100 + n), keys, outcomes))
                   for n in range(8)]
        before = len(outcomes)
        for thread in threads:
            thread.start()
        eventually(lambda: len(outcomes) > before + draw.randrange(50, 400), 20, "some batches")
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()
        server.start()
        assert sum(server.total(key) or 0 for key in keys) == 0
    assert set(outcomes) == {200}
    assert server.terminate() == 0
    assert sum(store.totals().values()) == 0 and any(store.totals().values())


def test_a_batch_is_one_moment_to_others(start_server, store):
    """Two clients add to two keys in one batch each: whoever sees the other's first key sees the second one too."""
    server = start_server("--sync-interval", "50ms", "--workers", "4", store=store)
    seen = []

    def client(order):
        with server.connect() as connection:
            for _ in range(2000):
                totals = dict(totals_of(post(connection, array([(key, 1) for key in order]))))
                seen.append((totals["left"], totals["right"]))

    threads = [threading.Thread(target=client, args=(order,)) for order in (["left", "right"], ["right", "left"]) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(n, n) for n in range(1, 8001)]
    assert server.terminate() == 0
    assert store.totals() == {"left": 8000, "right": 8000}


def test_pipelined_batches_and_singles_keep_their_order(shared_server):
    single = request_bytes("POST", "/increment", b'{"key":"mixed","value":1}', [JSON])
    batch = request_bytes("POST", "/increment", array([("mixed", 1), ("mixed", 1)]), [JSON])
    with shared_server.connect() as connection:
        connection.send((single + batch) * 200)
        total = 0
        for _ in range(200):
            assert connection.read_response().json()["data"]["value"] == total + 1
            assert totals_of(connection.read_response()) == [("mixed", total + 2), ("mixed", total + 3)]
            total += 3


def test_a_slow_reader_of_large_answers_is_bounded(start_server):
    """Answers that are not taken are charged to the same budget as bodies: 503, then all is given back."""
    server = start_server("--sync-interval", "1h")
    # A key of 500 control characters takes 1,000 bytes in the body and 3,000 in the answer.
    key = "\n" * 500
    body = array([(f"{n:03}{key}", 1) for n in range(1000)] * 7)
    connections = [server.connect(timeout=30) for _ in range(12)]
    try:
        for connection in connections:
            connection.send(request_bytes("POST", "/increment", body, [JSON]))
        statuses = [connection.read_response().status for connection in connections]
        assert set(statuses) <= {200, 503} and 200 in statuses
    finally:
        for connection in connections:
            connection.close()
    with server.connect(timeout=30) as connection:
        assert post(connection, body).status == 200
    eventually(lambda: scrape(server).sum("simple_request_http_in_flight_bytes") == 0, 5, "the budget is given back")
