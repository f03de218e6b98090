"""The commands that ask a running service: tables and JSON, exit codes, tokens, TLS, unix sockets, retries that count once."""

import contextlib
import json
import socket
import threading

import pytest

from lib import tls
from lib.http import JSON
from lib.postgres import free_port
from lib.server import run
from lib.waiting import eventually

OK, REFUSED, USAGE, NOT_FOUND, UNREACHABLE = range(5)


@pytest.fixture
def server(start_server):
    return start_server("--sync-interval", "1h")


def ask(server, *arguments, url=None, **more):
    env = {"SIMPLE_REQUEST_URL": url or f"http://127.0.0.1:{server.port}"}
    return run(*arguments, home=server.directory, env=env, **more)


class LossyProxy:
    """Forwards whole requests to the service and closes the client's connection in place of the first `losses` answers."""

    def __init__(self, port, losses):
        self.upstream, self.losses, self.requests = port, losses, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                with client, socket.create_connection(("127.0.0.1", self.upstream)) as server:
                    self._serve(client, server)

    def _serve(self, client, server):
        while request := client.recv(65536):
            server.sendall(request)
            answer = server.recv(65536)
            self.requests += 1
            if self.requests <= self.losses:
                return
            client.sendall(answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def test_a_counter_is_counted_shown_set_and_deleted(server):
    assert ask(server, "increment", "page/größe", "2").stdout == "KEY         TOTAL\npage/größe      2\n"
    assert ask(server, "increment", "page/größe").stdout.endswith("3\n")
    assert ask(server, "increment", "page/größe", "-10").stdout.endswith("-7\n")
    assert ask(server, "increment", "--", "--json", "4").stdout == "KEY     TOTAL\n--json      4\n"
    assert ask(server, "get", "page/größe").stdout.split() == ["KEY", "TOTAL", "SYNCED", "page/größe", "-7", "0"]
    assert json.loads(ask(server, "get", "page/größe", "--json").stdout) == {"key": "page/größe", "value": -7, "synced": 0}
    assert json.loads(ask(server, "set", "page/größe", "50", "--json").stdout)["value"] == 50
    deleted = ask(server, "delete", "page/größe")
    assert (deleted.returncode, deleted.stdout, deleted.stderr) == (OK, "", "")
    assert server.counter("page/größe") is None


def test_a_key_cannot_command_the_terminal(server):
    server.increment("\x1b[2J\x9b2J\n", 1)
    shown = ask(server, "get", "\x1b[2J\x9b2J\n").stdout
    assert "\\x1b[2J\\x9b2J\\x0a" in shown and "\x1b" not in shown and "\x9b" not in shown


@pytest.mark.parametrize("arguments, code, words", [
    (["get", "never"], NOT_FOUND, "never counted"),
    (["increment", "full", "9223372036854775807"], REFUSED, "64-bit range"),
    (["increment", ""], REFUSED, "key must be"),
    (["increment"], USAGE, "usage: simple-request increment KEY [N]"),
    (["increment", "a", "1", "2"], USAGE, "too many words"),
    (["increment", "a", "1.5"], USAGE, "whole number"),
    (["set", "a", "9223372036854775808"], USAGE, "whole number"),
    (["get", "a", "--no-such"], USAGE, "--no-such"),
    (["get", "a", "--limit", "3"], USAGE, "--limit: is no option of get"),
    (["get", "a", "--token-file", "/nowhere"], USAGE, "/nowhere"),
])
def test_an_exit_code_tells_what_went_wrong(server, arguments, code, words):
    server.increment("full", 1)
    done = ask(server, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr and len(done.stderr) < 600


@pytest.mark.parametrize("url", ["127.0.0.1:3333", "http://", "http://me@127.0.0.1", "http://127.0.0.1:70000",
                                 "http://127.0.0.1/path", "http://[::1", "http://a b", "unix:", "unix:/" + "p" * 200])
def test_a_url_that_is_none_is_refused(tmp_path, url):
    done = run("get", "a", "--url", url, home=tmp_path)
    assert done.returncode == USAGE and "--url: " in done.stderr


def test_who_is_not_there_is_unreachable_at_once(tmp_path):
    done = run("increment", "a", home=tmp_path, env={"SIMPLE_REQUEST_URL": f"http://127.0.0.1:{free_port()}"}, timeout=8)
    assert done.returncode == UNREACHABLE and "is the service running there" in done.stderr


def test_a_lost_answer_is_asked_for_again_and_counted_once(server):
    proxy = LossyProxy(server.port, losses=3)
    try:
        done = ask(server, "increment", "once", "5", url=f"http://127.0.0.1:{proxy.port}")
    finally:
        proxy.close()
    assert done.returncode == OK and done.stdout.endswith("5\n"), done.stderr
    assert proxy.requests == 4
    assert server.total("once") == 5


def test_without_retries_a_lost_answer_is_an_unknown_outcome(server):
    proxy = LossyProxy(server.port, losses=1)
    try:
        done = ask(server, "increment", "once", "--retry", "0", url=f"http://127.0.0.1:{proxy.port}")
    finally:
        proxy.close()
    assert done.returncode == UNREACHABLE and "look before you repeat" in done.stderr
    assert server.total("once") == 1


def test_a_set_or_delete_whose_answer_is_lost_is_not_said_again(server):
    """Said again it would remove what was counted in between."""
    for command, total in (("set", 5), ("delete", 0)):
        proxy = LossyProxy(server.port, losses=1)
        try:
            done = ask(server, command, "once", *(["5"] if command == "set" else []), url=f"http://127.0.0.1:{proxy.port}")
        finally:
            proxy.close()
        assert done.returncode == UNREACHABLE and "look before you repeat" in done.stderr
        assert proxy.requests == 1
        assert server.increment("once", 1) == total + 1


def test_something_else_than_the_service_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def answer():
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = run("get", "a", "--url", f"http://127.0.0.1:{listener.getsockname()[1]}", home=tmp_path)
        thread.join()
    assert done.returncode == REFUSED and "does not speak HTTP" in done.stderr


def test_the_token_of_a_file_is_sent(start_server, tmp_path):
    drawn = run("token", "me", "read", home=tmp_path)
    (tmp_path / "tokens").write_text(drawn.stdout)
    (tmp_path / "token").write_text(f"  {drawn.stderr.split()[-1]} \n")
    server = start_server("--tokens-file", str(tmp_path / "tokens"), wait="ready")
    refused = ask(server, "get", "a")
    assert refused.returncode == REFUSED and "give a token by --token-file" in refused.stderr
    assert ask(server, "get", "a", "--token-file", str(tmp_path / "token")).returncode == NOT_FOUND
    refused = ask(server, "increment", "a", "--token-file", str(tmp_path / "token"))
    assert refused.returncode == REFUSED and "lacks the scope" in refused.stderr
    (tmp_path / "token").write_text("two words\n")
    assert ask(server, "get", "a", "--token-file", str(tmp_path / "token")).returncode == USAGE


def test_a_unix_socket_is_asked(start_server, tmp_path):
    server = start_server("--listen", f"127.0.0.1,unix:{tmp_path}/s")
    assert ask(server, "increment", "a", "7", url=f"unix:{tmp_path}/s").stdout.endswith("7\n")


def test_a_certificate_must_be_trusted_and_the_hosts(make_server, tmp_path):
    pair = tls.make_certificate(tmp_path)
    server = tls.start(make_server("--listen", "127.0.0.1,127.0.0.2", *tls.options(pair)))
    url = f"https://localhost:{server.port}"
    assert ask(server, "increment", "a", "--ca-file", str(pair[0]), url=url).returncode == OK
    unknown = ask(server, "increment", "a", url=url)
    assert unknown.returncode == UNREACHABLE and "self-signed" in unknown.stderr.replace(" ", "-")
    other = ask(server, "increment", "a", "--ca-file", str(pair[0]), url=f"https://127.0.0.2:{server.port}")
    assert other.returncode == UNREACHABLE and "mismatch" in other.stderr
    assert ask(server, "get", "a", "--ca-file", "/nowhere", url=url).returncode == USAGE


def test_a_list_goes_through_all_pages_in_key_order(server):
    keys = [f"list/{n:04}" for n in range(2300)] + ["list/ä & b", "other"]
    for start in range(0, len(keys), 1000):
        with server.connect() as connection:
            body = [{"key": key, "value": 1} for key in keys[start:start + 1000]]
            assert connection.request("POST", "/increment", json.dumps(body).encode(), [JSON]).status == 200
    rows = [json.loads(line)["key"] for line in ask(server, "list", "list/", "--json").stdout.splitlines()]
    assert rows == sorted(keys[:-1])
    assert len(ask(server, "list", "list/", "--limit", "1500", "--json").stdout.splitlines()) == 1500
    assert ask(server, "list", "list/ä").stdout == "KEY         TOTAL\nlist/ä & b      1\n"
    assert ask(server, "list", "nobody").stdout.split() == ["KEY", "TOTAL"]
    assert ask(server, "list", "x" * 513).returncode == REFUSED
    assert ask(server, "list", "ä" * 700).returncode == USAGE


def test_the_top_shows_what_is_counted_most(server):
    for _ in range(20):
        server.increment("hot", 1)
    server.increment("cold", 1)

    def rows():
        return [json.loads(line) for line in ask(server, "top", "--limit", "1", "--json").stdout.splitlines()]

    eventually(rows, 20, "the hottest keys are told")
    assert [row["key"] for row in rows()] == ["hot"]
    assert ask(server, "top").stdout.split()[:6] == ["KEY", "PER", "SECOND", "AT", "MOST", "LESS"]


def test_a_flush_brings_everything_into_the_table(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for n in range(50):
        server.increment(f"k{n % 7}", n)
    flushed = json.loads(ask(server, "flush", "--json").stdout)
    assert sum(store.totals().values()) == sum(range(50))
    assert (flushed["keys"], flushed["refused"]) == (7, 0)
    server.increment("k0", 5)
    assert ask(server, "flush").stdout.startswith("flushed: 1 keys in ")
    assert sum(store.totals().values()) == sum(range(50)) + 5
    assert json.loads(ask(server, "flush", "--json").stdout)["keys"] == 0


def test_flushes_at_once_all_see_what_came_before_them(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    wrong = []

    def count_and_flush(name):
        with server.connect() as connection:
            for n in range(1, 20):
                connection.increment(name, 1)
                assert connection.request("POST", "/flush").status == 200
                if store.totals().get(name) != n:
                    wrong.append((name, n, store.totals()))

    threads = [threading.Thread(target=count_and_flush, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert store.totals() == {f"t{n}": 19 for n in range(4)}


def test_a_flush_with_the_database_away_says_so(start_server, proxied):
    store, proxy = proxied
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 1)
    proxy.refuse()
    proxy.sever()
    done = ask(server, "flush", "--retry", "0")
    assert done.returncode == REFUSED and "in the journal" in done.stderr
    proxy.refuse(False)
    assert ask(server, "flush", "--retry", "60s", timeout=90).returncode == OK
    assert store.totals() == {"a": 1}
