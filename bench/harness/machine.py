"""Facts about the machine and the programs, without names of hosts, paths or users."""

import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def first_line(*command):
    """The first line a program prints, or that it is not there."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "not there"
    lines = (run.stdout or run.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def cpu_model():
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    virtual = ", virtual machine" if re.search(r"^flags\s*:.*\bhypervisor\b", text, re.MULTILINE) else ""
    return (found.group(1) if found else platform.machine()) + virtual


def distribution():
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else "unknown"


def filesystem(path):
    """The type of the file system that a path lies on."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    holding = [mount for mount in mounts if os.path.commonpath([mount[1], path]) == mount[1]]
    return max(enumerate(holding), key=lambda entry: (len(entry[1][1]), entry[0]))[1][2]


def data_root():
    """Where data directories go if nobody says: a real disk, since an fsync costs nothing on tmpfs."""
    usual = tempfile.gettempdir()
    return "/var/tmp" if filesystem(os.path.realpath(usual)) == "tmpfs" and os.path.isdir("/var/tmp") else usual


def sync_us(directory, count=200):
    """(median, 99th percentile) of write + fdatasync of 4 KiB within a file that was filled before, microseconds."""
    block = b"x" * 4096
    with tempfile.NamedTemporaryFile(dir=directory, buffering=0) as file:
        file.write(block * count)
        os.fsync(file.fileno())
        times = []
        for index in range(count):
            started = time.perf_counter()
            os.pwrite(file.fileno(), block, index * len(block))
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - started) * 1e6)
    times.sort()
    return statistics.median(times), times[len(times) * 99 // 100]


def build_options(build):
    """How meson was told to compile, such as `-O2, debugoptimized`."""
    path = build / "meson-info" / "intro-buildoptions.json"
    if not path.is_file():
        return "unknown"
    options = {option["name"]: option["value"] for option in json.loads(path.read_text(encoding="utf-8"))}
    return f"-O{options['optimization']}, {options['buildtype']}, sanitizers {options['b_sanitize']}"


def compiler(build):
    """What simple-request itself would say: the build writes it down in build_info.h."""
    path = build / "build_info.h"
    found = re.search(r'SR_BUILD_COMPILER "(.*)"', path.read_text(encoding="utf-8")) if path.is_file() else None
    return found.group(1) if found else "unknown"


def facts(build, directory):
    """Rows of (what, value)."""
    median, p99 = sync_us(directory)
    disk = f"{filesystem(directory)}; 4 KiB write + fdatasync: median {median:.0f} us, p99 {p99:.0f} us"
    wrk = re.sub(r"\s*Copyright.*", "", first_line("wrk", "-v"))
    return [
        ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("processor", f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores"),
        ("load before", f"{os.getloadavg()[0]:.2f} processes ready to run, mean of the last minute"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("system", f"{distribution()}, Linux {platform.release()}"),
        ("data directories", disk),
        ("simple-request", f"{first_line('git', 'describe', '--always', '--dirty')}, {build_options(build)}"),
        ("compiler", compiler(build)),
        ("Redis", first_line("redis-server", "--version").split(" sha=")[0]),
        ("redis-benchmark", first_line("redis-benchmark", "--version")),
        ("wrk", wrk),
        ("nginx", first_line(shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "nginx", "-v")),
        ("pgbench", first_line("pgbench", "--version")),
        ("valgrind", first_line("valgrind", "--version")),
    ]
