"""Bearer tokens: scopes, order of checks, reload on SIGHUP, the subcommand that draws them."""

import hashlib
import signal
import threading

import pytest

from lib.http import JSON, increment_body
from lib.metrics import Metrics
from lib.server import StartFailed, run
from lib.waiting import eventually

SCOPES = {"reader": "read", "writer": "write", "boss": "admin", "all": "read,write,admin"}


def line(name, scopes, secret=None):
    return f"{name} {scopes} {hashlib.sha256((secret or 'secret-' + name).encode()).hexdigest()}\n"


def bearer(name):
    return [("Authorization", f"Bearer secret-{name}")]


@pytest.fixture
def tokens_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("# test\n" + "".join(line(name, scopes) for name, scopes in SCOPES.items()))
    return path


@pytest.fixture
def guarded(start_server, tokens_file):
    return start_server("--tokens-file", str(tokens_file), wait="ready")


def increment(connection, headers, key="t"):
    return connection.request("POST", "/increment", increment_body(key, 1), [JSON, *headers])


REQUESTS = [
    ("GET", "/counters/t", None, ("reader", "all")),
    ("HEAD", "/counters/t", None, ("reader", "all")),
    ("GET", "/metrics", None, ("reader", "all")),
    ("POST", "/flush", None, ("boss", "all")),
    ("GET", "/top", None, ("reader", "all")),
    ("GET", "/dashboard/state", None, ("reader", "all")),
    ("HEAD", "/dashboard/events", None, ("reader", "all")),
    ("GET", "/dashboard/configuration", None, ("boss", "all")),
    ("POST", "/increment", b'{"key":"t","value":1}', ("writer", "all")),
    ("PUT", "/counters/t", b'{"value":1}', ("boss", "all")),
    ("DELETE", "/counters/t", None, ("boss", "all")),
]


@pytest.mark.parametrize("method, target, body, allowed", REQUESTS, ids=lambda value: str(value)[:20])
def test_each_request_needs_its_scope_and_no_other(guarded, method, target, body, allowed):
    headers = [JSON] if body else []
    with guarded.connect() as connection:
        increment(connection, bearer("all"))
        response = connection.request(method, target, body, headers)
        assert response.status == 401
        assert response.header("www-authenticate") == 'Bearer realm="simple-request"'
        response = connection.request(method, target, body, [*headers, ("Authorization", "Bearer wrong")])
        assert response.status == 401 and 'error="invalid_token"' in response.header("www-authenticate")
        for name in SCOPES:
            response = connection.request(method, target, body, [*headers, *bearer(name)])
            if name in allowed:
                assert response.status in (200, 204), (name, response)
            else:
                assert response.status == 403, (name, response)
                assert 'error="insufficient_scope"' in response.header("www-authenticate")


def test_health_is_open(guarded):
    for path in ("/livez", "/readyz", "/healthz"):
        assert guarded.get(path).status == 200
    assert run("healthcheck", "--port", str(guarded.port), home=guarded.directory).returncode == 0


def test_401_and_403_come_after_404_and_405_and_before_the_rest(guarded):
    with guarded.connect() as connection:
        assert connection.request("GET", "/nothing").status == 404
        assert connection.request("GET", "/increment").status == 405
        assert connection.request("OPTIONS", "/increment").status == 204
        assert connection.request("POST", "/increment", b"not json", [("Content-Type", "text/plain")]).status == 401
        assert connection.request("POST", "/increment", b"not json",
                                  [("Content-Type", "text/plain"), *bearer("reader")]).status == 403
        assert connection.request("POST", "/increment", b"not json",
                                  [("Content-Type", "text/plain"), *bearer("writer")]).status == 415
    with guarded.connect() as connection:
        response = connection.request("POST", "/increment", None, [JSON, ("Content-Length", "999999999")])
        assert response.status == 401 and connection.read_to_end() == b""


@pytest.mark.parametrize("value", [
    "Basic c2VjcmV0", "Bearer", "Bearer ", "bearer", "secret-writer", "Bearersecret-writer", "Bearer secret-writer x",
    "Bearer Secret-writer", "Bearer secret-write", "Bearer " + "x" * 8000, 'Bearer "secret-writer"',
])
def test_what_is_no_token_of_ours_is_401(guarded, value):
    with guarded.connect() as connection:
        response = increment(connection, [("Authorization", value)])
        assert response.status == 401 and response.message()
        assert increment(connection, [("Authorization", "bEaReR   secret-writer")]).status == 200


