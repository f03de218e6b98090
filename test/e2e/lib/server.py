"""The binary as a child process on a data directory: start, wait, kill -9, SIGTERM, restart, look."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from lib import child, settings
from lib.http import Closed, Connection, counter_target
from lib.waiting import eventually

URL_LINE = re.compile(r"^  url   http://127\.0\.0\.1:(\d+)$", re.MULTILINE)
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
                   "ERROR: LeakSanitizer")


class StartFailed(Exception):
    """The process ended before it listened."""

    def __init__(self, exit_code, log):
        super().__init__(f"exit code {exit_code}: {log[-2000:]}")
        self.exit_code, self.log = exit_code, log


def environment(home, extra=None):
    """An environment in which no option is set by accident."""
    kept = ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    if "TSAN_OPTIONS" in env:
        # Its watch over the order of locks holds 64 a thread at most and ends the process beyond; a batch locks every shard
        # it needs, in ascending order. The unit tests, whose tables have fewer shards, keep it.
        env["TSAN_OPTIONS"] += ":detect_deadlocks=0"
    return env | {"HOME": str(home), "LANG": "C.UTF-8"} | (extra or {})


class Server:
    """options: flags as a list; store: its URL is passed on (None: the default)."""

    def __init__(self, directory, store=None, options=(), env=None, preexec=None, data_dir=None, inherited=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data_dir = Path(data_dir or self.directory / "data")
        self.store = store
        self.options = list(options)
        self.env = environment(self.directory, env)
        self.preexec = preexec
        self.inherited = inherited  # a listening socket to pass on as LISTEN_FDS
        self.process = None
        self.port = None
        self.exit_code = None
        self.killed = False
        self.starts = 0

    def command(self):
        given = " ".join(self.options)
        flags = ["--data-dir", str(self.data_dir)] if self.data_dir else []
        flags += ["--port", "0"] if "--port" not in given and "PORT" not in self.env else []
        flags += ["--database-url", self.store.url] if self.store else []
        return self._inheriting() + [str(settings.binary())] + flags + self.options

    def _inheriting(self):
        """Passes the socket on as sd_listen_fds(3) wants it: descriptor 3, named for the very process."""
        if self.inherited is None:
            return []
        number = self.inherited.fileno()
        move = f"exec 3<&{number} {number}<&-; " if number != 3 else ""
        return ["bash", "-c", move + 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"']

    def start(self, wait="settled", timeout=20):
        """wait: 'settled' (ready and totals known), 'ready', 'live', 'listening', or None."""
        assert self.process is None
        self.starts += 1
        self.killed, self.exit_code, self.port = False, None, None
        with open(self._file("out"), "wb") as out, open(self._file("err"), "ab") as err:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self.env,
                cwd=self.directory, preexec_fn=self._before_exec,
                pass_fds=[self.inherited.fileno()] if self.inherited else [],
            )
        if wait is None:
            return self
        self.await_listening(timeout)
        path = {"settled": "/readyz", "ready": "/readyz", "live": "/livez"}.get(wait)
        if path:
            eventually(lambda: self._answers(path), timeout, f"{path} is 200")
        if wait == "settled":
            eventually(self._knows_totals, timeout, "totals are known")
        return self

    def await_listening(self, timeout=20):
        eventually(self._listening, timeout, "the server prints its URL")
        return self

    def _knows_totals(self):
        """What an earlier life left in the journal is in the database: no total is unknown any more."""
        self._check_running()
        return self.get("/counters/never-counted").status == 404

    def _before_exec(self):
        child.end_with_parent()
        if self.preexec:
            self.preexec()

    def _file(self, name):
        return self.directory / f"{name}.txt"

    def _check_running(self):
        if self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            self.exit_code = code
            raise StartFailed(code, self.log())

    def _listening(self):
        match = URL_LINE.search(self.banner())
        if not match:
            self._check_running()
            return False
        self.port = int(match[1])
        return True

    def _answers(self, path):
        self._check_running()
        try:
            return self.get(path).status == 200
        except (OSError, Closed):
            return False

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def pid(self):
        return self.process.pid

    def banner(self):
        return self._file("out").read_text(encoding="utf-8")

    def log(self):
        """Everything written to standard error so far, all starts included."""
        return self._file("err").read_text(encoding="utf-8", errors="replace")

    def events(self):
        """The log's JSON lines as dictionaries."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, timeout=30):
        """Waits for the process to end; returns its exit code."""
        try:
            self.exit_code = self.process.wait(timeout * settings.TIME_SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running: {self.log()[-2000:]}") from None
        self.process = None
        return self.exit_code

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        """SIGSTOP, and every thread has stopped: what is sent now is found together at thaw()."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def terminate(self, timeout=30):
        """SIGTERM; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """kill -9, unless it ended already."""
        if self.process is None:
            return
        self.killed = True
        self.process.kill()
        self.exit_code = self.process.wait()
        self.process = None

    def restart(self, how="terminate", **start):
        if how == "kill":
            self.kill()
        else:
            assert self.terminate() == 0, self.log()[-2000:]
        return self.start(**start)

    def complaints(self):
        """What no test may leave behind: sanitizer findings, a ledger that does not balance, death by a signal nobody sent."""
        found = [word for word in SANITIZER_WORDS + ("ledger.mismatch",) if word in self.log()]
        if not self.killed and self.exit_code is not None and self.exit_code < 0:
            found.append(f"ended by signal {-self.exit_code}")
        return found

    # ---- requests ----

    def connect(self, timeout=10.0):
        return Connection(self.address, timeout)

    def get(self, target, headers=()):
        with self.connect() as connection:
            return connection.request("GET", target, headers=headers)

    def increment(self, key, value):
        """The running total; any other answer than 200 is a failure."""
        with self.connect() as connection:
            response = connection.increment(key, value)
        assert response.status == 200, response
        data = response.json()["data"]
        assert data["key"] == key, response
        return data["value"]

    def set(self, key, value):
        """PUT; any other answer than the total that was set is a failure."""
        with self.connect() as connection:
            response = connection.set(key, value)
        assert response.status == 200 and response.json() == {"data": {"key": key, "value": value}}, response

    def delete(self, key):
        with self.connect() as connection:
            response = connection.request("DELETE", counter_target(key))
        assert response.status == 204, response

    def counter(self, key):
        """The data of GET /counters/{key}, None for 404."""
        response = self.get(counter_target(key))
        assert response.status in (200, 404), response
        return response.json()["data"] if response.status == 200 else None

    def total(self, key):
        data = self.counter(key)
        return data["value"] if data else None

    # ---- the process ----

    def memory(self, field="VmRSS"):
        """Bytes of resident memory; VmHWM is its highest so far."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024

    def cpu_seconds(self):
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self):
        """How many it holds. Not descriptors: the threads that keep the store open files at their own time after a start."""
        held = 0
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                held += os.readlink(descriptor).startswith("socket:")
        return held

    def command_output(self, *arguments, timeout=60, env=None):
        """Runs a subcommand with this server's data directory and store."""
        flags = ["--data-dir", str(self.data_dir)]
        flags += ["--database-url", self.store.url] if self.store else []
        return run(*arguments, *flags, home=self.directory, timeout=timeout, env=env)


def run(*arguments, home, timeout=60, env=None, preexec_fn=None):
    """One run of the binary to its end: exit code, standard output and error as text."""
    done = subprocess.run(
        [str(settings.binary()), *arguments], env=environment(home, env), cwd=home, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout * settings.TIME_SCALE,
        preexec_fn=preexec_fn,
    )
    assert not any(word in done.stderr for word in SANITIZER_WORDS), done.stderr
    return done


def settle(seconds):
    """For the few places where the test is about time passing."""
    time.sleep(seconds * settings.TIME_SCALE)
