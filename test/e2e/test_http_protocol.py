"""HTTP/1.1 as clients use it: keep-alive, pipelining, chunks, Expect, HEAD, OPTIONS, HTTP/1.0, routing."""

import json
import time

import pytest

from lib.http import JSON, increment_body, increment_bytes, request_bytes


@pytest.fixture
def connection(shared_server):
    with shared_server.connect() as connection:
        yield connection


def test_one_connection_serves_many_requests(connection):
    for total in range(1, 50):
        assert connection.increment("keep", 1).json()["data"]["value"] == total


def test_a_thousand_requests_in_one_segment_get_a_thousand_answers_in_order(connection):
    connection.send(b"".join(increment_bytes("pipeline", 1) for _ in range(1000)))
    answers = [json.loads(r.body)["data"]["value"] for r in connection.read_responses(1000)]
    assert answers == list(range(1, 1001))


def test_pipelined_requests_of_all_kinds_are_answered_in_order(connection):
    kinds = [(increment_bytes("mix", 1), 200), (request_bytes("GET", "/livez"), 200),
             (request_bytes("GET", "/nothing"), 404), (increment_bytes("mix", 1.5), 422),
             (request_bytes("POST", "/increment", b"{", [JSON]), 400),
             (request_bytes("GET", "/counters/mix"), 200), (request_bytes("DELETE", "/increment"), 405)]
    connection.send(b"".join(data for data, _ in kinds) * 50)
    statuses = [response.status for response in connection.read_responses(50 * len(kinds))]
    assert statuses == [status for _, status in kinds] * 50


@pytest.mark.parametrize("data", [
    increment_bytes("bytewise", 1),
    request_bytes("POST", "/increment", None, [JSON, ("Transfer-Encoding", "chunked")]) +
    b"a\r\n{\"key\":\"by\r\n10\r\ntewise\",\"value\":\r\n2\r\n1}\r\n0\r\n\r\n",
], ids=["length", "chunked"])
def test_a_request_may_come_byte_by_byte(connection, data):
    connection.increment("bytewise", 0)
    for at in range(len(data)):
        connection.send(data[at : at + 1])
        time.sleep(0.0005)
    assert connection.read_response().status == 200


def test_every_split_of_two_pipelined_requests_works(connection):
    data = increment_bytes("split", 1) * 2
    for total, at in enumerate(range(1, len(data), 3)):
        connection.send(data[:at])
        time.sleep(0.001)
        connection.send(data[at:])
        values = [r.json()["data"]["value"] for r in connection.read_responses(2)]
        assert values == [2 * total + 1, 2 * total + 2]


CHUNKED = [JSON, ("Transfer-Encoding", "chunked")]


