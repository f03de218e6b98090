"""Bad bodies: JSON, form, path. Each is refused with its status, names the field, counts nothing."""

import pytest

from lib.http import FORM, JSON, increment_body

MALFORMED = {
    "empty body": b"",
    "blank body": b"  \r\n",
    "half an object": b'{"key":"canary","value":1',
    "trailing bytes": b'{"key":"canary","value":1}x',
    "two documents": b'{"key":"canary","value":1}{"key":"canary","value":1}',
    "trailing NUL": b'{"key":"canary","value":1}\0',
    "byte order mark": b'\xef\xbb\xbf{"key":"canary","value":1}',
    "UTF-16": '{"key":"canary","value":1}'.encode("utf-16-le"),
    "NaN": b'{"key":"canary","value":NaN}',
    "Infinity": b'{"key":"canary","value":Infinity}',
    "-Infinity": b'{"key":"canary","value":-Infinity}',
    "leading zero": b'{"key":"canary","value":01}',
    "leading plus": b'{"key":"canary","value":+1}',
    "hexadecimal": b'{"key":"canary","value":0x1}',
    "a number without digits": b'{"key":"canary","value":-}',
    "a number that ends in a point": b'{"key":"canary","value":1.}',
    "single quotes": b"{'key':'canary','value':1}",
    "names without quotes": b'{key:"canary",value:1}',
    "trailing comma": b'{"key":"canary","value":1,}',
    "a comment": b'{"key":"canary",/* */"value":1}',
    "a raw control byte in a string": b'{"key":"can\x01ary","value":1}',
    "a raw newline in a string": b'{"key":"can\nary","value":1}',
    "an unknown escape": b'{"key":"canary\\x41","value":1}',
    "half an escape": b'{"key":"canary\\u00e","value":1}',
    "a high surrogate alone": b'{"key":"\\ud800","value":1}',
    "a low surrogate alone": b'{"key":"\\udc00","value":1}',
    "surrogates in the wrong order": b'{"key":"\\udc00\\ud800","value":1}',
    "key twice": b'{"key":"canary","key":"canary","value":1}',
    "key twice, once escaped": b'{"key":"canary","value":1,"\\u006bey":"canary"}',
    "value twice": b'{"key":"canary","value":1,"value":1}',
    "depth 100,000 of arrays": b"[" * 100_000,
    "depth 100,000 beside the fields":
        b'{"key":"canary","value":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "depth 100,000 of objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
    "a stray continuation byte": b'{"key":"canary\x80","value":1}',
    "a cut sequence": b'{"key":"canary\xc3","value":1}',
    "an overlong slash": b'{"key":"canary\xc0\xaf","value":1}',
    "an encoded surrogate": b'{"key":"canary\xed\xa0\x80","value":1}',
    "beyond U+10FFFF": b'{"key":"canary\xf4\x90\x80\x80","value":1}',
    "invalid UTF-8 in a field nobody asked for": b'{"key":"canary","value":1,"x":"\xff"}',
}

KEYS = {
    "absent": b'{"value":1}',
    "null": b'{"key":null,"value":1}',
    "a number": b'{"key":1,"value":1}',
    "true": b'{"key":true,"value":1}',
    "an array": b'{"key":["canary"],"value":1}',
    "an object": b'{"key":{},"value":1}',
    "empty": b'{"key":"","value":1}',
    "513 bytes": increment_body("a" * 513, 1),
    "513 bytes of few characters": increment_body("a" + "é" * 256, 1),
    "100 kB": increment_body("a" * 100_000, 1),
    "U+0000": b'{"key":"can\\u0000ary","value":1}',
    "only U+0000": b'{"key":"\\u0000","value":1}',
    "a name in another case": b'{"Key":"canary","value":1}',
}

