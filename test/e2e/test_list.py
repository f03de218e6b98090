"""GET /counters: pages in key order, memory and store merged, stable while everything changes."""

import random
import threading
from urllib.parse import quote

import pytest

from lib.http import JSON, Closed, increment_bytes
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually


def page(connection, **query):
    text = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in query.items())
    response = connection.request("GET", f"/counters?{text}")
    assert response.status == 200, response
    document = response.json()
    assert list(document) == ["data", "next"]
    return [(item["key"], item["value"]) for item in document["data"]], document["next"]


def pages(connection, **query):
    """All items over all pages."""
    found, after = [], None
    while True:
        items, after = page(connection, **query, **({"after": after} if after is not None else {}))
        assert len(items) <= query.get("limit", 100)
        found += items
        if after is None:
            return found


def in_order(items):
    return sorted(items, key=lambda item: item[0].encode())


def test_the_answer_to_the_byte(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    assert server.get("/counters").body == b'{"data":[],"next":null}'
    for key, value in (("b", 2), ("a\n", -1), ("c", 3)):
        server.increment(key, value)
    response = server.get("/counters?limit=2")
    assert response.body == b'{"data":[{"key":"a\\u000a","value":-1},{"key":"b","value":2}],"next":"b"}'
    assert response.fields == [("content-type", "application/json"), ("content-length", str(len(response.body)))]
    assert server.get("/counters?limit=2&after=b").body == b'{"data":[{"key":"c","value":3}],"next":null}'
    assert server.get("/counters?limit=3").body.endswith(b'"next":null}')
    with server.connect() as connection:
        assert connection.request("HEAD", "/counters").body == b""


KEYS = ["A", "a", "a ", "a/b", "a\x01", "ab", "aé", "aé/1", "b", "é", "日本", "😀", "z" * 512, "\uffff"]


@pytest.mark.parametrize("flushed", [False, True])
def test_keys_come_in_the_order_of_their_bytes(start_server, store, flushed):
    server = start_server("--sync-interval", "1h", store=store)
    expected = []
    for number, key in enumerate(KEYS):
        server.increment(key, number)
        expected.append((key, number))
    if flushed:
        server.restart()
    expected = in_order(expected)
    with server.connect() as connection:
        for limit in (1, 2, 5, 100, 1000):
            assert pages(connection, limit=limit) == expected
        for prefix in ("a", "aé", "A", "é", "nothing", "z" * 511, "\U0010ffff"):
            assert pages(connection, prefix=prefix, limit=2) == [i for i in expected if i[0].startswith(prefix)]
        assert page(connection, prefix="a", after="A", limit=1)[0] == [("a", KEYS.index("a"))]
        assert page(connection, prefix="a", after="b") == ([], None)
        assert page(connection, prefix="b", after="a", limit=1) == ([("b", KEYS.index("b"))], None)


def test_memory_and_store_are_one_list(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    expected = {}
    for n in range(300):
        server.increment(f"{n:04}", n)
        expected[f"{n:04}"] = n
    server.restart()
    for n in range(0, 600, 2):
        key, what = f"{n:04}", n % 8
        if what == 0:
            server.delete(key)
            expected.pop(key, None)
        elif what == 2:
            server.set(key, -n)
            expected[key] = -n
        else:
            expected[key] = expected.get(key, 0) + 1
            assert server.increment(key, 1) == expected[key]
    with server.connect() as connection:
        for limit in (1, 7, 100, 1000):
            assert dict(pages(connection, limit=limit)) == expected
    server.restart()
    with server.connect() as connection:
        assert pages(connection) == in_order(expected.items())


def test_a_page_is_not_made_short_by_deleted_keys(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for n in range(500):
        server.increment(f"{n:04}", 1)
    server.restart()
    for n in range(450):
        server.delete(f"{n:04}")
    with server.connect() as connection:
        items, after = page(connection, limit=20)
        while not items:  # so many in a row may take more than one page
            items, after = page(connection, limit=20, after=after)
        assert [key for key, _ in items][0] == "0450"
        assert len(pages(connection, limit=20)) == 50


@pytest.mark.parametrize("query, status, word", [
    ("limit=0", 422, "limit"), ("limit=1001", 422, "limit"), ("limit=", 422, "limit"), ("limit=-1", 422, "limit"),
    ("limit=1.0", 422, "limit"), ("limit=99999999999999999999", 422, "limit"), ("limit=%31", 422, "limit"),
    ("limit=1&limit=2", 422, "limit"), ("prefix=a&prefix=a", 422, "prefix"), ("after=%zz", 400, "after"),
    ("after=%ff", 400, "after"), ("prefix=%C3", 400, "prefix"), ("prefix=%00", 422, "prefix"),
    ("prefix=" + "a" * 513, 422, "prefix"), ("after=" + "a" * 513, 422, "after"), ("as=text", 422, "as"),
])
def test_bad_parameters_are_named(shared_server, query, status, word):
    response = shared_server.get("/counters?" + query)
    assert response.status == status and f"parameter" in response.message() and word in response.message()


def test_other_parameters_and_methods(shared_server):
    assert shared_server.get("/counters?x=%zz&&=&limit=1").status == 200
    assert shared_server.get("/counters?prefix=a+b%20c").status == 200
    with shared_server.connect() as connection:
        response = connection.request("POST", "/counters", b"{}", [JSON])
        assert (response.status, response.header("allow")) == (405, "GET, HEAD, OPTIONS")
        assert connection.request("GET", "/counters", headers=[("Accept", "text/html")]).status == 406


def test_integers_as_strings_for_clients_that_count_in_doubles(shared_server):
    big = (1 << 53) + 1
    shared_server.set("big", big)
    text = b'{"data":{"key":"big","value":"%d"' % big
    with shared_server.connect() as connection:
        assert connection.request("GET", "/counters/big?as=string").body.startswith(text)
        assert connection.request("GET", "/counters/big?as=number").json()["data"]["value"] == big
        accept = ("Accept", "text/html, application/json; int64=string")
        body = b'{"key":"big","value":0}'
        assert connection.request("POST", "/increment", body, [JSON, accept]).body == text + b"}}"
        assert connection.request("POST", "/increment?as=string", body, [JSON]).body == text + b"}}"
        response = connection.request("POST", "/increment?as=string", b"[" + body + b"]", [JSON])
        assert response.body == b'{"data":[{"key":"big","value":"%d"}]}' % big
        response = connection.request("PUT", "/counters/big?as=string", b'{"value":-1}', [JSON])
        assert response.body == b'{"data":{"key":"big","value":"-1"}}'
        response = connection.request("GET", "/counters?prefix=big&as=string")
        assert response.body == b'{"data":[{"key":"big","value":"-1"}],"next":null}'
        assert connection.request("GET", "/counters/big?as=text").status == 422
        assert connection.request("GET", "/counters/big", headers=[("Accept", "application/json;int64=string;q=0")]).status == 406


def churn(server, stop, seed):
    """Counts, sets and deletes keys that are in nobody's way, as fast as it goes."""
    draw = random.Random(seed)
    try:
        with server.connect() as connection:
            while not stop.is_set():
                connection.send(b"".join(increment_bytes(f"{draw.randrange(3000):04}x{draw.randrange(9)}", 1) for _ in range(50)))
                connection.read_responses(50)
                connection.set(f"{draw.randrange(3000):04}y", 5)
                connection.request("DELETE", f"/counters/{draw.randrange(3000):04}y")
                connection.request("DELETE", f"/counters/{draw.randrange(3000):04}x1")
    except (Closed, OSError):
        pass


def test_every_key_that_exists_throughout_is_listed_once_with_its_total(start_server, store):
    server = start_server("--sync-interval", "50ms", "--workers", "2", store=store)
    fixed = {f"{n:04}": n for n in range(0, 3000, 10)}
    with server.connect() as connection:
        connection.send(b"".join(increment_bytes(key, value) for key, value in fixed.items()))
        connection.read_responses(len(fixed))
    stop = threading.Event()
    threads = [threading.Thread(target=churn, args=(server, stop, seed)) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        with server.connect(timeout=30) as connection:
            for round_number in range(8):
                items = pages(connection, limit=97)
                keys = [key for key, _ in items]
                assert keys == sorted(set(keys), key=str.encode)
                assert {key: value for key, value in items if key in fixed} == fixed
                # What is acknowledged before a list begins is in it.
                key = f"{round_number * 10:04}"
                fixed[key] += 1
                assert connection.increment(key, 1).json()["data"]["value"] == fixed[key]
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_what_was_acknowledged_is_in_the_next_page(start_server, store):
    server = start_server("--sync-interval", "20ms", store=store)
    with server.connect(timeout=30) as connection:
        for total in range(1, 400):
            connection.increment("moving", 1)
            assert page(connection, prefix="moving") == ([("moving", total)], None)


def test_without_the_database_there_is_no_list(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "100ms", store=store)
    server.increment("a", 5)
    equal_eventually(store.totals, {"a": 5}, 5, "the first flush")
    own_cluster.stop()
    eventually(lambda: server.get("/counters").status == 503, 20, "503")
    assert server.get("/counters").header("retry-after") == "1"
    own_cluster.start()
    eventually(lambda: server.get("/counters").status == 200, 20, "200")
    with server.connect() as connection:
        assert pages(connection) == [("a", 5)]


def test_a_client_that_goes_away_leaves_nothing(start_server):
    server = start_server()
    server.increment("a", 1)
    for _ in range(200):
        with server.connect() as connection:
            connection.send(b"GET /counters HTTP/1.1\r\nHost: x\r\n\r\n")
    eventually(lambda: server.get("/counters").status == 200, 10, "the lister works on")
    assert server.terminate() == 0
