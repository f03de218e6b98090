"""PUT and DELETE /counters/{key}: exact answers, order against increments, kill -9, one row operation a key at flush."""

import threading

import pytest

from lib.http import FORM, JSON, Closed, counter_target, increment_bytes, request_bytes
from lib.load import Load
from lib.metrics import scrape
from lib.waiting import equal_eventually, eventually

MAX, MIN = (1 << 63) - 1, -(1 << 63)


def test_the_answers_to_the_byte(start_server, store):
    server = start_server(store=store)
    with server.connect() as connection:
        response = connection.request("PUT", "/counters/a%2Fb", b'{"value":5}', [JSON])
        assert response.status == 200 and response.body == b'{"data":{"key":"a/b","value":5}}'
        assert response.fields == [("content-type", "application/json"), ("content-length", "32")]
        response = connection.request("DELETE", "/counters/a%2Fb")
        assert (response.status, response.fields, response.body) == (204, [], b"")
        assert connection.request("GET", "/counters/a%2Fb").status == 404
        response = connection.increment("a/b", 3)
        assert response.body == b'{"data":{"key":"a/b","value":3}}'


def test_a_delete_of_what_was_never_counted_is_the_same(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.delete("nobody")
    assert server.total("nobody") is None
    assert server.terminate() == 0
    assert store.totals() == {}


@pytest.mark.parametrize("value", [MAX, MIN, 0, -1])
def test_any_64_bit_total_can_be_set(shared_server, value):
    shared_server.set("limits", 7)
    shared_server.set("limits", value)
    assert shared_server.total("limits") == value


def test_a_total_that_was_set_overflows_like_any_other(shared_server):
    shared_server.set("over", MAX)
    with shared_server.connect() as connection:
        assert connection.increment("over", 1).status == 409
    assert shared_server.increment("over", -1) == MAX - 1


def test_a_form_sets_too_and_minimal_is_obeyed(shared_server):
    with shared_server.connect() as connection:
        assert connection.request("PUT", "/counters/form", b"value=-4", [FORM]).json()["data"]["value"] == -4
        minimal = [JSON, ("Prefer", "return=minimal")]
        response = connection.request("PUT", "/counters/form", b'{"value":6}', minimal)
        assert (response.status, response.body) == (202, b"")
        assert response.header("preference-applied") == "return=minimal"
        response = connection.request("DELETE", "/counters/gone", headers=[("Prefer", "return=minimal")])
        assert (response.status, response.body) == (204, b"")
    assert shared_server.total("form") == 6


@pytest.mark.parametrize("method, target, body, headers, status", [
    ("PUT", "/counters/bad", b"{}", [JSON], 422),
    ("PUT", "/counters/bad", b'{"value":null}', [JSON], 422),
    ("PUT", "/counters/bad", b'{"value":1.5}', [JSON], 422),
    ("PUT", "/counters/bad", b'{"value":9223372036854775808}', [JSON], 422),
    ("PUT", "/counters/bad", b"[1]", [JSON], 422),
    ("PUT", "/counters/bad", b'{"value":1,"value":1}', [JSON], 400),
    ("PUT", "/counters/bad", b'{"value":1', [JSON], 400),
    ("PUT", "/counters/bad", b"", [JSON], 400),
    ("PUT", "/counters/bad", b'{"value":1}', [], 415),
    ("PUT", "/counters/bad", b'{"value":1}', [JSON, ("Accept", "text/html")], 406),
    ("PUT", "/counters/%00", b'{"value":1}', [JSON], 422),
    ("PUT", "/counters/%ff", b'{"value":1}', [JSON], 400),
    ("PUT", "/counters/" + "k" * 513, b'{"value":1}', [JSON], 422),
    ("DELETE", "/counters/%zz", None, [], 400),
    ("PUT", "/counters/", b'{"value":1}', [JSON], 404),
    ("DELETE", "/counters/a/b", None, [], 404),
    ("PATCH", "/counters/bad", b'{"value":1}', [JSON], 405),
])
def test_what_is_refused_changes_nothing(shared_server, method, target, body, headers, status):
    shared_server.increment("bad", 1)
    before = shared_server.total("bad")
    with shared_server.connect() as connection:
        response = connection.request(method, target, body, headers)
    assert response.status == status and response.message()
    if status == 405:
        assert response.header("allow") == "GET, HEAD, PUT, DELETE, OPTIONS"
    assert shared_server.total("bad") == before


def test_options_tells_the_methods(shared_server):
    with shared_server.connect() as connection:
        response = connection.request("OPTIONS", "/counters/a")
    assert (response.status, response.header("allow")) == (204, "GET, HEAD, PUT, DELETE, OPTIONS")


def test_pipelined_operations_on_one_key_keep_their_order(shared_server):
    put = request_bytes("PUT", "/counters/line", b'{"value":100}', [JSON])
    steps = [(increment_bytes("line", 1), 1), (put, 100), (increment_bytes("line", 1), 101),
             (request_bytes("DELETE", "/counters/line"), None), (increment_bytes("line", 7), 7),
             (increment_bytes("line", 1), 8), (put, 100), (request_bytes("DELETE", "/counters/line"), None)]
    with shared_server.connect() as connection:
        connection.send(b"".join(data for data, _ in steps) * 50)
        for _, total in steps * 50:
            response = connection.read_response()
            assert response.status == (204 if total is None else 200)
            assert total is None or response.json()["data"]["value"] == total
    assert shared_server.total("line") is None


def test_nothing_is_lost_by_kill_9_right_after_the_acknowledgement(start_server, store):
    server = start_server("--sync-interval", "150ms", store=store)
    expected = {}
    for cycle in range(6):
        with server.connect() as connection:
            for n in range(40):
                key, value = f"key{n}", cycle * 1000 + n
                if n % 4 == 3:
                    assert connection.request("DELETE", counter_target(key)).status == 204
                    expected.pop(key, None)
                else:
                    assert connection.set(key, value).status == 200
                    expected[key] = value
                if n % 4 == 1:
                    assert connection.increment(key, 5).json()["data"]["value"] == value + 5
                    expected[key] += 5
        server.restart("kill")
        assert {key: server.total(key) for key in expected} == expected
    assert server.terminate() == 0
    assert store.totals() == expected


def test_a_set_cuts_concurrent_increments_in_a_before_and_an_after(start_server, store):
    server = start_server("--sync-interval", "100ms", "--workers", "4", store=store)
    load = Load(server.address, [("one", 1)] * 20_000, connections=16, depth=4, keep_answers=True).start()
    big = 1 << 40
    try:
        eventually(lambda: load.ledger.statuses[200] > 2000, 20, "some increments")
        server.set("one", big)
    finally:
        ledger = load.join()
    assert ledger.statuses == {200: 20_000}
    answers = [total for _, total in ledger.answers["one"]]
    before = sorted(total for total in answers if total < big)
    after = sorted(total for total in answers if total >= big)
    assert before == list(range(1, len(before) + 1)) and len(before) >= 2000
    assert after == list(range(big + 1, big + len(after) + 1))
    assert server.terminate() == 0
    assert store.totals() == {"one": big + len(after)}


def test_many_changes_of_a_key_are_one_row_operation(start_server, postgres):
    server = start_server("--sync-interval", "1h", store=postgres)
    postgres.execute("CREATE TABLE seen (op text, key text)")
    postgres.execute("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                     "INSERT INTO seen VALUES (TG_OP, coalesce(NEW.key, OLD.key)); RETURN NULL; END $$")
    postgres.execute("INSERT INTO counters (key, value) VALUES ('deleted', 9), ('set', 9), ('both', 9)")
    postgres.execute("CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON counters "
                     "FOR EACH ROW EXECUTE FUNCTION note()")
    for n in range(20):
        server.increment("set", 1)
        server.set("set", n)
        server.increment("both", 1)
        server.delete("both")
        server.increment("both", n)
        server.increment("deleted", 1)
        server.delete("deleted")
    assert server.terminate() == 0
    assert postgres.totals() == {"set": 19, "both": 19}
    assert sorted(postgres.query("SELECT op, key FROM seen")) == [
        ("DELETE", "deleted"), ("UPDATE", "both"), ("UPDATE", "set")]


def test_sets_and_deletes_reach_the_table_beside_increments(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for n in range(300):
        server.increment(f"key{n}", n)
    server.restart()
    expected = {}
    for n in range(300):
        key = f"key{n}"
        if n % 3 == 0:
            server.set(key, -n)
            expected[key] = -n
        elif n % 3 == 1:
            server.delete(key)
        else:
            assert server.increment(key, 1) == n + 1
            expected[key] = n + 1
    assert server.terminate() == 0
    assert store.totals() == expected


def test_without_the_database_sets_and_deletes_are_known_at_once(start_server, own_cluster):
    from lib.store import PostgresStore

    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("deleted", 5)
    equal_eventually(store.totals, {"deleted": 5}, 5, "the first flush")
    own_cluster.stop()
    server.set("fresh", 5)
    assert server.increment("fresh", 1) == 6 and server.total("fresh") == 6
    server.delete("deleted")
    assert server.total("deleted") is None
    server.restart("kill", wait="live")
    own_cluster.start()
    equal_eventually(store.totals, {"fresh": 6}, 20, "the flush after the outage")


def test_two_instances_a_set_removes_what_reached_the_database_and_keeps_what_is_flushed_later(start_server, postgres):
    early = start_server("--sync-interval", "200ms", store=postgres)
    late = start_server("--sync-interval", "1h", store=postgres)
    early.increment("key", 10)
    equal_eventually(postgres.totals, {"key": 10}, 5, "the first instance's increments")
    assert late.increment("key", 4) == 14  # counted before the set, flushed after it
    early.set("key", 100)
    equal_eventually(postgres.totals, {"key": 100}, 5, "the set removes what reached the database before it")
    assert late.terminate() == 0
    equal_eventually(postgres.totals, {"key": 104}, 5, "and keeps what is flushed after it")
    eventually(lambda: early.total("key") == 104, 5, "the first instance sees both")


def test_two_instances_a_delete_is_ordered_by_the_flushes_too(start_server, postgres):
    early = start_server("--sync-interval", "200ms", store=postgres)
    late = start_server("--sync-interval", "1h", store=postgres)
    early.increment("key", 10)
    equal_eventually(postgres.totals, {"key": 10}, 5, "the first instance's increments")
    assert late.increment("key", 4) == 14
    early.delete("key")
    equal_eventually(postgres.totals, {}, 5, "the delete")
    assert late.terminate() == 0
    equal_eventually(postgres.totals, {"key": 4}, 5, "what was flushed after it")


def test_a_client_that_goes_before_the_answer_has_set_or_not(start_server, store):
    server = start_server(store=store)
    server.set("gone", 1)
    threads = [threading.Thread(target=send_and_close, args=(server, n)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.total("gone") in range(1, 22)
    server.set("gone", 7)
    assert server.total("gone") == 7


def send_and_close(server, number):
    with server.connect() as connection:
        try:
            connection.send(request_bytes("PUT", "/counters/gone", b'{"value":%d}' % (number + 2), [JSON]))
        except (OSError, Closed):
            pass


def test_sets_and_deletes_are_counted_apart(start_server):
    server = start_server()
    server.set("a", 1)
    server.set("a", 2)
    server.delete("a")
    metrics = scrape(server)
    assert metrics.sum("simple_request_sets_accepted_total") == 2
    assert metrics.sum("simple_request_deletes_accepted_total") == 1
    assert metrics.sum("simple_request_increments_accepted_total") == 0
    assert metrics.sum("http_server_request_duration_seconds_count", http_request_method="DELETE",
                       http_route="/counters/{key}", http_response_status_code="204") == 1
