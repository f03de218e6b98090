"""The dashboard's server side: its files, the stream of figures and its bounds, and what it tells of the service."""

import gzip
import hashlib
import json
import os
import re
import signal
import socket
import time

import pytest

from lib import settings
from lib.http import Closed, Connection, increment_bytes, parse_head, request_bytes
from lib.waiting import eventually

FOLDER = settings.ROOT / "src" / "web" / "dashboard"
FILES = sorted(path.name for path in FOLDER.iterdir() if path.name != "index.html") + ["uplot.css", "uplot.js"]
WIRE_BYTES_MAX = 60_000
STREAMS_MAX = 100
ROWS_MAX = 600
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")


def target(name):
    return "/dashboard" if name == "index.html" else f"/dashboard/{name}"


class Stream:
    """GET /dashboard/events, read event by event."""

    def __init__(self, address, query="", headers=(), receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20 * settings.TIME_SCALE)
        self.socket.connect(address)
        self.socket.sendall(request_bytes("GET", f"/dashboard/events{query}", None, [("Accept", "text/event-stream"), *headers]))
        self.buffer = b""
        self.status, self.fields = None, None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()

    def _until(self, end):
        while end not in self.buffer:
            data = self.socket.recv(1 << 16)
            if not data:
                raise Closed(self.buffer[-200:])
            self.buffer += data
        text, self.buffer = self.buffer.split(end, 1)
        return text

    def head(self):
        self.status, _, fields = parse_head(self._until(b"\r\n\r\n"))
        self.fields = dict(fields)
        return self

    def event(self):
        """(name, id or None, document) of the next event."""
        name, number, data = "row", None, None
        for line in self._until(b"\n\n").decode().split("\n"):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                number = int(value)
            elif field == "data":
                assert data is None
                data = json.loads(value)
            else:
                assert line == "retry: 1000", line
        return name, number, data

    def row(self):
        """(id, row) of the next row."""
        while (event := self.event())[0] != "row":
            assert event[0] in ("hello", "top"), event
        return event[1], event[2]


# ---- files ----


@pytest.mark.parametrize("name", ["index.html", *FILES])
def test_a_file_comes_plain_or_compressed_and_not_again_where_it_is_known(shared_server, name):
    with shared_server.connect() as connection:
        plain = connection.request("GET", target(name))
        packed = connection.request("GET", target(name), headers=[("Accept-Encoding", "br, gzip;q=0.5")])
        assert plain.status == packed.status == 200
        assert plain.header("content-encoding") is None and packed.header("content-encoding") == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        if not name.startswith("uplot"):
            assert plain.body == (FOLDER / name).read_bytes()
        for response in (plain, packed):
            assert response.header("content-security-policy") == POLICY
            assert response.header("x-content-type-options") == "nosniff"
            assert response.header("cache-control") == "no-cache" and response.header("vary") == "Accept-Encoding"
        assert plain.header("etag").strip('"') == hashlib.sha256(plain.body).hexdigest()[:32]
        assert plain.header("etag") != packed.header("etag")
        for tag in (packed.header("etag"), f'W/{packed.header("etag")}', f'"x", {packed.header("etag")}', "*"):
            known = connection.request("GET", target(name), headers=[("Accept-Encoding", "gzip"), ("If-None-Match", tag)])
            assert known.status == 304 and known.body == b"" and known.header("etag") == packed.header("etag")
        other = connection.request("GET", target(name), headers=[("Accept-Encoding", "gzip;q=0"), ("If-None-Match", packed.header("etag"))])
        assert other.status == 200 and other.header("content-encoding") is None
        head = connection.request("HEAD", target(name))
        assert head.header("content-length") == str(len(plain.body))


def test_all_files_are_small_over_the_wire_and_charts_are_among_them(shared_server):
    size = 0
    with shared_server.connect() as connection:
        for name in ["index.html", *FILES]:
            response = connection.request("GET", target(name), headers=[("Accept-Encoding", "gzip")])
            size += len(response.body)
            if name == "uplot.js":
                charts = gzip.decompress(response.body)
    assert size < WIRE_BYTES_MAX, size
    if b"var uPlot=" not in charts:
        assert not os.environ.get("CI"), "the binary of CI must have charts: could scripts/from-npm reach npm's registry?"
        pytest.skip("built without charts")
    assert b"Leon Sorokin" in charts and b"Permission is hereby granted" in charts


def test_the_page_names_its_own_files_alone_and_has_no_script_or_style_in_it(shared_server):
    page = shared_server.get("/dashboard").body.decode()
    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert set(named) <= {f"dashboard/{name}" for name in FILES}
    assert not re.search(r"<script>|<style|\sstyle=|\son[a-z]+=", page)
    for name in FILES:
        assert f"dashboard/{name}" in page or any(f'"./{name}"' in (FOLDER / other).read_text() for other in FILES if other.endswith(".js") and other != "uplot.js"), name


