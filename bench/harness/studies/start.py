"""From the program's start to its first answer: with nothing there, and after a clean stop with many keys."""

import http.client
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness.loads import fill
from harness.processes import free_port, pinned
from harness.servers import KEY, find_program
from harness.session import say

KEYS = 1_000_000
PATIENCE_S = 60


def counts(port):
    """Whether POST /increment is answered 200 now."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", "/increment", f'{{"key":"{KEY}","value":1}}', {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def one_start(env, directory):
    """Milliseconds; then the server is stopped cleanly."""
    port = free_port()
    words = f"--port {port} --data-dir {directory} --workers 1 --log-level warn"
    command = pinned([find_program("simple-request", env.build), *words.split()], env.server_cpu)
    started = time.monotonic()
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not counts(port):
            if time.monotonic() - started > PATIENCE_S or server.poll() is not None:
                raise RuntimeError("start: no answer")
            time.sleep(0.0005)
        return (time.monotonic() - started) * 1000
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def prepare(env):
    """A directory that a clean stop left, with KEYS keys in its SQLite file."""
    running = env.ours("--sync-interval 1h")
    fill(running, env.build, KEYS, env.load_cpu)
    if running.process.stop(PATIENCE_S) != 0:
        raise RuntimeError("start: the first stop was not clean")
    return running.directory


def study(env):
    say("start: counting keys")
    full = prepare(env)
    empty_ms, full_ms = [], []
    try:
        for index in range(env.rounds):
            with tempfile.TemporaryDirectory(dir=env.data_root) as directory:
                empty_ms.append(one_start(env, Path(directory) / "data"))
            full_ms.append(one_start(env, full / "data"))
            say(f"round {index + 1}/{env.rounds}  start  empty {empty_ms[-1]:.1f} ms, {KEYS:,} keys {full_ms[-1]:.1f} ms")
    finally:
        shutil.rmtree(full, ignore_errors=True)
    return {"start, empty": {"ms": empty_ms}, "start, 1,000,000 keys": {"ms": full_ms}}
