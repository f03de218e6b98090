"""TLS: versions, ALPN, slow and broken handshakes, wrong protocols on both ports, reload, large answers."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from lib import settings, tls
from lib.http import Closed, Connection, increment_bytes, request_bytes
from lib.server import StartFailed, run
from lib.tls import TlsConnection
from lib.waiting import eventually

SECOND = settings.TIME_SCALE


@pytest.fixture
def pair(tmp_path):
    return tls.make_certificate(tmp_path)


@pytest.fixture
def start_tls(make_server, pair):
    def start(*options):
        return tls.start(make_server(*tls.options(pair), *options))

    return start


def metric(server, reason):
    page = tls.ask(server, "GET", "/metrics").body.decode()
    line = f'simple_request_connections_refused_total{{reason="{reason}"}} '
    return int(page.split(line)[1].split("\n")[0])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_increments_go_through_tls_with_a_verified_certificate(start_tls, pair, version):
    server = start_tls()
    with TlsConnection(server.address, tls.context(pair[0], version)) as connection:
        assert connection.socket.version() == version.name.replace("_", ".")
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
        assert [connection.increment("t", 2).json()["data"]["value"] for _ in range(3)] == [2, 4, 6]
        connection.send(increment_bytes("t", 1) * 500)
        assert [r.json()["data"]["value"] for r in connection.read_responses(500)] == list(range(7, 507))


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused(start_tls, version):
    server = start_tls()
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", version, "-cipher",
                           "DEFAULT@SECLEVEL=0"], input=b"", capture_output=True, timeout=20)
    assert done.returncode != 0 and b"Cipher is (NONE)" in done.stdout


def test_a_client_that_wants_another_protocol_only_is_refused(start_tls):
    server = start_tls()
    with pytest.raises(ssl.SSLError):
        TlsConnection(server.address, tls.context(alpn=("h2",)))
    with TlsConnection(server.address, tls.context(alpn=("h2", "http/1.1"))) as connection:
        assert connection.socket.selected_alpn_protocol() == "http/1.1"
    with TlsConnection(server.address, tls.context(alpn=())) as connection:
        assert connection.request("GET", "/livez").status == 200


def test_renegotiation_is_refused(start_tls):
    server = start_tls()
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2"], input=b"R\n",
                          capture_output=True, timeout=20)
    assert b"RENEGOTIATING" in done.stdout + done.stderr
    assert b"no renegotiation" in done.stdout + done.stderr


def test_plain_http_on_the_tls_port_is_told_to_use_https(start_tls):
    server = start_tls()
    with Connection(server.address) as connection:
        response = connection.request("GET", "/livez")
        assert response.status == 400 and "https" in response.message()
        assert connection.read_to_end() == b""
    assert metric(server, "tls") == 1


def test_a_tls_hello_on_the_plain_port_is_400(shared_server):
    hello = ssl.MemoryBIO()
    client = tls.context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with shared_server.connect() as connection:
        connection.send(hello.read())
        response = connection.read_response()
        assert response.status == 400 and "not TLS" in response.message()
        assert connection.read_to_end() == b""


def test_a_slow_handshake_ends_at_its_deadline_however_it_drips(start_tls):
    server = start_tls("--header-timeout", "500ms")
    hello = ssl.MemoryBIO()
    client = tls.context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    data = hello.read()
    with Connection(server.address) as silent, Connection(server.address) as dripping:
        begin = time.monotonic()
        for byte in data:
            try:
                dripping.send(bytes([byte]))
                dripping.is_quiet(0.05)
            except (ConnectionError, Closed):
                break
        assert 0.3 < time.monotonic() - begin < 3 * SECOND
        assert silent.read_to_end() == b""
    assert metric(server, "tls_handshake_timeout") == 2


def test_garbage_in_the_handshake_and_behind_it_ends_the_connection(start_tls):
    server = start_tls()
    before = server.sockets()
    for garbage in (b"\x16\x03\x01\xff\xff" + os.urandom(500), os.urandom(300), b"\x80\x00", b"\x15\x03\x03\x00\x02\x02\x28"):
        with Connection(server.address) as connection:
            connection.send(garbage)
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_WR)
            connection.read_to_end()
    connection = TlsConnection(server.address)
    plain = socket.socket(fileno=os.dup(connection.socket.fileno()))
    plain.sendall(b"\x17\x03\x03\x00\x20" + os.urandom(32))
    with pytest.raises((Closed, ssl.SSLError)):
        connection.request("GET", "/livez")
    plain.close()
    connection.close()
    eventually(lambda: server.sockets() <= before, 5, "no socket stays")
    assert tls.ask(server, "GET", "/livez").status == 200


def test_large_answers_to_a_slow_reader_come_whole(start_tls):
    """More than the socket takes at once: writes are partial and go on when it can be written."""
    server = start_tls()
    with TlsConnection(server.address) as connection:
        connection.send(request_bytes("GET", "/metrics") * 300)
        time.sleep(0.2)  # the answers pile up: that is what is tried
        pages = connection.read_responses(300)
    assert all(page.status == 200 and page.body.endswith(b"\n") for page in pages)


def test_a_body_in_many_records_and_a_large_pipeline_are_read(start_tls):
    server = start_tls()
    with TlsConnection(server.address) as connection:
        for piece in increment_bytes("bytes", 1):
            connection.send(bytes([piece]))
        assert connection.read_response().json()["data"]["value"] == 1
        values = []
        for _ in range(10):  # not beside a sending thread: a TLS connection of OpenSSL is for one thread at a time
            connection.send(increment_bytes("many", 1) * 2000)
            values += [r.json()["data"]["value"] for r in connection.read_responses(2000)]
    assert values == list(range(1, 20_001))


def test_the_server_says_close_notify(start_tls):
    server = start_tls()
    with TlsConnection(server.address) as connection:
        connection.socket.suppress_ragged_eofs = False
        response = connection.request("GET", "/livez", None, [("Connection", "close")])
        assert response.status == 200
        assert connection.socket.recv(1) == b""  # an end without close_notify would raise


def test_a_client_that_says_close_notify_gets_its_answers_first(start_tls):
    server = start_tls()
    with TlsConnection(server.address) as connection:
        connection.send(increment_bytes("half", 1) * 10)
        assert [r.status for r in connection.read_responses(10)] == [200] * 10
        connection.socket.unwrap()  # waits for the server's close_notify


def test_sighup_changes_the_certificate_under_load(start_tls, pair):
    server = start_tls()
    done, statuses, failures = threading.Event(), [], []

    def ask():
        while not done.is_set():
            try:
                with TlsConnection(server.address) as connection:
                    statuses.extend(connection.increment("load", 1).status for _ in range(5))
            except (OSError, Closed) as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    old = TlsConnection(server.address)
    for number in range(5):
        tls.make_certificate(pair[0].parent, f"renewed-{number}")
        before = sum(e["event_name"] == "server.reloaded" for e in server.events())
        server.signal(signal.SIGHUP)
        eventually(lambda: sum(e["event_name"] == "server.reloaded" for e in server.events()) > before, 5, "reloaded")
        with TlsConnection(server.address, tls.context(pair[0])) as connection:
            assert connection.request("GET", "/livez").status == 200  # verified: the new one
    assert old.request("GET", "/livez").status == 200
    old.close()
    done.set()
    for thread in threads:
        thread.join()
    assert not failures and statuses and set(statuses) == {200}
    assert tls.ask(server, "GET", "/counters/load").json()["data"]["value"] == len(statuses)


def test_a_bad_certificate_keeps_the_old_one(start_tls, pair):
    server = start_tls()
    good = pair[0].read_text()
    for bad in ("not PEM", good[: len(good) // 2]):
        pair[0].write_text(bad)
        before = sum(e["event_name"] == "server.reload_failed" for e in server.events())
        server.signal(signal.SIGHUP)
        eventually(lambda: sum(e["event_name"] == "server.reload_failed" for e in server.events()) > before, 5, "told")
        assert tls.ask(server, "GET", "/livez").status == 200


def test_starts_with_files_that_do_not_fit_fail_and_say_why(make_server, pair, tmp_path):
    other = tls.make_certificate(tmp_path, "other", "other")
    for files, word in (((pair[0], other[1]), "mismatch"), ((tmp_path / "absent", pair[1]), "absent"),
                        ((pair[1], pair[1]), "certificate")):
        with pytest.raises(StartFailed) as failed:
            make_server(*tls.options(files)).start()
        assert word in failed.value.log
    done = run("--tls-certificate", str(pair[0]), home=tmp_path)
    assert done.returncode == 2 and "--tls-key" in done.stderr


def test_the_healthcheck_speaks_tls(start_tls, pair):
    server = start_tls()
    done = run("healthcheck", "--port", str(server.port), *tls.options(pair), home=server.directory)
    assert done.returncode == 0 and done.stdout == "ready\n"
    assert run("healthcheck", "--port", str(server.port), home=server.directory).returncode == 1


def test_a_unix_socket_stays_plain(start_tls, tmp_path):
    path = tmp_path / "s"
    server = start_tls("--listen", f"127.0.0.1,unix:{path}")
    with socket.socket(socket.AF_UNIX) as plain:
        plain.connect(str(path))
        plain.sendall(request_bytes("GET", "/livez", headers=[("Connection", "close")]))
        assert plain.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.alive()


def test_idle_tls_connections_cost_bounded_memory(start_tls):
    server = start_tls("--idle-timeout", "60s")
    count = 2000 if settings.LONG else 300
    warm = [TlsConnection(server.address) for _ in range(50)]
    before = server.memory()
    held = [TlsConnection(server.address) for _ in range(count)]
    for connection in held:
        assert connection.request("GET", "/livez").status == 200
    each = (server.memory() - before) / count
    for connection in warm + held:
        connection.close()
    assert each < 48 << 10 or settings.SANITIZER, f"{each} bytes a connection"
