"""Malformed HTTP: each row of the table is refused, closes, counts nothing and leaves the server alive."""

import pytest

from lib.http import Closed

BODY = b'{"key":"canary","value":1}'
CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
TYPE = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
FITS = b"Content-Length: %d\r\n" % len(BODY)


def post(fields=b"", body=BODY, host=b"Host: x\r\n", line=b"POST /increment HTTP/1.1\r\n"):
    return line + host + TYPE + fields + b"\r\n" + body


def length(text):
    return post(b"Content-Length:" + text + b"\r\n")


def chunks(body):
    return post(CHUNKED, body)


FRAMING = {
    "Content-Length with Transfer-Encoding": post(FITS + CHUNKED, CHUNK),
    "Transfer-Encoding with Content-Length": post(CHUNKED + FITS, CHUNK),
    "differing Content-Length": post(FITS + b"Content-Length: 5\r\n"),
    "listed Content-Length": length(b" %d, %d" % (len(BODY), len(BODY))),
    "signed Content-Length": length(b" +%d" % len(BODY)),
    "negative Content-Length": length(b" -%d" % len(BODY)),
    "hexadecimal Content-Length": length(b" 0x%x" % len(BODY)),
    "Content-Length with letters": length(b" %dabc" % len(BODY)),
    "Content-Length in two words": length(b" 2 6"),
    "empty Content-Length": length(b""),
    "blank Content-Length": length(b"   "),
    "Content-Length over 64 bits": length(b" 18446744073709551642"),
    "Content-Length of 60 digits": length(b" " + b"9" * 60),
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNK),
    "chunked in two fields": post(CHUNKED * 2, CHUNK),
    "chunked padded by a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNK),
    "chunked in HTTP/1.0": post(CHUNKED, CHUNK, line=b"POST /increment HTTP/1.0\r\n"),
    "chunk size with letters": chunks(b"xyz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "empty chunk size": chunks(b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "signed chunk size": chunks(b"+1a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "negative chunk size": chunks(b"-1a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "prefixed chunk size": chunks(b"0x1a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunk size of 17 digits": chunks(b"%017x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"),
    "chunk size over 64 bits": chunks(b"1000000000000001a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "wrong chunk terminator": chunks(b"%x\r\n%sXX0\r\n\r\n" % (len(BODY), BODY)),
    "chunk longer than its size": chunks(b"5\r\n%s\r\n0\r\n\r\n" % BODY),
    "chunk lines ended by LF": chunks(b"%x\n%s\n0\n\n" % (len(BODY), BODY)),
    "flood of chunk extensions": chunks(b"1a" + b";a=b" * 8000 + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
}

HEADERS = {
    "lines ended by LF": post(FITS).replace(b"\r\n", b"\n"),
    "one header ended by LF": post(FITS).replace(TYPE, TYPE.replace(b"\r\n", b"\n")),
    "a bare CR in a header": post(b"X: a\rb\r\n" + FITS),
    "NUL in a header": post(b"X: a\0b\r\n" + FITS),
    "NUL in a header name": post(b"X\0Y: a\r\n" + FITS),
    "a control byte in a header": post(b"X: a\x01b\r\n" + FITS),
    "DEL in a header": post(b"X: a\x7fb\r\n" + FITS),
    "space before the colon": post(b"X : a\r\n" + FITS),
    "tab before the colon": post(b"X\t: a\r\n" + FITS),
    "space before Content-Length's colon": post(b"Content-Length : 26\r\n"),
    "a folded header": post(b"X: a\r\n  b\r\n" + FITS),
    "a header folded by a tab": post(b"X: a\r\n\tb\r\n" + FITS),
    "an empty header name": post(b": a\r\n" + FITS),
    "a header without a colon": post(b"Xa\r\n" + FITS),
    "a space before the first header": post(FITS, host=b" Host: x\r\n"),
    "a letter outside ASCII in a name": post("Xé: a\r\n".encode() + FITS),
    "no Host": post(FITS, host=b""),
    "two Hosts": post(FITS, host=b"Host: x\r\nHost: x\r\n"),
    "a Host with a space": post(FITS, host=b"Host: a b\r\n"),
    "a Host with a path": post(FITS, host=b"Host: a/b\r\n"),
    "a Host with user data": post(FITS, host=b"Host: user@a\r\n"),
    "a Host with a bad port": post(FITS, host=b"Host: a:12x\r\n"),
}

LINES = {
    "garbage": b"\x00\x01\x02\x03garbage\r\n\r\n",
    "a word": b"hello\r\n\r\n",
    "binary": bytes(range(128, 256)) * 4,
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + b"\x5a" * 190,
    "no version": b"GET /livez\r\n\r\n",
    "two spaces": b"GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the target": b"GET /livez /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a control byte in the target": b"GET /li\x01vez HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /li\0vez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target without a slash": b"GET livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case protocol": b"GET /livez http/1.1\r\nHost: x\r\n\r\n",
    "a tab in the request line": b"GET\t/livez\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "another protocol": b"GET /livez RTSP/1.0\r\nHost: x\r\n\r\n",
}

BAD_REQUEST = [(name, data, (400,)) for table in (FRAMING, HEADERS, LINES) for name, data in table.items()]
OTHER = [
    ("unknown transfer coding", post(b"Transfer-Encoding: gzip\r\n"), (501,)),
    ("unknown coding before chunked", post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNK), (501,)),
    ("identity", post(b"Transfer-Encoding: identity\r\n"), (501,)),
    ("chunked not last", post(b"Transfer-Encoding: chunked, gzip\r\n", CHUNK), (400, 501)),
    ("a word like chunked", post(b"Transfer-Encoding: xchunked\r\n", CHUNK), (400, 501)),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505,)),
    ("HTTP/9.9", b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", (505,)),
    ("HTTP/2.0 in a request line", b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", (505,)),
    ("request line over 8 KiB", b"GET /" + b"a" * 8300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414,)),
    ("endless request line", b"GET /" + b"a" * 200_000, (414,)),
    ("header over 16 KiB", post(b"X: " + b"a" * 17_000 + b"\r\n" + FITS), (431,)),
    ("headers over 16 KiB in all", post((b"X: " + b"a" * 1000 + b"\r\n") * 17 + FITS), (431,)),
    ("header name over 16 KiB", post(b"X" * 17_000 + b": a\r\n" + FITS), (431,)),
    ("over 100 headers", post(b"X: a\r\n" * 101 + FITS), (431,)),
    ("endless headers", post(b"X: a\r\n" * 20_000, b""), (431,)),
    ("body over its limit", post(b"Content-Length: 1000000000\r\n", b""), (413,)),
    ("unknown expectation", post(b"Expect: 200-ok\r\n" + FITS), (417,)),
]


@pytest.mark.parametrize("data, statuses", [
    pytest.param(data, statuses, id=name) for name, data, statuses in BAD_REQUEST + OTHER])
def test_bad_http_is_refused_and_the_connection_closed(shared_server, data, statuses):
    before = shared_server.increment("canary", 0)
    with shared_server.connect() as connection:
        try:
            connection.send(data)
        except ConnectionError:
            pass  # refused before all of it was sent: the answer is there nevertheless
        response = connection.read_response()
        assert response.status in statuses, response
        assert response.message()
        assert response.header("connection") == "close"
        assert connection.read_to_end() == b""
    assert shared_server.get("/livez").status == 200
    assert shared_server.total("canary") == before


def test_a_good_request_before_a_bad_one_is_answered_first(shared_server):
    before = shared_server.increment("canary", 0)
    with shared_server.connect() as connection:
        connection.send(post(FITS) + LINES["garbage"] + post(FITS))
        assert connection.read_response().json()["data"]["value"] == before + 1
        assert connection.read_response().status == 400
        assert connection.read_to_end() == b""
    assert shared_server.total("canary") == before + 1


def test_a_hundred_headers_and_16_kib_less_a_little_are_taken(shared_server):
    with shared_server.connect() as connection:
        fields = b"".join(b"X%d: a\r\n" % n for n in range(97))
        connection.send(post(fields + FITS))
        assert connection.read_response().status == 200
        connection.send(post(b"X: " + b"a" * 15_500 + b"\r\n" + FITS))
        assert connection.read_response().status == 200


def test_every_cut_of_a_request_counts_nothing(shared_server):
    before = shared_server.increment("canary", 0)
    whole = post(FITS)
    for size in range(len(whole)):
        with shared_server.connect() as connection:
            connection.send(whole[:size])
    with shared_server.connect() as connection:
        connection.send(whole)
        try:
            assert connection.read_response().json()["data"]["value"] == before + 1
        except Closed as error:
            pytest.fail(str(error))
