"""A raw HTTP/1.1 client: sends any bytes, reads answers strictly. No help, no repair."""

import json
import re
import socket
from urllib.parse import quote

from lib import settings

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) ([^\x00-\x1f]*)\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f]*?)[ \t]*\Z")


class Closed(Exception):
    """The peer closed (or reset) before a whole answer was there."""


class Response:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:200]!r}>"

    def header(self, name):
        """The value of a header, None where absent; twice is a failure."""
        values = [v for n, v in self.fields if n == name.lower()]
        assert len(values) < 2, f"{name} sent twice: {values}"
        return values[0] if values else None

    def json(self):
        assert (self.header("content-type") or "").startswith("application/json"), self
        return json.loads(self.body.decode("utf-8"))

    def message(self):
        """The text of an error body; checks that its shape fits its status."""
        document = self.json()
        if self.status in (409, 422, 429, 503):
            assert list(document) == ["error"] and list(document["error"]) == ["message"], self
            text = document["error"]["message"]
        else:
            assert list(document) == ["errors"] and list(document["errors"]) == ["detail"], self
            text = document["errors"]["detail"]
        assert isinstance(text, str) and len(text) > 3, self
        return text


def parse_head(head):
    """Status, reason and fields of an answer's head (without the empty line)."""
    lines = head.split(b"\r\n")
    match = STATUS_LINE.match(lines[0])
    assert match, f"bad status line: {lines[0]!r}"
    fields = []
    for line in lines[1:]:
        field = FIELD_LINE.match(line)
        assert field, f"bad header line: {line!r}"
        fields.append((field[1].decode().lower(), field[2].decode("latin-1")))
    return int(match[1]), match[2].decode(), fields


class Connection:
    """One socket. Use as a context manager."""

    def __init__(self, address, timeout=10.0):
        self.socket = socket.create_connection(address, timeout=timeout * settings.TIME_SCALE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        try:
            data = self.socket.recv(1 << 18)
        except ConnectionError as error:
            raise Closed(f"reset: {error}") from error
        if not data:
            raise Closed(f"closed by the server with {bytes(self.buffer[:200])!r} read")
        self.buffer += data

    def _take(self, size):
        while len(self.buffer) < size:
            self._fill()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _take_line(self, end):
        while (at := self.buffer.find(end)) < 0:
            assert len(self.buffer) < 1 << 20, "answer head without an end"
            self._fill()
        line = bytes(self.buffer[:at])
        del self.buffer[: at + len(end)]
        return line

    def read_response(self, head=False):
        """The next answer; head: it answers HEAD and has no body. 1xx come as answers of their own."""
        status, reason, fields = parse_head(self._take_line(b"\r\n\r\n"))
        response = Response(status, reason, fields, b"")
        if head or status < 200 or status in (204, 304):
            return response
        if response.header("transfer-encoding") == "chunked":
            response.body = self._read_chunks()
            return response
        length = response.header("content-length")
        assert length is not None and length.isdigit(), f"no usable Content-Length: {response}"
        response.body = self._take(int(length))
        return response

    def _read_chunks(self):
        body = b""
        while size := int(self._take_line(b"\r\n"), 16):
            body += self._take(size)
            assert self._take(2) == b"\r\n"
        assert self._take_line(b"\r\n") == b""
        return body

    def read_responses(self, number):
        return [self.read_response() for _ in range(number)]

    def read_raw(self, number):
        """The bytes of that many answers, none of which has a body without `}` at its end."""
        while self.buffer.count(b"HTTP/1.1 ") < number or not self.buffer.endswith(b"}"):
            self._fill()
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def read_to_end(self):
        """All bytes until the server closes (a reset counts as a close)."""
        try:
            while True:
                self._fill()
        except Closed:
            rest = bytes(self.buffer)
            self.buffer.clear()
            return rest

    def is_quiet(self, seconds):
        """True if nothing comes for that long: no byte, no close."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._fill()
            return False
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(before)

    def request(self, method, target, body=None, headers=()):
        """One request in one send, one answer."""
        self.send(request_bytes(method, target, body, headers))
        return self.read_response(head=method == "HEAD")

    def increment(self, key, value):
        return self.request("POST", "/increment", increment_body(key, value), [JSON])

    def set(self, key, value):
        return self.request("PUT", counter_target(key), b'{"value":%d}' % value, [JSON])


JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def request_bytes(method, target, body=None, headers=()):
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def counter_target(key):
    """The path of a counter's resource."""
    return "/counters/" + quote(key.encode(), safe="")


def increment_body(key, value):
    return json.dumps({"key": key, "value": value}, ensure_ascii=False).encode()


def increment_bytes(key, value):
    """A whole POST /increment with a JSON body."""
    return request_bytes("POST", "/increment", increment_body(key, value), [JSON])