VALUES = {
    "absent": b'{"key":"canary"}', "null": b"null", "1.5": b"1.5", "2.0": b"2.0", "1e2": b"1e2",
    "1E+2": b"1E+2", "1e-2": b"1e-2", "1e400": b"1e400", "-1e400": b"-1e400", "text": b'"2"',
    "empty text": b'""', "true": b"true", "false": b"false", "array": b"[1]", "object": b"{}",
    "2^63": b"9223372036854775808", "-2^63-1": b"-9223372036854775809",
    "2^64": b"18446744073709551616", "400 digits": b"1" * 400,
}

FORMS = {
    "key absent": (b"value=1", 422, "key"),
    "value absent": (b"key=canary", 422, "value"),
    "empty": (b"", 422, "key"),
    "empty key": (b"key=&value=1", 422, "key"),
    "long key": (b"key=%s&value=1" % (b"a" * 513), 422, "key"),
    "NUL in key": (b"key=a%00&value=1", 422, "key"),
    "empty value": (b"key=canary&value=", 422, "value"),
    "value a word": (b"key=canary&value=two", 422, "value"),
    "value 1.5": (b"key=canary&value=1.5", 422, "value"),
    "value 1e2": (b"key=canary&value=1e2", 422, "value"),
    "value 2^63": (b"key=canary&value=9223372036854775808", 422, "value"),
    "value with a space": (b"key=canary&value=+2", 422, "value"),
    "value -": (b"key=canary&value=-", 422, "value"),
    "key twice": (b"key=canary&key=canary&value=1", 400, "key"),
    "value twice": (b"key=canary&value=1&value=1", 400, "value"),
    "bad percent": (b"key=%zz&value=1", 400, ""),
    "cut percent": (b"value=1&key=%4", 400, ""),
    "invalid UTF-8": (b"key=%ff&value=1", 400, ""),
    "raw invalid UTF-8": (b"key=\xff&value=1", 400, ""),
}

PATHS = {
    "bad percent": ("%zz", (400,)),
    "cut percent": ("a%4", (400,)),
    "invalid UTF-8": ("%ff", (400,)),
    "an encoded surrogate": ("%ed%a0%80", (400,)),
    "NUL": ("a%00b", (400, 422)),
    "513 bytes": ("a" * 513, (422,)),
    "empty": ("", (404, 422)),
}


def refused(server, body, content_type, status, word):
    before = server.increment("canary", 0)
    with server.connect() as connection:
        response = connection.request("POST", "/increment", body, [content_type])
        assert response.status == status, response
        assert word in response.message(), response
        assert connection.request("GET", "/livez").status == 200  # a bad body does not end the connection
    assert server.total("canary") == before


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_a_bad_request(shared_server, name):
    word = {"key twice": "key", "value twice": "value"}.get(name, "")
    refused(shared_server, MALFORMED[name], JSON, 400, word)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_cannot_be_one_is_named(shared_server, name):
    refused(shared_server, KEYS[name], JSON, 422, "key")


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_is_no_64_bit_integer_is_named(shared_server, name):
    body = VALUES[name] if name == "absent" else b'{"key":"canary","value":' + VALUES[name] + b"}"
    refused(shared_server, body, JSON, 422, "value")


@pytest.mark.parametrize("body", [b"1", b'"canary"', b"null", b"true", b"[1]"])
def test_a_document_that_is_no_object_is_not_acceptable(shared_server, body):
    refused(shared_server, body, JSON, 422, "")


@pytest.mark.parametrize("name", FORMS)
def test_a_bad_form_is_refused(shared_server, name):
    body, status, word = FORMS[name]
    refused(shared_server, body, FORM, status, word)


@pytest.mark.parametrize("name", PATHS)
def test_a_bad_key_in_the_path_is_refused(shared_server, name):
    segment, statuses = PATHS[name]
    response = shared_server.get(f"/counters/{segment}")
    assert response.status in statuses, response
    assert response.message()


def test_the_message_does_not_echo_bytes_that_could_be_markup(shared_server):
    with shared_server.connect() as connection:
        body = b'{"key":"<script>alert(1)</script>","value":"<script>"}'
        assert b"<script>" not in connection.request("POST", "/increment", body, [JSON]).body
