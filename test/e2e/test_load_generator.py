"""bench/load against servers that misbehave in known ways: its figures and its ledger must say what happened."""

import contextlib
import json
import socket
import subprocess
import threading
import time

import pytest

from lib import settings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 1\r\n\r\nx"
LOAD = settings.binary().parent / "bench" / "load"


class ScriptedServer:
    """Answers its n-th request (from 1) with what answer(n) returns; None closes the connection."""

    def __init__(self, answer):
        self.answer, self.lock, self.bodies = answer, threading.Lock(), []
        self.send = socket.socket.sendall
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept_all, daemon=True).start()

    def accept_all(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as requests:
            while body := self.read_body(requests):
                with self.lock:
                    self.bodies.append(body)
                    reply = self.answer(len(self.bodies))
                if reply is None:
                    return
                self.send(connection, reply)

    @staticmethod
    def read_body(requests):
        size = 0
        while (line := requests.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        return requests.read(size)

    def items(self):
        """How often each key was in a request."""
        counts = {}
        for body in self.bodies:
            parsed = json.loads(body)
            for item in parsed if isinstance(parsed, list) else [parsed]:
                counts[item["key"]] = counts.get(item["key"], 0) + 1
        return counts


@pytest.fixture
def scripted():
    servers = []

    def make(answer):
        servers.append(ScriptedServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.listener.close()


def run_load(server, tmp_path, words):
    """Returns (exit code, report, {key: (acknowledged, unanswered)})."""
    ledger = tmp_path / "ledger"
    command = [LOAD, "--port", str(server.port), "--json", "--ledger", ledger, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    entries = (line.split() for line in ledger.read_text().splitlines())
    return done.returncode, json.loads(done.stdout), {key: (int(a), int(b)) for key, a, b in entries}


def test_every_request_of_a_run_is_sent_and_counted_once(scripted, tmp_path):
    server = scripted(lambda _: OK)
    words = "--connections 3 --depth 7 --batch 4 --requests 500 --keys 90 --first-key 5 --key-prefix k."
    code, report, ledger = run_load(server, tmp_path, words)
    assert (code, report["answered"], report["items"], report["unanswered"]) == (0, 500, 2000, 0)
    assert report["statuses"] == {"200": 500}
    assert {key: acknowledged for key, (acknowledged, _) in ledger.items()} == server.items()
    assert min(ledger) >= "k.0000000005" and max(ledger) <= "k.0000000094"


def test_sequential_keys_are_each_counted_equally_often(scripted, tmp_path):
    server = scripted(lambda _: OK)
    run_load(server, tmp_path, "--connections 4 --depth 5 --requests 300 --keys 100 --sequential")
    assert set(server.items().values()) == {3} and len(server.items()) == 100


def test_what_was_answered_503_is_repeated_until_it_is_acknowledged(scripted, tmp_path):
    server = scripted(lambda n: BUSY if n % 3 == 0 else OK)
    words = "--connections 4 --depth 5 --requests 200 --keys 50 --sequential --retry"
    code, report, ledger = run_load(server, tmp_path, words)
    assert (code, report["successful"], report["statuses"]["200"]) == (0, 200, 200)
    assert report["statuses"]["503"] == len(server.bodies) - 200 > 0
    assert set(ledger.values()) == {(4, 0)} and len(ledger) == 50


def test_a_broken_connection_leaves_its_requests_unanswered(scripted, tmp_path):
    server = scripted(lambda n: OK if n <= 100 else None)
    words = "--connections 4 --depth 5 --requests 300 --keys 50"
    code, report, ledger = run_load(server, tmp_path, words)
    assert (code, report["successful"], report["broken"]) == (1, 100, 4)
    assert sum(acknowledged for acknowledged, _ in ledger.values()) == 100
    assert sum(unanswered for _, unanswered in ledger.values()) == report["unanswered"] > 0
    for key, sent in server.items().items():
        assert sent <= sum(ledger[key])


@pytest.mark.parametrize("reply", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 9 x\r\n\r\n", OK + OK, b"HTTP/1.1 200 OK\r\n\r\n{}"])
def test_bytes_that_are_no_answer_to_a_request_break_the_connection(scripted, tmp_path, reply):
    code, report, _ = run_load(scripted(lambda _: reply), tmp_path, "--connections 2 --requests 100")
    assert (code, report["broken"]) == (1, 2)


def test_replies_that_come_byte_by_byte_are_understood(scripted, tmp_path):
    server = scripted(lambda _: OK)
    server.send = lambda connection, reply: [connection.sendall(reply[i : i + 1]) for i in range(len(reply))]
    code, report, _ = run_load(server, tmp_path, "--connections 2 --depth 3 --requests 60")
    assert (code, report["successful"]) == (0, 60)


def test_latency_at_a_fixed_rate_is_counted_from_when_a_request_was_due(scripted, tmp_path):
    def stall_once(n):
        if n == 10:
            time.sleep(0.5)
        return OK

    words = "--connections 1 --rate 100 --seconds 1.5"
    _, report, _ = run_load(scripted(stall_once), tmp_path, words)
    assert report["latency_us"]["max"] >= 500_000
    # Those that were due during the stall waited too, though none of them was slow by itself: 0.5 s is a third of the run.
    assert report["latency_us"]["p90"] >= 200_000
    assert 130 <= report["answered"] <= 151


def test_a_wrong_option_is_named(tmp_path):
    done = subprocess.run([LOAD, "--port", "1", "--depht", "2"], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 2 and "--depht" in done.stderr