def chunked(*parts, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


@pytest.mark.parametrize("body", [
    chunked(b'{"key":"chunk","value":1}'),
    chunked(*[bytes([byte]) for byte in b'{"key":"chunk","value":1}']),
    chunked(b'{"key":"chunk"', b',"value":1}').replace(b"\r\n{", b";name=value\r\n{", 1),
    chunked(b'{"key":"chunk"', b',"value":1}', end=b"0\r\nX-Trailer: a\r\n\r\n"),
    chunked(b'{"key":"chunk","value":1}').replace(b"19\r\n", b"00019\r\n"),
], ids=["one", "many", "extension", "trailer", "zeros"])
def test_a_chunked_body_is_taken(connection, body):
    before = connection.increment("chunk", 0).json()["data"]["value"]
    for total in (1, 2):
        connection.send(request_bytes("POST", "/increment", None, CHUNKED) + body)
        assert connection.read_response().json()["data"]["value"] == before + total


def test_upper_case_chunk_sizes_are_taken(connection):
    body = increment_body("k" * 200, 1)
    data = b"%X\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    connection.send(request_bytes("POST", "/increment", None, CHUNKED) + data)
    assert connection.read_response().status == 200


def expecting(body, *fields):
    length = ("Content-Length", str(len(body)))
    return request_bytes("POST", "/increment", None, [JSON, length, ("Expect", "100-continue"), *fields])


def test_expect_100_continue_is_answered_before_the_body(connection):
    body = increment_body("expect", 1)
    for total in (1, 2):
        connection.send(expecting(body))
        assert connection.read_response().status == 100
        connection.send(body)
        assert connection.read_response().json()["data"]["value"] == total


def test_no_100_comes_where_the_body_is_there_or_will_not_be_taken(shared_server):
    with shared_server.connect() as connection:
        body = increment_body("expect more", 1)
        connection.send(expecting(body) + body)
        statuses = [connection.read_response().status]
        if statuses == [100]:  # allowed, not needed
            statuses.append(connection.read_response().status)
        assert statuses[-1] == 200
    with shared_server.connect() as connection:
        connection.send(request_bytes("POST", "/increment", None, [
            JSON, ("Content-Length", "1000000000"), ("Expect", "100-continue")]))
        assert connection.read_response().status == 413
        assert connection.read_to_end() == b""


@pytest.mark.parametrize("target", [
    "/livez", "/readyz", "/healthz", "/counters/head", "/counters/none", "/nothing"])
def test_head_answers_like_get_without_the_body(connection, target):
    connection.increment("head", 0)
    get, head = connection.request("GET", target), connection.request("HEAD", target)
    assert head.status == get.status
    for name in ("content-type", "content-length"):
        assert head.header(name) == get.header(name)
    assert connection.request("GET", "/livez").status == 200  # no stray body on the connection


def test_head_of_the_metrics_has_no_body(connection):
    assert connection.request("HEAD", "/metrics").status == 200
    assert connection.request("GET", "/livez").status == 200


@pytest.mark.parametrize("target, methods", [
    ("/increment", {"POST"}), ("/counters/a", {"GET", "HEAD", "PUT", "DELETE"}), ("/counters", {"GET", "HEAD"}), ("/livez", {"GET", "HEAD"}),
    ("/readyz", {"GET", "HEAD"}), ("/healthz", {"GET", "HEAD"}), ("/metrics", {"GET", "HEAD"}),
])
def test_other_methods_get_405_with_allow_and_options_tells_too(connection, target, methods):
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - methods:
        response = connection.request(method, target)
        assert response.status == 405, (method, response)
        assert methods <= set(response.header("allow").split(", "))
        assert method == "HEAD" or response.message()
    response = connection.request("OPTIONS", target)
    assert response.status in (200, 204)
    assert methods <= set(response.header("allow").split(", "))


def test_options_of_the_server_as_a_whole_is_answered(connection):
    assert connection.request("OPTIONS", "*").status in (200, 204)


@pytest.mark.parametrize("target", [
    "/", "/nothing", "/increment/", "/Increment", "/Counters", "/increment/x", "//livez"])
def test_unknown_paths_are_404(connection, target):
    for method in ("GET", "POST"):
        response = connection.request(method, target)
        assert response.status == 404 and response.message()


@pytest.mark.parametrize("content_type", [
    "text/plain", "text/plain;charset=UTF-8", "multipart/form-data; boundary=x", "application/xml",
    "application/jsonp", "application/json; charset=latin1", "", "json"])
def test_other_media_types_are_415_and_the_connection_stays(connection, content_type):
    before = connection.increment("media type", 0).json()["data"]["value"]
    body = increment_body("media type", 1)
    response = connection.request("POST", "/increment", body, [("Content-Type", content_type)])
    assert response.status == 415 and response.message()
    assert connection.increment("media type", 0).json()["data"]["value"] == before


def test_no_content_type_is_415(connection):
    assert connection.request("POST", "/increment", increment_body("a", 1)).status == 415


@pytest.mark.parametrize("accept, status", [
    ("application/json", 200), ("*/*", 200), ("application/*", 200), ("text/html, */*;q=0.1", 200), ("", 200),
    ("text/html", 406), ("application/json;q=0", 406), ("text/*", 406), ("application/json;q=0, */*", 406),
])
def test_accept_without_json_is_406_and_counts_nothing(connection, accept, status):
    before = connection.increment("accept", 0).json()["data"]["value"]
    body = increment_body("accept", 1)
    response = connection.request("POST", "/increment", body, [JSON, ("Accept", accept)])
    assert response.status == status
    after = connection.increment("accept", 0).json()["data"]["value"]
    assert after - before == (1 if status == 200 else 0)


def test_connection_close_is_obeyed_and_said(connection):
    response = connection.request("GET", "/livez", headers=[("Connection", "close")])
    assert response.status == 200 and response.header("connection") == "close"
    assert connection.read_to_end() == b""


def test_nothing_is_answered_after_connection_close(connection):
    closing = request_bytes("GET", "/livez", headers=[("Connection", "close")])
    connection.send(closing + increment_bytes("after close", 1))
    assert connection.read_response().status == 200
    assert connection.read_to_end() == b""


def test_http_1_0_closes_unless_asked_to_keep_alive(shared_server):
    with shared_server.connect() as connection:
        connection.send(b"GET /livez HTTP/1.0\r\n\r\n")
        assert connection.read_response().status == 200
        assert connection.read_to_end() == b""
    with shared_server.connect() as connection:
        for _ in range(2):
            connection.send(b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = connection.read_response()
            assert response.status == 200 and response.header("connection").lower() == "keep-alive"


@pytest.mark.parametrize("target", [
    "http://localhost/counters/abs", "http://x:3333/counters/abs?q=1", "HTTP://x/counters/abs"])
def test_a_target_may_be_absolute(connection, target):
    connection.increment("abs", 0)
    assert connection.request("GET", target).status == 200


def test_empty_lines_before_a_request_are_passed_over(connection):
    connection.send(b"\r\n\r\n" + request_bytes("GET", "/livez") + b"\r\n" + request_bytes("GET", "/livez"))
    assert [r.status for r in connection.read_responses(2)] == [200, 200]


def test_an_upgrade_is_ignored(connection):
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"),
               ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    assert connection.request("GET", "/livez", headers=headers).status == 200
    assert connection.request("GET", "/livez").status == 200
