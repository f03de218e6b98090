"""Limits of the connection layer: slow clients, idle ones, clients that leave or do not read, too many."""

import socket
import struct
import time

import pytest

from lib import settings
from lib.http import JSON, Closed, Connection, increment_body, increment_bytes, request_bytes
from lib.waiting import eventually

SECOND = settings.TIME_SCALE


def drip(connection, data, pause):
    """Sends byte by byte until an answer or a close comes; returns the seconds it took."""
    begin = time.monotonic()
    for at in range(len(data)):
        try:
            connection.send(data[at : at + 1])
        except ConnectionError:
            break
        if not connection.is_quiet(pause) or time.monotonic() - begin > 5 * SECOND:
            break
    return time.monotonic() - begin


def test_slow_headers_get_408_however_they_drip(start_server):
    server = start_server("--header-timeout", "500ms")
    with server.connect() as connection:
        took = drip(connection, b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 1000, 0.05)
        assert connection.read_response().status == 408
        assert connection.read_to_end() == b""
        assert 0.4 < took < 3 * SECOND
    assert server.get("/livez").status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_slow_body_gets_408_however_it_drips(start_server, framing):
    server = start_server("--body-timeout", "500ms")
    field = ("Content-Length", "5000") if framing == "length" else ("Transfer-Encoding", "chunked")
    with server.connect() as connection:
        connection.send(request_bytes("POST", "/increment", None, [JSON, field]))
        took = drip(connection, b"1\r\n \r\n" * 800 if framing == "chunked" else b" " * 4000, 0.05)
        response = connection.read_response()
        assert response.status == 408 and response.message()
        assert connection.read_to_end() == b""
        assert 0.4 < took < 3 * SECOND


def test_an_idle_connection_is_closed_without_an_answer(start_server):
    server = start_server("--idle-timeout", "500ms")
    with server.connect() as fresh, server.connect() as used:
        assert used.request("GET", "/livez").status == 200
        begin = time.monotonic()
        for connection in (used, fresh):
            assert connection.read_to_end() == b""
        assert 0.3 < time.monotonic() - begin < 3 * SECOND


def test_a_busy_connection_outlives_the_idle_deadline(start_server):
    server = start_server("--idle-timeout", f"{int(400 * SECOND)}ms")
    with server.connect() as connection:
        for _ in range(12):
            time.sleep(0.1)
            assert connection.request("GET", "/livez").status == 200


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(start_server):
    server = start_server("--body-limit", "1KiB")
    for size, status in ((1024, 200), (1025, 413)):
        body = increment_body("limit", 1).ljust(size)
        for chunked in (False, True):
            with server.connect() as connection:
                if chunked:
                    head = request_bytes("POST", "/increment", None, [JSON, ("Transfer-Encoding", "chunked")])
                    connection.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (size, body))
                else:
                    connection.send(request_bytes("POST", "/increment", body, [JSON]))
                assert connection.read_response().status == status
    assert server.total("limit") == 2


def test_a_body_over_the_limit_is_refused_before_it_is_read(start_server):
    server = start_server("--body-limit", "1KiB")
    with server.connect() as connection:
        connection.send(request_bytes("POST", "/increment", None, [JSON, ("Content-Length", "100000")]))
        assert connection.read_response().status == 413


def test_a_client_gone_before_the_answer_is_counted_once(start_server):
    server = start_server()
    server.increment("gone", 0)
    before = server.sockets()
    for _ in range(200):
        connection = server.connect()
        connection.send(increment_bytes("gone", 1))
        connection.close()
    eventually(lambda: server.total("gone") == 200, 5, "all 200 are counted")
    eventually(lambda: server.sockets() <= before, 5, "no socket stays")
    assert server.total("gone") == 200


def test_a_client_that_resets_is_counted_at_most_once(start_server):
    server = start_server()
    server.increment("reset", 0)
    before = server.sockets()
    for _ in range(200):
        connection = server.connect()
        connection.send(increment_bytes("reset", 1))
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    eventually(lambda: server.sockets() <= before, 5, "no socket stays")
    assert 0 <= server.total("reset") <= 200


def test_a_client_that_closes_its_half_still_gets_its_answers(shared_server):
    with shared_server.connect() as connection:
        connection.send(increment_bytes("half", 1) * 10)
        connection.socket.shutdown(socket.SHUT_WR)
        assert [r.json()["data"]["value"] for r in connection.read_responses(10)] == list(range(1, 11))
        assert connection.read_to_end() == b""


def test_a_client_that_does_not_read_is_dropped_and_costs_little_memory(start_server):
    server = start_server("--write-timeout", "1s")
    server.increment("deaf", 0)
    before = server.memory()
    batch = request_bytes("GET", "/metrics") * 200
    deadline = time.monotonic() + 20 * SECOND
    with Connection(server.address, timeout=0.5) as connection:
        while time.monotonic() < deadline:
            try:
                connection.socket.send(batch)
            except TimeoutError:
                continue  # the server has stopped reading: as it should
            except ConnectionError:
                break
        assert time.monotonic() < deadline, "still not dropped"
    assert server.get("/livez").status == 200
    if not settings.SANITIZER:
        assert server.memory() - before < 32 << 20


def test_connections_over_the_limit_do_not_harm_those_within(start_server):
    server = start_server("--connections-max", "20", "--idle-timeout", "30s")
    within = [server.connect() for _ in range(15)]
    for connection in within:
        assert connection.request("GET", "/livez").status == 200
    over = [server.connect(timeout=0.3) for _ in range(30)]
    for connection in within:
        assert connection.increment("limit", 1).status == 200
    for connection in over + within:
        connection.close()
    eventually(lambda: answers(server), 5, "free again")


def answers(server):
    try:
        return server.get("/livez").status == 200
    except (OSError, Closed):
        return False


def test_descriptors_at_their_end_refuse_nothing_for_good(make_server):
    import resource

    server = make_server(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    server.start()
    opened = [server.connect(timeout=0.3) for _ in range(100)]
    cpu = server.cpu_seconds()
    time.sleep(0.5)
    if not settings.SANITIZER:
        assert server.cpu_seconds() - cpu < 0.4, "the accept loop spins"
    for connection in opened:
        connection.close()
    eventually(lambda: answers(server), 5, "serves again")
    assert server.increment("after", 1) == 1
