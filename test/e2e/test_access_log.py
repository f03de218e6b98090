"""Request ids, traces and the access log: what comes back, what is written, what cannot be forged."""

import json
import os
import re
import subprocess
import time

from lib import settings
from lib.http import JSON, increment_body
from lib.metrics import Metrics
from lib.waiting import eventually

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def lines(server):
    return [e["attributes"] for e in server.events() if e["event_name"] == "http.request"]


def test_a_sane_id_comes_back_and_none_is_drawn_by_default(shared_server):
    with shared_server.connect() as connection:
        assert connection.request("GET", "/livez").header("x-request-id") is None
        assert connection.request("GET", "/livez", headers=[("X-Request-Id", "a-1")]).header("x-request-id") == "a-1"
        for bad in ("a b", "x" * 129, 'a"b', "a\x80b"):
            assert connection.request("GET", "/livez", headers=[("X-Request-Id", bad)]).header("x-request-id") is None
        response = connection.request("POST", "/increment", increment_body("i", 1), [JSON, ("X-Request-Id", "b-2")])
        assert response.status == 200 and response.header("x-request-id") == "b-2"


def test_ids_are_drawn_where_asked_for(start_server):
    server = start_server("--request-ids", "always")
    with server.connect() as connection:
        drawn = {connection.request("GET", "/livez").header("x-request-id") for _ in range(100)}
        assert len(drawn) == 100 and all(re.fullmatch("[0-9a-f]{32}", one) for one in drawn)
        insane = connection.request("GET", "/livez", headers=[("X-Request-Id", "a b")]).header("x-request-id")
        assert re.fullmatch("[0-9a-f]{32}", insane)
    assert not lines(server)


def test_a_line_has_what_a_request_is_found_by(start_server):
    server = start_server("--access-log", "on", "--trusted-proxies", "127.0.0.1")
    with server.connect() as connection:
        connection.request("POST", "/increment", increment_body("logged", 1),
                           [JSON, ("X-Request-Id", "find-me"), ("traceparent", f"00-{TRACE}-{PARENT}-01"),
                            ("X-Forwarded-For", "2001:db8::7")])
        drawn = connection.request("GET", "/counters/none?x=1", headers=[("traceparent", "junk")])
    first, second = lines(server)[-2:]
    assert first.pop("duration_us") >= 0 and second.pop("duration_us") >= 0
    assert first == {"client": "2001:db8::7", "method": "POST", "target": "/increment", "status": 200,
                     "request_id": "find-me", "trace_id": TRACE, "parent_id": PARENT}
    assert second == {"client": "127.0.0.1", "method": "GET", "target": "/counters/none?x=1", "status": 404,
                      "request_id": drawn.header("x-request-id")}


def test_every_request_has_its_line_and_a_sample_has_one_in_so_many(start_server):
    for sample in (1, 10):
        server = start_server("--access-log", "on", "--access-log-sample", str(sample), "--workers", "1")
        before = len(lines(server))
        with server.connect() as connection:
            for _ in range(200):
                assert connection.request("GET", "/livez").status == 200
        assert len(lines(server)) - before == 200 / sample


def test_nothing_a_client_sends_forges_a_line(start_server):
    server = start_server("--access-log", "on")
    forged = '{"event_name":"server.forged"}'
    for target in ("/counters/%0a" + forged.replace('"', "%22"), "/" + "x" * 2000, "/\x1b[2J", "/\u202e", "/a\"b\\c"):
        with server.connect() as connection:
            connection.send(b"GET %s HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\"}\r\n\r\n" % target.encode())
            connection.read_response()
    with server.connect() as connection:
        connection.request("GET", "/livez", headers=[("X-Request-Id", "x\x80" + forged),
                                                     ("traceparent", f"00-{TRACE}-{PARENT}-01\x80")])
    text = server.log()
    for line in text.splitlines():
        assert json.loads(line)["event_name"] != "server.forged"
        assert not re.search("[\x00-\x1f\x7f\u202e]", line), line
    assert all(len(attributes["target"].encode()) <= 256 for attributes in lines(server))


def test_a_reader_of_the_log_that_has_stopped_stops_nobody(make_server):
    """Standard error is a pipe that nobody reads: requests go on, lines are lost and counted."""
    server = make_server("--access-log", "on", "--port", "0")
    reading, writing = os.pipe()
    with open(server.directory / "out.txt", "wb") as out:
        server.process = subprocess.Popen(server.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=writing,
                                          env=server.env, cwd=server.directory, preexec_fn=server._before_exec)
    os.close(writing)
    (server.directory / "err.txt").touch()
    try:
        eventually(server._listening, 20, "the server prints its URL")
        begin = time.monotonic()
        with server.connect() as connection:
            for _ in range(2000):
                assert connection.request("GET", "/livez").status == 200
            page = Metrics(connection.request("GET", "/metrics").body.decode())
        assert time.monotonic() - begin < 20 * settings.TIME_SCALE
        assert page.value("simple_request_access_log_lines_lost_total") > 0
    finally:
        server.kill()
        os.close(reading)


def test_a_token_is_told_by_its_name(start_server, tmp_path):
    path = tmp_path / "tokens"
    path.write_text("bot read 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n")  # "secret"
    server = start_server("--access-log", "on", "--tokens-file", str(path), wait="ready")
    server.get("/counters/none", [("Authorization", "Bearer secret")])
    server.get("/counters/none", [("Authorization", "Bearer hunter2")])
    known, unknown = lines(server)[-2:]
    assert known["token"] == "bot" and "token" not in unknown and unknown["status"] == 401
    assert "Bearer" not in server.log() and "hunter2" not in server.log()
