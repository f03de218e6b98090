"""Every row of the HTTP contract (DESIGN section 2): a request, its status, its headers, its body, on both stores.

One server for the whole table; a row that needs another one names its options. KEY stands for a key of the row's own."""

import json
import re

import pytest

from lib import server as servers
from lib.http import FORM, JSON, request_bytes
from lib.waiting import eventually

NDJSON = ("Content-Type", "application/x-ndjson")
YAML = "application/yaml"
ANY = object()  # any text


class Row:
    """What is sent and what must come. before: requests first, each to be 2xx; body: exact JSON, bytes, or a pattern;
    headers: exact, a pattern, or None where it must not be there."""

    def __init__(self, name, request, status, body=ANY, headers=(), before=(), options=(), closes=False):
        self.name, self.request, self.status, self.body = name, request, status, body
        self.headers, self.before, self.options, self.closes = dict(headers), before, options, closes


def post(body, *sent):
    return ("POST", "/increment", body, [JSON, *sent])


def once(body, token="once-KEY", *sent):
    return post(body, ("Idempotency-Key", token), *sent)


def detail(pattern):
    return re.compile(r'\{"errors":\{"detail":"[^"]*' + pattern + r'[^"]*"\}\}')


def message(pattern):
    return re.compile(r'\{"error":\{"message":"[^"]*' + pattern + r'[^"]*"\}\}')


def data(**members):
    return {"data": members}


ONE = post(b'{"key":"KEY","value":1}')
ONCE = once(b'{"key":"KEY","value":5}')
SET = ("PUT", "/counters/KEY", b'{"value":7}', [JSON])
REPLAYED = {"idempotency-replayed": "true"}
FIRST = {"idempotency-replayed": None}
ORIGIN = ("Origin", "https://app.example")
CORS = ["--cors-origins", "https://app.example"]
MAX = 2**63 - 1
AS_JSON = {"content-type": "application/json"}

BATCH = b'[{"key":"KEY","value":1},{"key":"KEY","value":2}]'
FORM_ONCE = ("POST", "/increment", b"key=KEY&value=2", [FORM, ("Idempotency-Key", "once-KEY")])
MINIMAL_ONCE = once(b'{"key":"KEY","value":1}', "once-KEY", ("Prefer", "return=minimal"))

