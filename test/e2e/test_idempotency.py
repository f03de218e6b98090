"""Idempotency-Key: the first answer again, byte for byte, across kill -9, restarts, instances and outages; counted once."""

import json
import socket
import struct
import threading
import time

import pytest

from lib.http import JSON, request_bytes
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

BODY = b'{"key":"k","value":5}'


def post(server, token, body=BODY, headers=(), target="/increment"):
    with server.connect() as connection:
        return connection.request("POST", target, body, [JSON, ("Idempotency-Key", token), *headers])


def replayed(response):
    return response.header("idempotency-replayed")


def same_answer(first, again):
    """The same status, body and headers but for the mark."""
    assert (first.status, first.body) == (again.status, again.body), (first, again)
    assert replayed(first) is None and replayed(again) == "true", (first, again)
    assert first.fields == [field for field in again.fields if field[0] != "idempotency-replayed"]


def tokens_in(store):
    return {row[0] for row in store.query("SELECT token FROM counter_requests")}


@pytest.mark.parametrize("token", ["8e03978e-40d5-43e8-bc93-6894a57f9324", '"with space and \\"quotes\\""', "x" * 255])
def test_the_first_answer_is_given_again(start_server, store, token):
    server = start_server(store=store)
    first = post(server, token)
    assert first.status == 200 and first.body == b'{"data":{"key":"k","value":5}}'
    server.increment("k", 100)
    for _ in range(3):
        same_answer(first, post(server, token))
    assert server.total("k") == 105


def test_bare_and_quoted_are_the_same_key(start_server):
    server = start_server()
    same_answer(post(server, "abc"), post(server, '"abc"'))


@pytest.mark.parametrize("token", ["", '"', '""', '"open', "two words", "ä".encode().decode("latin-1"), "x" * 256])
def test_what_is_no_key_is_400(shared_server, token):
    response = post(shared_server, token)
    assert response.status == 400 and "Idempotency-Key" in response.message()
    assert shared_server.total("k") is None


def test_another_request_under_the_key_is_422_and_counts_nothing(start_server):
    server = start_server()
    assert post(server, "t").status == 200
    assert post(server, "t", b'{"key":"k","value":6}').status == 422
    assert post(server, "t", b'{"value":5,"key":"k"}').status == 422
    assert post(server, "t", target="/increment?as=string").status == 422
    assert server.total("k") == 5


def test_a_refused_answer_is_not_remembered(start_server):
    server = start_server()
    server.set("k", (1 << 63) - 1)
    assert post(server, "t").status == 409
    assert post(server, "t", b'{"key":"k","value":"x"}').status == 422
    server.set("k", 0)
    response = post(server, "t")
    assert (response.status, replayed(response)) == (200, None)


def test_a_batch_is_replayed_whole(start_server, store):
    server = start_server("--sync-interval", "100ms", store=store)
    body = json.dumps([{"key": f"k{n % 700}", "value": n} for n in range(2000)]).encode()
    first = post(server, "batch", body)
    assert first.status == 200 and len(first.json()["data"]) == 2000
    same_answer(first, post(server, "batch", body))
    server.restart("kill")
    same_answer(first, post(server, "batch", body))
    totals = {f"k{n}": sum(range(n, 2000, 700)) for n in range(700)}
    equal_eventually(store.totals, totals, 10, "counted once")


def test_minimal_answers_are_replayed_minimal(start_server):
    server = start_server()
    minimal = [("Prefer", "return=minimal")]
    first, again = (post(server, "t", headers=minimal) for _ in range(2))
    same_answer(first, again)
    assert first.status == 202 and first.body == b""


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_an_answer_is_known_after_a_restart(start_server, store, how):
    server = start_server("--sync-interval", "1h", store=store)
    unsynced = post(server, "unsynced")
    server.restart(how)
    same_answer(unsynced, post(server, "unsynced"))
    assert post(server, "unsynced", b'{"key":"k","value":6}').status == 422
    assert server.terminate() == 0
    assert store.totals() == {"k": 5} and tokens_in(store) == {"unsynced"}


def test_an_answer_is_known_when_only_the_table_is_left(make_server, store, tmp_path):
    server = make_server("--sync-interval", "100ms", store=store)
    server.start()
    first = post(server, "t")
    eventually(lambda: tokens_in(store) == {"t"}, 10, "the table has the key")
    server.terminate()
    other = make_server(store=store, data_dir=tmp_path / "another")
    other.start()
    same_answer(first, post(other, "t"))
    assert post(other, "t", b'{"key":"k","value":6}').status == 422
    assert other.total("k") == 5


def test_a_retry_on_another_instance_before_the_flush_is_counted_once(start_server, postgres):
    one, two = (start_server("--sync-interval", "1h", store=postgres) for _ in range(2))
    for server in (one, two):
        response = post(server, "t")
        assert (response.status, replayed(response)) == (200, None)
    two.increment("k", 100)
    assert one.terminate() == 0
    assert two.terminate() == 0
    assert postgres.totals() == {"k": 105}


def test_what_was_counted_twice_is_taken_back_and_the_books_balance(start_server, postgres):
    one = start_server("--sync-interval", "1h", store=postgres)
    two = start_server("--sync-interval", "1s", store=postgres)
    post(two, "t")
    post(one, "t")
    equal_eventually(postgres.totals, {"k": 5}, 10, "the first one is flushed")
    one.increment("k", 100)
    one.restart("kill", wait="settled")
    equal_eventually(postgres.totals, {"k": 105}, 10, "the second one is taken back")
    metrics = scrape(one)
    assert metrics.value("simple_request_idempotency_taken_back_total") == 1
    assert one.total("k") == 105