def test_two_authorization_fields_are_none(guarded):
    with guarded.connect() as connection:
        assert increment(connection, bearer("writer") * 2).status == 401


def test_a_refused_request_counts_nothing_and_is_told_by_reason(guarded):
    with guarded.connect() as connection:
        for headers in ([], [("Authorization", "Bearer x")], bearer("reader")):
            assert increment(connection, headers, "untouched").status in (401, 403)
        assert connection.request("GET", "/counters/untouched", None, bearer("reader")).status == 404
        page = Metrics(connection.request("GET", "/metrics", None, bearer("reader")).body.decode())
    for reason in ("no_token", "unknown_token", "missing_scope"):
        assert page.value("simple_request_requests_declined_total", reason=reason) == 1


def reload(server, event):
    before = sum(e["event_name"] == event for e in server.events())
    server.signal(signal.SIGHUP)
    eventually(lambda: sum(e["event_name"] == event for e in server.events()) > before, 5, event)


def test_sighup_replaces_tokens_and_a_bad_file_keeps_the_old_ones(guarded, tokens_file):
    with guarded.connect() as connection:
        assert increment(connection, bearer("writer")).status == 200
        tokens_file.write_text(line("new", "write"))
        assert increment(connection, bearer("writer")).status == 200
        reload(guarded, "server.reloaded")
        assert increment(connection, bearer("writer")).status == 401
        assert increment(connection, bearer("new")).status == 200
        for bad in ("new write\n", line("a", "write") + line("a", "write", "b")):
            tokens_file.write_text(bad)
            reload(guarded, "server.reload_failed")
            assert increment(connection, bearer("new")).status == 200
        tokens_file.unlink()
        reload(guarded, "server.reload_failed")
        assert increment(connection, bearer("new")).status == 200
        assert "secret-" not in guarded.log()


def test_tokens_are_replaced_under_load(guarded, tokens_file):
    done, failed = threading.Event(), []

    def ask():
        with guarded.connect() as connection:
            while not done.is_set():
                status = increment(connection, bearer("writer")).status
                if status != 200:
                    failed.append(status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(12):
        tokens_file.write_text(line("writer", "write") + line(f"other{i}", "read"))
        reload(guarded, "server.reloaded")
    done.set()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_drawn_token_works(start_server, tmp_path):
    path = tmp_path / "drawn"
    done = run("token", "ci", "read,write", home=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("ci read,write ") and done.stdout.count("\n") == 1
    secret = done.stderr.strip().rpartition(" ")[2]
    assert secret.startswith("srt_") and len(secret) == 47
    path.write_text(done.stdout)
    server = start_server("--tokens-file", str(path), wait="ready")
    with server.connect() as connection:
        assert increment(connection, [("Authorization", f"Bearer {secret}")]).status == 200
    assert run("token", "ci", "read", home=tmp_path).stderr != done.stderr


@pytest.mark.parametrize("words", [(), ("ci",), ("ci", "reed"), ("c i", "read"), ("ci", "read", "more")])
def test_the_subcommand_says_how_it_is_called(tmp_path, words):
    done = run("token", *words, home=tmp_path)
    assert done.returncode == 2 and "usage" in done.stderr and done.stdout == ""


def test_a_start_with_a_bad_tokens_file_fails_and_says_why(make_server, tmp_path):
    path = tmp_path / "bad"
    path.write_text("# fine\nbot write\n")
    with pytest.raises(StartFailed) as failed:
        make_server("--tokens-file", str(path)).start()
    assert "line 2" in failed.value.log and str(path) in failed.value.log
    with pytest.raises(StartFailed):
        make_server("--tokens-file", str(tmp_path / "absent")).start()


@pytest.mark.parametrize("listen, tokens, warned", [
    ("127.0.0.1", False, False), ("0.0.0.0", False, True), ("0.0.0.0", True, False), ("127.0.0.1,::", False, True),
])
def test_listening_beyond_loopback_without_tokens_is_warned_of(make_server, tokens_file, listen, tokens, warned):
    options = ["--tokens-file", str(tokens_file)] if tokens else []
    server = make_server("--listen", listen, *options).start(wait=None)
    eventually(lambda: "  url " in server.banner(), 20, "the server prints its URL")
    assert any(e["event_name"] == "server.open" for e in server.events()) == warned