REQUESTS = [
    Row("increment", post(b'{"key":"KEY","value":2}'), 200, data(key="KEY", value=2), AS_JSON),
    Row("increment again", post(b'{"key":"KEY","value":2}'), 200, data(key="KEY", value=3), before=[ONE]),
    Row("increment by 0", post(b'{"key":"KEY","value":0}'), 200, data(key="KEY", value=0)),
    Row("decrement", post(b'{"key":"KEY","value":-5}'), 200, data(key="KEY", value=-5)),
    Row("largest", post(b'{"key":"KEY","value":%d}' % MAX), 200, data(key="KEY", value=MAX)),
    Row("smallest", post(b'{"key":"KEY","value":%d}' % (-MAX - 1)), 200, data(key="KEY", value=-MAX - 1)),
    Row("form", ("POST", "/increment", b"key=KEY&value=2", [FORM]), 200, data(key="KEY", value=2), AS_JSON),
    Row("minimal", post(b'{"key":"KEY","value":1}', ("Prefer", "return=minimal")), 202, b"",
        {"preference-applied": "return=minimal", "content-length": "0"}),
    Row("batch", post(b'[{"key":"KEY","value":1},{"key":"KEY-b","value":2},{"key":"KEY","value":3}]'), 200,
        {"data": [{"key": "KEY", "value": 1}, {"key": "KEY-b", "value": 2}, {"key": "KEY", "value": 4}]}),
    Row("batch as ndjson", ("POST", "/increment", b'{"key":"KEY","value":1}\n{"key":"KEY","value":2}\n', [NDJSON]), 200,
        {"data": [{"key": "KEY", "value": 1}, {"key": "KEY", "value": 3}]}),
    Row("read", ("GET", "/counters/KEY"), 200, re.compile(r'\{"data":\{"key":"KEY","value":1,"synced":(0|1|null)\}\}'), AS_JSON,
        before=[ONE]),
    Row("read what was never counted", ("GET", "/counters/KEY"), 404, detail("never counted"), AS_JSON),
    Row("head", ("HEAD", "/counters/KEY"), 200, b"", AS_JSON, before=[ONE]),
    Row("flush", ("POST", "/flush"), 200,
        re.compile(r'\{"data":\{"epoch":\d+,"keys":\d+,"refused":0,"elapsed_ms":\d+\}\}'), AS_JSON, before=[ONE]),
    Row("list", ("GET", "/counters?prefix=KEY&limit=2"), 200,
        {"data": [{"key": "KEY", "value": 1}, {"key": "KEY-b", "value": 2}], "next": "KEY-b"},
        before=[post(b'[{"key":"KEY","value":1},{"key":"KEY-b","value":2},{"key":"KEY-c","value":3}]')]),
    Row("list of nothing", ("GET", "/counters?prefix=KEY"), 200, {"data": [], "next": None}, AS_JSON),
    Row("list as strings", ("GET", "/counters?prefix=KEY&as=string"), 200, {"data": [{"key": "KEY", "value": "1"}], "next": None}, before=[ONE]),
    Row("list goes on", ("GET", "/counters?prefix=KEY&limit=2&after=KEY-b"), 200, {"data": [{"key": "KEY-c", "value": 3}], "next": None},
        before=[post(b'[{"key":"KEY","value":1},{"key":"KEY-b","value":2},{"key":"KEY-c","value":3}]')]),
    Row("integers as strings", ("GET", "/counters/KEY?as=string"), 200, re.compile(r'\{"data":\{"key":"KEY","value":"1","synced":("0"|"1"|null)\}\}'),
        before=[ONE]),
    Row("first with an idempotency key", ONCE, 200, data(key="KEY", value=5), {**AS_JSON, **FIRST}),
    Row("replayed, whatever was counted since", ONCE, 200, data(key="KEY", value=5), {**AS_JSON, **REPLAYED}, before=[ONCE, ONE]),
    Row("replayed and counted once", ("GET", "/counters/KEY"), 200, re.compile(r'\{"data":\{"key":"KEY","value":5,.*'), before=[ONCE, ONCE]),
    Row("quoted is the same key", once(b'{"key":"KEY","value":5}', '"once-KEY"'), 200, data(key="KEY", value=5), REPLAYED, before=[ONCE]),
    Row("batch replayed", once(BATCH), 200, {"data": [{"key": "KEY", "value": 1}, {"key": "KEY", "value": 3}]}, REPLAYED, before=[once(BATCH)]),
    Row("form replayed", FORM_ONCE, 200, data(key="KEY", value=2), REPLAYED, before=[FORM_ONCE]),
    Row("minimal replayed", MINIMAL_ONCE, 202, b"", {**REPLAYED, "preference-applied": "return=minimal"}, before=[MINIMAL_ONCE]),
    Row("set passes an idempotency key over", ("PUT", "/counters/KEY", b'{"value":7}', [JSON, ("Idempotency-Key", "once-KEY")]), 200,
        data(key="KEY", value=7), FIRST, before=[ONCE]),
    Row("read passes an idempotency key over", ("GET", "/counters/KEY", None, [("Idempotency-Key", "once-KEY")]), 200,
        re.compile(r'\{"data":\{"key":"KEY","value":6,.*'), FIRST, before=[ONCE, ONE]),
    Row("delete passes an idempotency key over", ("DELETE", "/counters/KEY", None, [("Idempotency-Key", "once-KEY")]), 204, b"", FIRST,
        before=[ONCE]),
    Row("integers as strings by Accept", post(b'{"key":"KEY","value":2}', ("Accept", "application/json; int64=string")), 200,
        data(key="KEY", value="2"), AS_JSON),
    Row("set", ("PUT", "/counters/KEY", b'{"value":7}', [JSON]), 200, data(key="KEY", value=7), before=[ONE]),
    Row("count on what was set", post(b'{"key":"KEY","value":1}'), 200, data(key="KEY", value=8),
        before=[("PUT", "/counters/KEY", b'{"value":7}', [JSON])]),
    Row("delete", ("DELETE", "/counters/KEY"), 204, b"", before=[ONE]),
    Row("delete what is not there", ("DELETE", "/counters/KEY"), 204, b""),
    Row("deleted is gone", ("GET", "/counters/KEY"), 404, detail("never counted"), before=[ONE, ("DELETE", "/counters/KEY")]),
    Row("deleted starts from 0", ONE, 200, data(key="KEY", value=1), before=[ONE, ONE, ("DELETE", "/counters/KEY")]),
    Row("set minimal", ("PUT", "/counters/KEY", b'{"value":7}', [JSON, ("Prefer", "return=minimal")]), 202, b"",
        {"preference-applied": "return=minimal"}),
    Row("set by a form", ("PUT", "/counters/KEY", b"value=7", [FORM]), 200, data(key="KEY", value=7), AS_JSON),
    Row("metrics", ("GET", "/metrics"), 200, re.compile(r"# HELP .*", re.DOTALL), {"content-type": "text/plain; version=0.0.4; charset=utf-8"}),
    Row("metrics as OpenMetrics", ("GET", "/metrics", None, [("Accept", "application/openmetrics-text")]), 200,
        re.compile(r".*# EOF\n", re.DOTALL), {"content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8"}),
    Row("livez", ("GET", "/livez"), 200, data(status="ok"), AS_JSON),
    Row("readyz", ("GET", "/readyz"), 200, data(status="ok"), AS_JSON),
    Row("healthz", ("GET", "/healthz"), 200, data(status="ok"), AS_JSON),
    Row("openapi", ("GET", "/openapi.yaml"), 200, re.compile(r"openapi: 3\.1.*", re.DOTALL), {"content-type": YAML}),
    Row("options", ("OPTIONS", "/increment"), 204, b"", {"allow": "POST, OPTIONS"}),
    Row("options of a counter", ("OPTIONS", "/counters/KEY"), 204, b"", {"allow": "GET, HEAD, PUT, DELETE, OPTIONS"}),
    Row("options of the list", ("OPTIONS", "/counters"), 204, b"", {"allow": "GET, HEAD, OPTIONS"}),
    Row("options of the server", ("OPTIONS", "*"), 204, b"", {"allow": "GET, HEAD, POST, PUT, DELETE, OPTIONS"}),
    Row("preflight", ("OPTIONS", "/increment", None, [ORIGIN, ("Access-Control-Request-Method", "POST")]), 204, b"",
        {"access-control-allow-origin": ORIGIN[1], "access-control-allow-headers": re.compile(".*Idempotency-Key.*"), "vary": "Origin"}, options=CORS),
    Row("answer to a listed origin", post(b'{"key":"KEY","value":1}', ORIGIN), 200, ANY,
        {"access-control-allow-origin": ORIGIN[1], "access-control-expose-headers": re.compile(".*Idempotency-Replayed.*")}, options=CORS),
    Row("answer to another origin", post(b'{"key":"KEY","value":1}', ("Origin", "https://evil.example")), 200, ANY,
        {"access-control-allow-origin": None, "vary": "Origin"}, options=CORS),
    Row("within the rate", ONE, 200, ANY, {"ratelimit": re.compile('"address";r=[0-9]+;t=[0-9]+'), "ratelimit-policy": '"address";q=1000;w=1'},
        options=["--rate-limit", "1000/s"]),
    Row("percent-encoded key", ("GET", "/counters/KEY%20%2F%C3%A9"), 200, re.compile(r'\{"data":\{"key":"KEY /é",.*'),
        before=[post('{"key":"KEY /é","value":1}'.encode())]),
    Row("key of 512 bytes", post(b'{"key":"' + b"k" * 512 + b'","value":0}'), 200, data(key="k" * 512, value=0)),
    Row("request id", post(b'{"key":"KEY","value":1}', ("X-Request-Id", "abc-1")), 200, ANY, {"x-request-id": "abc-1"}),
]

