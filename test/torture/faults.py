"""Faults inside the process: the n-th system call or allocation fails or falls short, for n = 1, 2, 3 ... (faults.c)."""

import ctypes
import errno
import itertools
import mmap
import os
import random
import re
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path

from campaign import stop_and_compare, totals_over_http
from lib import settings
from lib.http import Closed
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.metrics import Metrics
from lib.server import StartFailed
from lib.store import PostgresStore, SqliteStore
from lib.waiting import eventually

STRICT = ("-std=gnu11 -O2 -fPIC -shared -fno-builtin -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion "
          "-Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Werror").split()
SHORT = 0  # in the place of an errno value: half of what was asked for
KEYS = [f"key{n}" for n in range(20)]
# Short deadlines, so that a fault that is never mended ends in a refusal soon.
OPTIONS = ("--sync-interval", "30ms", "--hold-timeout", "300ms", "--drain-timeout", "2s", "--database-timeout", "2s",
           "--journal-retention-bytes", "64KiB")
REQUESTS = 40
DEADLINE = 30  # seconds for a start, an answer or an end: a hang is a finding; SQLite repeats a failed lock for 10
# Runs between proper stops, after which a new instance goes on with the database: an old one claims with every token it
# drew within its retention, and on SQLite a start would ask for more memory at every run.
RENEW_EVERY = 10
REASON = re.compile(r'"severity_text":"ERROR".*"body":"[^"]{10}|^simple-request: .{10}', re.MULTILINE)


def compile_shim(directory):
    library = Path(directory) / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([os.environ.get("CC", "cc"), *STRICT, "-o", library, source], check=True)
    return library


class _Layout(ctypes.Structure):
    """struct plan of faults.c."""

    _fields_ = [("call", ctypes.c_char * 32), ("target", ctypes.c_char * 32), ("directory", ctypes.c_char * 256),
                ("error", ctypes.c_int32), ("from_on", ctypes.c_uint32), ("n", ctypes.c_uint64),
                ("armed", ctypes.c_uint32), ("unused", ctypes.c_uint32),
                ("seen", ctypes.c_uint64), ("injected", ctypes.c_uint64)]


class Fault:
    def __init__(self, call, target, error, n, from_on=False):
        self.call, self.target, self.error, self.n, self.from_on = call, target, error, n, from_on

    def __str__(self):
        what = errno.errorcode.get(self.error, "short")
        return f"{self.call}({self.target or 'any'}) {what} at {self.n}{' and from then on' if self.from_on else ''}"


class Plan:
    """The file through which shim and test talk."""

    def __init__(self, path, directory):
        self.path = path
        path.write_bytes(bytes(ctypes.sizeof(_Layout)))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), ctypes.sizeof(_Layout))
        self._layout = _Layout.from_buffer(self._map)
        self._layout.directory = str(directory).encode()

    def set(self, fault, armed):
        layout = self._layout
        layout.call, layout.target = fault.call.encode(), fault.target.encode()
        layout.error, layout.from_on, layout.n = fault.error, int(fault.from_on), fault.n
        layout.seen = layout.injected = 0
        layout.armed = int(armed)

    def arm(self):
        self._layout.armed = 1

    @property
    def seen(self):
        return self._layout.seen

    @property
    def injected(self):
        return self._layout.injected


class Runs:
    """One instance at a time that lives on through faults. Every run leaves it some history: increments that are
    acknowledged and not flushed, and a kill -9."""

    def __init__(self, server, shim, seed):
        self.server, self.draw = server, random.Random(seed)
        self.plan = Plan(server.directory / "plan", server.data_dir)
        self.plain = dict(server.env)
        self.faulty = self.plain | {"LD_PRELOAD": str(shim), "FAULT_PLAN": str(self.plan.path)}
        self.ledger, self.count, self.injected, self.outcomes = Ledger(), 0, Counter(), Counter()
        self.leave_history()

    def leave_history(self):
        """The faultless life between two faulty ones: what it says is compared, what it leaves is recovered next."""
        self.server.env = self.plain
        self.server.start(timeout=DEADLINE)
        self.ledger.settle(totals_over_http(self.server, KEYS))
        if self.count % RENEW_EVERY == RENEW_EVERY - 1:
            stop_and_compare(self.server, self.ledger, KEYS)
            shutil.rmtree(self.server.data_dir)
            self.server.start(timeout=DEADLINE)
        self.load(8)
        self.server.kill()

    def finish(self):
        self.server.start(timeout=DEADLINE)
        stop_and_compare(self.server, self.ledger, KEYS)

    def load(self, requests):
        source = itertools.islice(keys_at_random(KEYS, seed=self.count), requests)
        self.ledger.add(Load(self.server.address, source, connections=4, depth=4).start().join(DEADLINE))

    def run(self, fault, armed_by="start", fresh=False):
        """True where the fault was reached. Whatever happens, nothing may be lost, doubled, or end by a signal. fresh: it
        meets an instance that has no file yet."""
        self.count += 1
        if fresh:
            self.finish()
            shutil.rmtree(self.server.data_dir)
        logged = self.log_size()
        self.plan.set(fault, armed=armed_by == "start")
        try:
            self.outcomes[self.live(armed_by)] += 1
            self.check_end(fault, logged)
            self.leave_history()
        except (AssertionError, StartFailed) as error:
            raise AssertionError(f"{fault}: {error}\n{self.log_since(logged)[-3000:]}") from None
        if self.plan.injected == 0:
            return False
        self.injected[errno.errorcode.get(fault.error, "short")] += 1
        return True

    def live(self, armed_by):
        """A faulty life; says how it went."""
        self.server.env = self.faulty
        try:
            self.server.start(wait="listening" if armed_by == "start" else "settled", timeout=DEADLINE)
        except StartFailed:
            return "refused to start"
        if armed_by == "load":
            self.plan.arm()
        self.load(REQUESTS)
        self.look_around()
        if self.count % 2:
            self.server.kill()
            return "killed"
        return "ended properly" if self.server.terminate(timeout=DEADLINE) == 0 else "ended badly"

    def look_around(self):
        """Some reads, until what was counted is flushed or clearly will not be soon."""
        for target in ("/counters/key1", "/counters/never-counted", "/readyz"):
            self.ask(target)
        try:
            eventually(self.flushed, 0.3, "a flush")
        except AssertionError:
            pass  # a fault may keep it from happening

    def flushed(self):
        page = self.ask("/metrics")
        return page is not None and Metrics(page.body.decode()).sum("simple_request_keys_dirty") == 0

    def ask(self, target):
        """The answer, None where a fault met it."""
        try:
            with self.server.connect(timeout=1) as connection:
                return connection.request("GET", target)
        except (Closed, OSError):
            return None

    def check_end(self, fault, logged):
        code = self.server.exit_code
        assert self.server.killed or code >= 0, f"ended by signal {-code}"
        if code > 0 and fault.target != "log":
            assert REASON.search(self.log_since(logged)), f"exit code {code} without a reason"

    def log_size(self):
        path = self.server.directory / "err.txt"
        return path.stat().st_size if path.exists() else 0

    def log_since(self, size):
        with open(self.server.directory / "err.txt", "rb") as log:
            log.seek(size)
            return log.read().decode("utf-8", "replace")