def test_with_the_database_away_a_key_is_counted_and_told_apart_later(start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    one = start_server("--sync-interval", "200ms", store=store)
    two = start_server("--sync-interval", "200ms", store=store)
    first = post(one, "t")
    equal_eventually(store.totals, {"k": 5}, 10, "flushed")
    own_cluster.stop("immediate")
    eventually(lambda: post(two, f"probe{time.monotonic()}", b'{"key":"probe","value":0}').status == 202, 20, "no totals")
    again = post(two, "t")
    assert (again.status, again.body) == (202, b'{"data":{"key":"k","value":null}}') and replayed(again) is None
    same_answer(again, post(two, "t"))
    same_answer(first, post(one, "t"))
    own_cluster.start()
    eventually(lambda: scrape(two).value("simple_request_idempotency_taken_back_total") == 1, 30, "told apart")
    equal_eventually(lambda: store.totals()["k"], 5, 10, "once")
    metrics = scrape(two)
    assert metrics.value("simple_request_ledger_taken_back") == 5
    eventually(lambda: scrape(two).value("simple_request_ledger_unsynced") == 0, 10, "the books balance")


def running_request(server):
    """A connection whose request waits for the table's answer; the database must not answer."""
    connection = server.connect()
    connection.send(request_bytes("POST", "/increment", BODY, [JSON, ("Idempotency-Key", "t")]))
    eventually(lambda: scrape(server).value("simple_request_idempotency_entries") == 1, 10, "it runs")
    return connection


def test_while_the_first_runs_the_second_is_409(start_server, postgres):
    server = start_server("--sync-interval", "1h", store=postgres)
    postgres.cluster.freeze()
    try:
        with running_request(server) as first:
            assert "please retry" in post(server, "t").message()
            postgres.cluster.thaw()
            assert first.read_response().status in (200, 202)
    finally:
        postgres.cluster.thaw()
    assert replayed(post(server, "t")) == "true"
    assert scrape(server).value("simple_request_idempotency_conflicts_total") == 1


def test_whose_client_went_away_while_it_ran_is_forgotten(start_server, postgres):
    server = start_server("--sync-interval", "1h", store=postgres)
    postgres.cluster.freeze()
    try:
        connection = running_request(server)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()  # a reset: a half-closed connection would still be answered
        eventually(lambda: scrape(server).value("simple_request_idempotency_entries") == 0, 10, "it is forgotten")
    finally:
        postgres.cluster.thaw()
    response = post(server, "t")
    assert (response.status, replayed(response)) == (200, None)
    assert server.total("k") == 5


def test_a_full_window_refuses_new_keys_and_forgets_none(start_server):
    server = start_server("--idempotency-max", "3", "--sync-interval", "100ms")
    firsts = [post(server, f"t{n}") for n in range(3)]
    full = post(server, "t3")
    assert full.status == 503 and full.header("retry-after") == "1"
    for n, first in enumerate(firsts):
        same_answer(first, post(server, f"t{n}"))
    assert server.increment("k", 1) == 16
    metrics = scrape(server)
    assert metrics.value("simple_request_idempotency_entries") == 3
    assert metrics.value("simple_request_idempotency_limit_entries") == 3
    assert metrics.value("simple_request_requests_rejected_total", reason="idempotency_window_full") == 1


def test_the_window_passes(start_server, store):
    server = start_server("--idempotency-window", "1s", "--idempotency-max", "1", "--sync-interval", "100ms", store=store)
    assert post(server, "t1").status == 200
    eventually(lambda: post(server, "t2").status == 200, 10, "the first one's place is free")
    eventually(lambda: post(server, "t3").status == 200, 10, "the second one's place is free")
    eventually(lambda: server.increment("x", 1) and tokens_in(store).isdisjoint({"t1", "t2"}), 15, "their rows are gone")
    assert server.total("k") == 15


def test_figures(start_server):
    server = start_server()
    post(server, "t")
    post(server, "t")
    post(server, "t", b'{"key":"k","value":6}')
    metrics = scrape(server)
    assert metrics.value("simple_request_idempotency_hits_total") == 1
    assert metrics.value("simple_request_idempotency_mismatches_total") == 1
    assert metrics.value("simple_request_idempotency_conflicts_total") == 0
    assert metrics.value("simple_request_idempotency_window_seconds") == 86400
    assert metrics.value("simple_request_increments_accepted_total") == 1


def test_the_journal_not_kept_still_counts_once(start_server):
    server = start_server("--durability", "none")
    same_answer(post(server, "t"), post(server, "t"))
    server.restart("terminate")
    assert replayed(post(server, "t")) == "true"
    assert server.total("k") == 5


def test_many_clients_with_one_key_are_counted_once(start_server, store):
    server = start_server("--workers", "2", store=store)
    answers, barrier = [], threading.Barrier(16)

    def client():
        with server.connect() as connection:
            barrier.wait()
            for _ in range(20):
                answers.append(connection.request("POST", "/increment", BODY, [JSON, ("Idempotency-Key", "one")]))

    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 320 and {response.status for response in answers} <= {200, 409}
    counted = [response for response in answers if response.status == 200]
    assert {response.body for response in counted} == {b'{"data":{"key":"k","value":5}}'}
    assert sum(replayed(response) is None for response in counted) == 1
    assert server.total("k") == 5