FIELDS = [("missing value", b'{"key":"KEY"}', "value"), ("missing key", b'{"value":1}', "key"), ("null value", b'{"key":"KEY","value":null}', "value"),
          ("null key", b'{"key":null,"value":1}', "key"), ("text as value", b'{"key":"KEY","value":"2"}', "value"),
          ("number as key", b'{"key":5,"value":1}', "key"), ("float", b'{"key":"KEY","value":1.5}', "value"),
          ("float without fraction", b'{"key":"KEY","value":2.0}', "value"), ("exponent", b'{"key":"KEY","value":1e2}', "value"),
          ("2^63", b'{"key":"KEY","value":9223372036854775808}', "value"), ("1e400", b'{"key":"KEY","value":1e400}', "value"),
          ("empty key", b'{"key":"","value":1}', "key"), ("key too long", b'{"key":"' + b"k" * 513 + b'","value":1}', "key"),
          ("key with NUL", b'{"key":"a\\u0000","value":1}', "key")]
MALFORMED = [("malformed JSON", b'{"key":"KEY","value":1'), ("key twice", b'{"key":"KEY","key":"KEY","value":1}'),
             ("value twice", b'{"key":"KEY","value":1,"value":1}'), ("invalid UTF-8", b'{"key":"\xff","value":1}'),
             ("lone surrogate", b'{"key":"\\ud800","value":1}')]

