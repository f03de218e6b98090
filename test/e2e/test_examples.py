"""The client examples, against the service behind a proxy that refuses, answers 503 and loses an answer: counted once."""

import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from lib import settings
from lib.faultproxy import FaultProxy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUNTIMES = {
    "increment.sh": ["sh"],
    "increment.py": ["/usr/bin/python3", "-B"],
    "increment.mjs": ["node"],
    "increment.go": ["go", "run"],
}


def runtime(name):
    command = RUNTIMES[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} on this machine")
    return command + [str(EXAMPLES / name)]


class Client:
    """An example as a process; calls on_retry once, when it first says that it tries again."""

    def __init__(self, command, on_retry, home):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home)
        self.complaints = []
        self.reader = threading.Thread(target=self._read, args=(on_retry,))
        self.reader.start()

    def _read(self, on_retry):
        retried = False
        for line in self.process.stderr:
            self.complaints.append(line)
            if "again in" in line and not retried:
                retried = True
                on_retry()

    def end(self, timeout):
        try:
            output = self.process.stdout.read()
            return self.process.wait(timeout * settings.TIME_SCALE), output
        finally:
            self.process.kill()
            self.reader.join()


@pytest.fixture
def proxied(start_server, sqlite):
    server = start_server(store=sqlite)
    proxy = FaultProxy(server.address, ["503", "lost", "pass"])
    yield server, proxy
    proxy.close()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] if name.endswith(".go") else []) for name in RUNTIMES])
def test_an_example_counts_once_through_refusal_503_and_a_lost_answer(name, proxied, tmp_path):
    server, proxy = proxied
    client = Client(runtime(name) + [proxy.url, "page views", "5"], proxy.listen, tmp_path)
    code, output = client.end(60)
    assert code == 0, client.complaints
    assert re.search(r"\b5\b", output) and server.increment("page views", 0) == 5
    assert [fault for fault, _, _ in proxy.requests] == ["503", "lost", "pass"]
    tokens = {re.search(rb"(?i)^idempotency-key: *(\S+)", request, re.MULTILINE)[1] for _, _, request in proxy.requests}
    assert len(tokens) == 1
    (_, refused_at, _), (_, again_at, _) = proxy.requests[:2]
    assert again_at - refused_at >= 1  # what Retry-After said


@pytest.mark.parametrize("name", [name for name in RUNTIMES if not name.endswith(".go")])
def test_an_example_does_not_repeat_what_is_refused_for_good(name, start_server, sqlite, tmp_path):
    server = start_server(store=sqlite)
    proxy = FaultProxy(server.address, [])
    proxy.listen()
    client = Client(runtime(name) + [proxy.url, "k" * 513, "5"], lambda: None, tmp_path)
    code, _ = client.end(60)
    proxy.close()
    assert code != 0 and len(proxy.requests) == 1