def faults(call, target, errors, from_on, draw):
    """Lists of faults, each with n = 1, 2, 3 ... (from FAULT_FIRST on, and FAULT_STRIDE=20: each 20th) without end, one of
    each error. In the short form there is one list: n grows faster and errors take turns."""
    if not settings.LONG:
        return [_few_faults(call, target, errors, from_on, draw)]
    first, stride = (settings.count(variable, short=1, long=1) for variable in ("FAULT_FIRST", "FAULT_STRIDE"))
    return [_every_fault(call, target, error, from_on, itertools.count(first, stride)) for error in errors]


def _every_fault(call, target, error, from_on, numbers):
    """Not an expression within the list above: that would look the error up when it is asked for, and find the last one."""
    for n in numbers:
        yield Fault(call, target, error, n, from_on)


def _few_faults(call, target, errors, from_on, draw):
    n = 1
    for error in itertools.cycle(errors):
        yield Fault(call, target, error, n, from_on)
        n = n + 1 if n < 3 else 6 * n + draw.randint(0, 5)


class Lanes:
    """Several instances, each with a database of its own, that share the faults of a test: a run is mostly waiting."""

    def __init__(self, request, memory_dir, make_server, shim, store):
        self.lanes = []
        for number in range(settings.count("FAULT_LANES", short=1, long=4)):
            directory = memory_dir / f"lane{number}"
            chosen = (SqliteStore(directory / "counters.db") if store == "sqlite"
                      else PostgresStore(request.getfixturevalue("cluster")))
            self.lanes.append(Runs(make_server(*OPTIONS, directory=directory, store=chosen), shim, seed=number))
        self.lock, self.failures, self.untouched, self.last = threading.Lock(), [], 0, None

    def sweep(self, call, target, errors, armed_by="start", from_on=False, fresh=False, progress=None):
        """Every fault until runs pass untouched, of the long form as many in a row as all lanes need for a new instance:
        an older one does more. A lane whose run failed goes no further, the others do."""
        enough = len(self.lanes) * RENEW_EVERY if settings.LONG else 1
        for work in faults(call, target, errors, from_on, self.lanes[0].draw):
            self.untouched = 0
            threads = [threading.Thread(target=self._work, args=(lane, work, armed_by, fresh, enough), daemon=True)
                       for lane in self.lanes]
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(1)
                    if progress:
                        progress(fault=self.last, runs=self.count, failures=len(self.failures))
            if self.failures:
                raise AssertionError("\n\n".join(map(str, self.failures)))

    def _work(self, lane, work, armed_by, fresh, enough):
        try:
            while fault := self._next(work, enough):
                reached = lane.run(fault, armed_by, fresh)
                with self.lock:
                    self.untouched = 0 if reached else self.untouched + 1
        except BaseException as error:  # handed to the test
            self.failures.append(error)

    def _next(self, work, enough):
        with self.lock:
            self.last = next(work) if self.untouched < enough else None
            return self.last

    def finish(self):
        for lane in self.lanes:
            lane.finish()

    @property
    def count(self):
        return sum(lane.count for lane in self.lanes)

    @property
    def injected(self):
        return sum((lane.injected for lane in self.lanes), Counter())

    @property
    def outcomes(self):
        return sum((lane.outcomes for lane in self.lanes), Counter())