ERRORS = (
    [Row(f"422 {name}", post(body), 422, message(field), AS_JSON) for name, body, field in FIELDS]
    + [Row(f"400 {name}", post(body), 400, detail(""), AS_JSON) for name, body in MALFORMED]
    + [
        Row("422 names a batch's item", post(b'[{"key":"KEY","value":1},{"key":"KEY","value":true}]'), 422, message("1")),
        Row("409 beyond 64 bits", post(b'{"key":"KEY","value":1}'), 409, message("64"), AS_JSON, before=[post(b'{"key":"KEY","value":%d}' % MAX)]),
        Row("422 other request under an idempotency key", once(b'{"key":"KEY","value":6}'), 422, message("another request"), {**AS_JSON, **FIRST}, before=[ONCE]),
        Row("400 malformed idempotency key", once(b'{"key":"KEY","value":5}', '"open'), 400, detail("Idempotency-Key"), AS_JSON),
        Row("400 idempotency key twice", post(b'{"key":"KEY","value":5}', ("Idempotency-Key", "a"), ("Idempotency-Key", "a")), 400,
            detail("Idempotency-Key")),
        Row("422 key in a path too long", ("GET", "/counters/" + "k" * 513), 422, message("key")),
        Row("400 bad percent-encoding", ("GET", "/counters/%zz"), 400, detail("")),
        Row("422 limit of a list", ("GET", "/counters?limit=0"), 422, message("limit")),
        Row("422 as what", ("GET", "/counters/KEY?as=float"), 422, message("as")),
        Row("422 set to a float", ("PUT", "/counters/KEY", b'{"value":1.5}', [JSON]), 422, message("value")),
        Row("404 unknown path", ("GET", "/nothing"), 404, detail(""), AS_JSON),
        Row("405 other method", ("PATCH", "/counters/KEY"), 405, detail("method"), {"allow": "GET, HEAD, PUT, DELETE, OPTIONS"}),
        Row("406", ("GET", "/counters/KEY", None, [("Accept", "text/html")]), 406, detail("Accept")),
        Row("413", ("POST", "/increment", None, [JSON, ("Content-Length", "99999999")]), 413, detail("body"), closes=True),
        Row("414", ("GET", "/" + "a" * 9000), 414, detail("line"), closes=True),
        Row("415", ("POST", "/increment", b"{}", [("Content-Type", "text/plain")]), 415, detail("Content-Type")),
        Row("417", ("GET", "/livez", None, [("Expect", "miracles")]), 417, detail("100-continue"), closes=True),
        Row("431", ("GET", "/livez", None, [("X", "y" * 20_000)]), 431, detail("header"), closes=True),
        Row("501", ("POST", "/increment", None, [JSON, ("Transfer-Encoding", "gzip")]), 501, detail("chunked"), closes=True),
        Row("505", b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", 505, detail("HTTP/1"), closes=True),
        Row("400 malformed HTTP", b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", 400, detail(""), closes=True),
        Row("408", b"GET /livez HTTP/1.1\r\nHost: x\r\n", 408, detail("too long"), closes=True, options=["--header-timeout", "200ms"]),
        Row("401", ("GET", "/counters/KEY"), 401, detail("token"), {"www-authenticate": re.compile("Bearer .*")}, options=["--tokens-file", "TOKENS"]),
        Row("403", ("DELETE", "/counters/KEY", None, [("Authorization", "Bearer abc")]), 403, detail("scope"),
            {"www-authenticate": re.compile('.*scope="admin".*')}, options=["--tokens-file", "TOKENS"]),
        Row("401 unknown token", ("GET", "/counters/KEY", None, [("Authorization", "Bearer no")]), 401, detail("token"),
            {"www-authenticate": re.compile('Bearer .*')}, options=["--tokens-file", "TOKENS"]),
        Row("429", ("GET", "/counters/KEY"), 429, message("faster"),
            {"retry-after": re.compile(r"\d+"), "ratelimit": re.compile('"address";r=0;t=[0-9]+'), "ratelimit-policy": '"address";q=2;w=2'},
            before=[ONE, ONE], options=["--rate-limit", "1/s", "--rate-limit-burst", "2"]),
    ]
)


@pytest.fixture(scope="module")
def server_of(tmp_path_factory, request):
    """A function: the running server for a store and options, started at its first use."""
    running = {}

    def get(store, options):
        key = (store.url, *options)
        if key not in running:
            directory = tmp_path_factory.mktemp("contract")
            tokens = directory / "tokens"
            tokens.write_text("reader read ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n")  # "abc"
            given = [str(tokens) if option == "TOKENS" else option for option in options]
            running[key] = servers.Server(directory / "server", store, given).start(wait="ready")
        return running[key]

    yield get
    for server in running.values():
        server.kill()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def module_store(request, tmp_path_factory, cluster):
    from lib.store import PostgresStore, SqliteStore

    if request.param == "sqlite":
        yield SqliteStore(tmp_path_factory.mktemp("sqlite") / "counters.db")
        return
    database = cluster.take_database()
    yield PostgresStore(cluster, database)


def bytes_of(request, key):
    """The request on the wire, with the row's own key for KEY."""
    if isinstance(request, bytes):
        return request
    method, target, body, headers = [*request, None, []][:4] if len(request) == 2 else request
    headers = [(name, value.replace("KEY", key)) for name, value in headers]
    return request_bytes(method, target.replace("KEY", key), body.replace(b"KEY", key.encode()) if body else body, headers)


def check_body(row, response, key):
    if row.body is ANY:
        return
    if isinstance(row.body, bytes):
        assert response.body == row.body
    elif isinstance(row.body, re.Pattern):
        assert row.body.fullmatch(response.body.decode().replace(key, "KEY")), response
    else:
        assert json.loads(response.body) == json.loads(json.dumps(row.body).replace("KEY", key))


def check_headers(row, response):
    for name, wanted in row.headers.items():
        value = response.header(name)
        if isinstance(wanted, re.Pattern):
            assert value is not None and wanted.fullmatch(value), (name, response)
        else:
            assert value == wanted, (name, response)


@pytest.mark.parametrize("row", REQUESTS + ERRORS, ids=lambda row: row.name)
def test_the_contract(module_store, server_of, row, request):
    server = server_of(module_store, row.options)
    key = "k" + str(abs(hash(row.name)) % 10**9)
    with server.connect() as connection:
        for earlier in row.before:
            connection.send(bytes_of(earlier, key))
            assert connection.read_response().status in (200, 202, 204)
        connection.send(bytes_of(row.request, key))
        response = connection.read_response(head=row.request[0] == "HEAD")
        assert response.status == row.status, response
        check_body(row, response, key)
        check_headers(row, response)
        if row.closes:
            assert response.header("connection") == "close" and connection.read_to_end() == b""
        else:
            assert connection.request("GET", "/livez").status == 200


def test_409_while_the_first_request_runs(start_server, store):
    """Both come in one turn of the only worker: one is asked about and waits, the other finds it running."""
    server = start_server("--workers", "1", "--sync-interval", "1h", store=store)
    with server.connect() as one, server.connect() as two:
        for connection in (one, two):
            assert connection.request("GET", "/livez").status == 200
        server.freeze()
        for connection in (one, two):
            connection.send(bytes_of(ONCE, "k"))
        server.thaw()
        answers = sorted((connection.read_response() for connection in (one, two)), key=lambda response: response.status)
    assert [response.status for response in answers] == [200, 409], answers
    assert "retry" in answers[1].message() and answers[1].header("idempotency-replayed") is None
    assert server.total("k") == 5


def test_202_with_null_where_the_total_is_unknown(start_server):
    server = start_server("--database-url", "postgres://nobody@127.0.0.1:1/none", wait="live")
    with server.connect() as connection:
        for body, wanted in ((b'{"key":"k","value":2}', {"key": "k", "value": None}),
                             (b'[{"key":"k","value":2}]', [{"key": "k", "value": None}])):
            response = connection.request("POST", "/increment", body, [JSON])
            assert response.status == 202 and response.json() == {"data": wanted}
        response = connection.request("GET", "/counters/k")
        assert response.status == 503 and response.message() and response.header("retry-after") == "1"


def test_503_where_the_window_is_full(start_server, store):
    server = start_server("--idempotency-max", "1", store=store)
    with server.connect() as connection:
        for token, status in (("one", 200), ("two", 503), ("one", 200)):
            connection.send(bytes_of(once(b'{"key":"k","value":5}', token), "k"))
            response = connection.read_response()
            assert response.status == status, response
            if status == 503:
                assert response.message() and response.header("retry-after") == "1"


def test_503_of_readiness_names_the_reason(start_server):
    server = start_server("--database-url", "postgres://nobody@127.0.0.1:1/none", "--ready-max-lag", "100ms", wait="live")
    with server.connect() as connection:
        assert connection.increment("k", 1).status == 202
        for path in ("/readyz", "/healthz"):
            eventually(lambda path=path: connection.request("GET", path).status == 503, 10, "the change is older than allowed")
            response = connection.request("GET", path)
            assert response.message() and response.header("retry-after") == "1"
        assert connection.request("GET", "/livez").status == 200


def test_503_says_why_and_when_to_come_back(start_server):
    """The table is full of what cannot be synced: the database is away."""
    server = start_server("--memory-limit", "1MiB", "--database-url", "postgres://nobody@127.0.0.1:1/none", wait="live")
    with server.connect() as connection:
        for number in range(60_000):
            response = connection.increment(f"full-{number}", 1)
            if response.status == 503:
                break
            assert response.status == 202 and response.json()["data"]["value"] is None
    assert response.status == 503 and response.message() and response.header("retry-after") == "1"
