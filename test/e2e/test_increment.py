"""POST /increment: the running total, its exact bytes, and every value and key that is allowed."""

import json

import pytest

from lib.http import FORM, JSON, increment_bytes
from lib.load import Load, keys_at_random

MAX, MIN = (1 << 63) - 1, -(1 << 63)


def test_the_sample_request_gets_exactly_the_sample_answer(start_server, store):
    server = start_server(store=store)
    with server.connect() as connection:
        body = b'{"key": "test1", "value": 2}'
        response = connection.request("POST", "/increment", body, [JSON])
        assert response.status == 200
        assert response.body == b'{"data":{"key":"test1","value":2}}'
        assert response.header("content-type").startswith("application/json")
        assert response.header("content-length") == str(len(response.body))
        assert response.header("connection") is None
        assert response.header("transfer-encoding") is None


def test_a_form_body_counts_like_json(shared_server):
    with shared_server.connect() as connection:
        for total in (2, 4):
            response = connection.request("POST", "/increment", b"key=form+%C3%A9&value=2", [FORM])
            assert response.status == 200
            assert response.body == '{"data":{"key":"form é","value":%d}}'.encode() % total
        response = connection.request("POST", "/increment", b"value=%2B3&key=form+%C3%A9&more=1", [FORM])
        assert response.json()["data"]["value"] == 7


@pytest.mark.parametrize("content_type", [
    "application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
])
def test_the_media_type_may_have_parameters_and_any_case(shared_server, content_type):
    with shared_server.connect() as connection:
        response = connection.request(
            "POST", "/increment", b'{"key":"media","value":0}', [("Content-Type", content_type)])
        assert response.status == 200


def test_negative_and_zero_values_count(shared_server):
    totals = [shared_server.increment("signed", value) for value in (5, -7, 0, 2, -1)]
    assert totals == [5, -2, -2, 0, -1]


def test_a_zero_creates_the_counter(shared_server):
    assert shared_server.total("zero") is None
    assert shared_server.increment("zero", 0) == 0
    assert shared_server.total("zero") == 0


def test_the_limits_of_64_bits_are_reached_exactly(shared_server):
    assert shared_server.increment("max", MAX) == MAX
    assert shared_server.increment("max", MIN) == -1
    assert shared_server.increment("min", MIN) == MIN
    assert shared_server.increment("min", MAX) == -1


@pytest.mark.parametrize("first, second", [
    (MAX, 1), (MIN, -1), (1, MAX), (-1, MIN), (MAX, MAX), (MIN, MIN)])
def test_a_total_outside_64_bits_is_a_conflict_and_changes_nothing(shared_server, first, second):
    key = f"overflow {first} {second}"
    shared_server.increment(key, first)
    with shared_server.connect() as connection:
        response = connection.increment(key, second)
        assert response.status == 409
        assert response.message()
    assert shared_server.total(key) == first


KEYS = ["a", " ", "0", "key with spaces", "é", "日本語", "😀", "a/b?c=d&e#f%41", "\"quoted\\\"",
        "tab\tnewline\r\n", "\x01\x1b[31m\x7f", "\u2028", "\ufeff", "\uffff", "K" * 512, "é" * 256,
        "😀" * 128, "null", "{}", "'; DROP TABLE counters; --", "../../etc/passwd", "A", "e\u0301"]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:24])
def test_a_key_may_be_any_text_of_512_bytes(shared_server, key):
    assert shared_server.increment(key, 3) == 3
    assert shared_server.increment(key, 4) == 7
    assert shared_server.counter(key)["value"] == 7


def test_all_keys_reach_the_table_as_they_are(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for number, key in enumerate(KEYS):
        assert server.increment(key, number) == number
    assert server.terminate() == 0
    assert store.totals() == {key: number for number, key in enumerate(KEYS)}


def test_escapes_in_json_name_the_same_key(shared_server):
    with shared_server.connect() as connection:
        for total, text in enumerate([r'"\u0065scap\u00e9\n\ud83d\ude00\/"', '"escapé\\n😀/"'], start=1):
            body = '{"\\u006bey":%s,"value":1}' % text
            response = connection.request("POST", "/increment", body.encode(), [JSON])
            assert response.json()["data"] == {"key": "escapé\n😀/", "value": total}


def test_other_members_are_ignored(shared_server):
    with shared_server.connect() as connection:
        body = b' { "x": [1, {"key": 2}], "value" : 1 , "key" : "members", "y": null } \r\n'
        assert connection.request("POST", "/increment", body, [JSON]).json()["data"]["value"] == 1


def test_running_totals_are_exact_over_one_connection(shared_server):
    values = [(n * 7919) % 1000 - 400 for n in range(2000)]
    with shared_server.connect() as connection:
        connection.send(b"".join(increment_bytes("running", value) for value in values))
        total = 0
        for value, response in zip(values, connection.read_responses(len(values))):
            total += value
            assert json.loads(response.body) == {"data": {"key": "running", "value": total}}


def test_many_keys_under_many_connections_are_exact(start_server, store):
    server = start_server("--sync-interval", "300ms", store=store)
    keys = [f"many{n}" for n in range(2000)]
    source = keys_at_random(keys, seed=5)
    ledger = Load(server.address, (next(source) for _ in range(40_000)), connections=16, depth=64).run()
    assert ledger.statuses == {200: 40_000}
    assert server.terminate() == 0
    ledger.check_exact(store.totals())