@pytest.mark.parametrize("path", ["/dashboard/", "/dashboard/index.htm", "/dashboard/../openapi.yaml", "/dashboard/a/b", "/dashboardx"])
def test_there_is_nothing_else(shared_server, path):
    assert shared_server.get(path).status == 404


# ---- the stream ----


def test_a_stream_begins_with_names_and_goes_on_with_a_row_a_second(start_server):
    server = start_server("--sync-interval", "1h")
    with Stream(server.address) as stream, server.connect() as connection:
        assert stream.head().status == 200
        assert stream.fields["content-type"] == "text/event-stream" and stream.fields["cache-control"] == "no-store"
        assert stream.fields["connection"] == "close" and "content-length" not in stream.fields
        name, _, hello = stream.event()
        assert name == "hello" and hello["seconds"] == ROWS_MAX and re.fullmatch("[0-9a-f]{1,16}", hello["boot"])
        fields = {field: index for index, field in enumerate(hello["fields"])}
        assert len(fields) == len(hello["fields"])
        first, row = stream.row()
        assert len(row) == len(fields) and all(type(value) is int for value in row)
        connection.send(increment_bytes("hot", 3) * 7 + request_bytes("GET", "/nothing"))
        assert [connection.read_response().status for _ in range(8)] == [200] * 7 + [404]
        seen = {"increments": 0, "status.200": 0, "status.404": 0}
        while seen["increments"] < 1:  # of a row that covers them; a rate may be a little less than the number
            number, row = stream.row()
            assert number == first + 1
            first = number
            seen = {field: row[fields[field]] for field in seen}
        assert 3 <= seen["increments"] <= 14 and 3 <= seen["status.200"] <= 14 and seen["status.404"] <= 2
        assert row[fields["unsynced"]] == 21 and row[fields["keys"]] >= 1 and row[fields["connections"]] >= 2
        assert 0 < row[fields["p50_us"]] <= row[fields["p99_us"]] <= row[fields["p999_us"]]
        assert row[fields["time_ms"]] / 1000 == pytest.approx(time.time(), abs=30)
        name, _, top = stream.event()
        assert name == "top" and [entry["key"] for entry in top["data"]] == ["hot"]


def test_history_is_kept_for_who_comes_later_and_not_told_twice(start_server):
    server = start_server()
    with Stream(server.address) as first:
        boot = first.head().event()[2]["boot"]
        rows = [first.row() for _ in range(3)]
    newest = rows[-1][0]
    with Stream(server.address) as again:
        assert again.head().event()[2]["boot"] == boot
        assert [again.row() for _ in range(newest)][-3:] == rows
    for query, begin in ((f"?boot={boot}&after={newest - 1}", newest), (f"?boot={boot}&after=99999999", 1), (f"?boot=1&after={newest}", 1),
                         (f"?boot={boot}&after=x", 1), ("?after=184467440737095516160", 1)):
        with Stream(server.address, query) as later:
            assert later.head().row()[0] == begin, query


def test_all_streams_are_told_the_same(start_server):
    server = start_server()
    streams = [Stream(server.address).head() for _ in range(12)]
    try:
        told = [dict(stream.row() for _ in range(3)) for stream in streams]
        for rows in told:
            assert all(rows[number] == told[0].get(number, rows[number]) for number in rows)
    finally:
        for stream in streams:
            stream.socket.close()


