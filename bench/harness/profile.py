"""Where a server's CPU goes under a load: samples of `perf record -e cpu-clock` with call chains, as microseconds of a
request. What happens in the kernel is counted for the system call that asked for it, since the kernel's own functions are
many and small; what happens in user space for the function itself."""

import collections
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness import tables

FREQUENCY = 1999  # a second; prime, so that no timer keeps step with it
LONGEST = 16  # lines of one table
WORTH_US = 0.05  # a line, of a request

KERNEL = re.compile(r"\[(?!unknown|vdso|vsyscall|heap|stack|anon)")  # [kernel.kallsyms] or [a module's name]
DISPATCH = re.compile(r"^entry_|^do_syscall_64$|^x64_sys_call$|^el0|^do_el0|^invoke_syscall|_syscall$")
LEAVING = re.compile(r"exit_to_user_mode|exit_work|syscall_exit|syscall_return")
PREFIX = re.compile(r"^(?:__(?:x64|arm64|se|do)_sys_|ksys_|__sys_|do_)|(?:\.\w+)+$")
SAMPLE = re.compile(r"^(\S.*?)\s*$")
FRAME = re.compile(r"^\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \(([^()]*|\[[^]]*\])\)$")
OTHER_ENTRIES = (("page_fault", "page faults"), ("sysvec", "interrupts"), ("ret_from_fork", "kernel threads"))


@dataclass(frozen=True)
class Place:
    """Where a sample was taken, in the words of the table."""

    thread: str  # its name without a number
    kernel: bool
    what: str


def can_record():
    return shutil.which("perf") is not None


def whom(running):
    """The arguments of perf for a server. PostgreSQL's processes come and go with their clients: for it all is recorded, and
    others are left out by name."""
    return ["-a"] if running.protocol == "postgresql" else ["-p", str(running.process.child.pid)]


def kernel_place(symbols):
    """What the kernel did, by a chain of its functions, innermost first: the outermost one behind the dispatch of a system
    call bears its name."""
    dispatched = [index for index, symbol in enumerate(symbols) if DISPATCH.search(symbol)]
    if dispatched:
        inner = symbols[:dispatched[0]]
        return PREFIX.sub("", inner[-1]) if inner and not LEAVING.search(inner[-1]) else "system call entry and exit"
    for symbol in symbols:
        for part, name in OTHER_ENTRIES:
            if part in symbol:
                return name
    return "else"


def place_of(thread, frames):
    """frames: (symbol, where it lies), innermost first."""
    thread = re.sub(r"[-:/]?\d+$", "", thread)
    symbol, where = frames[0] if frames else ("[unknown]", "")
    if KERNEL.match(where):  # beyond it a chain is not to be trusted: programs keep no frame pointers
        return Place(thread, True, kernel_place([symbol for symbol, where in frames if KERNEL.match(where)]))
    symbol = symbol.partition("@")[0]
    return Place(thread, False, Path(where).name if symbol == "[unknown]" else symbol)


def read(text):
    """How many samples each Place has, of what `perf script -F comm,ip,sym,dso` printed."""
    counts = collections.Counter()
    thread, frames = None, []
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if thread is not None:
                counts[place_of(thread, frames)] += 1
            thread, frames = None, []
        elif thread is None:
            thread = SAMPLE.match(line.strip()).group(1)
        else:
            frame = FRAME.match(line)
            frames += [frame.groups()] if frame else []
    return counts


@dataclass
class Profile:
    """Microseconds of one request by Place, and the requests/s while it was taken."""

    name: str
    us: dict
    per_second: float

    def sum(self, **wanted):
        return sum(us for place, us in self.us.items() if all(getattr(place, key) == value for key, value in wanted.items()))


def take(name, running, measure, cpu):
    """Records while measure() runs; it returns a measure.Sample, whose CPU time the samples divide among them."""
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/perf.data"
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY), "-g", "-o", data, *whom(running)]
        recorder = subprocess.Popen(["taskset", "-c", str(cpu), *command] if cpu is not None else command,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            sample = measure()
        finally:
            recorder.terminate()
            _, said = recorder.communicate(timeout=60)
        script = subprocess.run(["perf", "script", "-F", "comm,ip,sym,dso", "-i", data],
                                capture_output=True, timeout=120, check=False)
    counts = read(script.stdout.decode(errors="replace"))
    if running.protocol == "postgresql":
        counts = {place: count for place, count in counts.items() if place.thread == "postgres"}
    total = sum(counts.values())
    if total == 0:
        raise RuntimeError(f"perf recorded nothing of {name}: {(said + script.stderr).decode(errors='replace')}")
    return Profile(name, {place: sample.cpu_us * count / total for place, count in counts.items()}, sample.per_second)


def figure(value):
    return f"{value:.2f}" if value else "-"


def table(profiles):
    """The profiles side by side: all, by thread and mode, then the places that cost most in any of them."""
    rows = [("all", "", "", [sum(profile.us.values()) for profile in profiles])]
    modes = {(place.thread, place.kernel) for profile in profiles for place in profile.us}
    sums = [("", thread, "kernel" if kernel else "user", [p.sum(thread=thread, kernel=kernel) for p in profiles])
            for thread, kernel in modes]
    rows += sorted((row for row in sums if max(row[3]) >= WORTH_US), key=lambda row: -max(row[3]))
    places = {place for profile in profiles for place in profile.us}
    each = [(place.what, place.thread, "kernel" if place.kernel else "user", [p.us.get(place, 0) for p in profiles]) for place in places]
    each.sort(key=lambda row: (-max(row[3]), row[0]))
    rows += [row for row in each if max(row[3]) >= WORTH_US][:LONGEST]
    header = ["system call or function", "thread", "", *(profile.name for profile in profiles)]
    return tables.table(header, [[what, thread, mode, *map(figure, us)] for what, thread, mode, us in rows], left=3)