def test_streams_are_bounded_and_room_is_made_by_those_that_leave(start_server):
    server = start_server()
    streams = [Stream(server.address).head() for _ in range(STREAMS_MAX)]
    try:
        assert {stream.status for stream in streams} == {200}
        with server.connect() as connection:
            refused = connection.request("GET", "/dashboard/events")
            assert refused.status == 503 and "dashboards" in refused.message() and refused.header("retry-after")
            assert connection.request("HEAD", "/dashboard/events").status == 200  # of a stream that none is
        for stream in streams[:STREAMS_MAX // 2]:
            stream.socket.close()
        with server.connect() as connection:
            assert connection.request("POST", "/increment", b"key=a&value=1", [("Content-Type", "application/x-www-form-urlencoded")]).status == 200

        def joins():
            with Stream(server.address) as stream:
                return stream.head().status == 200

        eventually(joins, 20, "a stream that left makes room")
    finally:
        for stream in streams:
            stream.socket.close()


def test_a_stream_outlives_the_deadlines_of_requests(start_server):
    server = start_server("--idle-timeout", "300ms", "--header-timeout", "300ms", "--body-timeout", "300ms", "--write-timeout", "300ms")
    with Stream(server.address) as stream:
        number, _ = stream.head().row()
        for _ in range(3):
            assert (number := number + 1) == stream.row()[0]


@pytest.mark.long
def test_a_reader_that_takes_nothing_is_cut(start_server):
    server = start_server("--write-timeout", "500ms")
    with server.connect() as connection:  # so that the hottest keys alone are 60 kB a second
        for number in range(20):
            batch = [{"key": "\x01" * 510 + f"{number:02}", "value": 1}] * 1000
            connection.send(request_bytes("POST", "/increment", json.dumps(batch).encode(), [("Content-Type", "application/json")]))
            assert connection.read_response().status == 200
    slow = [Stream(server.address, receive_buffer=2048) for _ in range(3)]
    try:
        with server.connect() as connection:
            def cut():
                page = connection.request("GET", "/metrics").body.decode()
                return int(re.search(r'connections_refused_total\{reason="write_timeout"\} (\d+)', page)[1]) == len(slow)

            eventually(cut, 120, "those that do not read are cut")
            assert connection.request("GET", "/livez").status == 200
    finally:
        for stream in slow:
            stream.socket.close()


def test_the_end_of_the_service_is_told_and_not_held_up(start_server):
    server = start_server()
    streams = [Stream(server.address).head() for _ in range(5)]
    try:
        for stream in streams:
            stream.row()
        os.kill(server.pid, signal.SIGTERM)
        for stream in streams:
            with pytest.raises(Closed):
                while (event := stream.event())[0] != "end":
                    pass
                assert event[2] == {"reason": "draining"}
                stream.event()
            assert event[0] == "end"
        assert server.wait() == 0
        assert "server.cut" not in server.log()
    finally:
        for stream in streams:
            stream.socket.close()


def test_a_stream_behind_other_requests_of_its_connection_comes_after_their_answers(start_server):
    server = start_server()
    with Connection(server.address) as connection:
        connection.send(increment_bytes("a", 1) * 3 + request_bytes("GET", "/dashboard/events"))
        assert [connection.read_response().json()["data"]["value"] for _ in range(3)] == [1, 2, 3]
        head = connection._take_line(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head
        assert connection._take_line(b"\n\n").startswith(b"retry: 1000\nevent: hello\n")
        assert connection._take_line(b"\n\n").startswith(b"id: ")


# ---- state ----


def test_the_state_tells_build_health_store_and_limits(start_server):
    server = start_server("--sync-interval", "1h")
    with server.connect() as connection:
        connection.request("POST", "/increment", b"key=a&value=1", [("Content-Type", "application/x-www-form-urlencoded")])
        response = connection.request("GET", "/dashboard/state")
    assert response.status == 200 and response.header("cache-control") == "no-store"
    data = response.json()["data"]
    assert list(data) == ["build", "process", "health", "store", "limits"]
    assert data["process"]["urls"] == [f"http://127.0.0.1:{server.port}"] and data["process"]["uptime_ms"] < 600_000
    assert all(check["ok"] and check["reason"] for check in data["health"]), data["health"]
    assert data["store"]["system"] in ("sqlite", "postgresql") and data["store"]["unsynced_age_ms"] >= 0
    assert all(limit["used"] <= limit["limit"] for limit in data["limits"])


def test_the_configuration_is_told_without_secrets(start_server, tmp_path):
    (tmp_path / "options").write_text("idle-timeout = 33s\n")
    server = start_server("--config", str(tmp_path / "options"), "--database-url", f"sqlite:{tmp_path}/x.db", "--sync-interval", "7s",
                          env={"RATE_LIMIT": "5000/s"})
    data = {row["name"]: row for row in server.get("/dashboard/configuration").json()["data"]}
    assert data["sync-interval"]["value"] == "7s" and data["sync-interval"]["from"] == "command line"
    assert data["rate-limit"]["value"] == "5000/s" and data["rate-limit"]["from"] == "environment"
    assert data["idle-timeout"]["value"] == "33s" and data["idle-timeout"]["from"] == "file"
    assert data["port"]["help"] and data["hold-timeout"]["from"] == "default"


def test_a_password_in_the_database_url_is_shown_nowhere(start_server):
    url = "postgres://counter:hunter2secret@127.0.0.1:1/none"
    server = start_server("--database-url", url, wait="live")
    with server.connect() as connection:
        state = connection.request("GET", "/dashboard/state")
        configuration = connection.request("GET", "/dashboard/configuration")
        assert b"127.0.0.1:1" in state.body and b"hunter2secret" not in state.body + configuration.body

        def down():
            checks = {check["name"]: check for check in connection.request("GET", "/dashboard/state").json()["data"]["health"]}
            return not checks["database"]["ok"] and checks["database"]["reason"]

        assert "hunter2secret" not in eventually(down, 30, "the database is told to be away")
