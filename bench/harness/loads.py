"""Load generators: each runs for a while against one server and says what came of it."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness import postgres
from harness.processes import pinned
from harness.servers import KEY, find_program

BENCH = Path(__file__).resolve().parents[1]


class LoadFailed(Exception):
    pass


@dataclass(frozen=True)
class Shape:
    """What a load asks for at a time."""

    connections: int
    depth: int = 1  # requests a connection sends in one write
    batch: int = 1  # items of a request
    keys: int = 1  # distinct ones, chosen at random; 1: a hot key
    processes: int = 1  # of the load, each with so many connections


@dataclass
class Outcome:
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    cpu_seconds: float = 0.0  # of the load generator
    counted: int = None  # on the hot key, where that is not every request; 0: not known


def run_process(command, cpu):
    """Runs a load to its end; returns (its output, its CPU seconds). It ends with this program at the latest."""
    process = subprocess.Popen(
        pinned(["setpriv", "--pdeathsig", "KILL", *command], cpu),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output = process.stdout.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        process.stdout.close()
    if process.returncode != 0:
        raise LoadFailed(f"{' '.join(command)} exited with {process.returncode}:\n{output[-2000:]}")
    return output, usage.ru_utime + usage.ru_stime


def fill(running, build, keys, cpu=None, first=1):
    """Counts each of so many keys once, in batches of 1,000."""
    words = f"--port {running.port} --connections 4 --batch 1000 --sequential --keys {keys} --first-key {first}"
    words += f" --requests {keys // 1000} --retry --json"
    output, _ = run_process([find_program("bench/load", build), *words.split()], cpu)
    said = json.loads(output)
    if said["successful"] * 1000 != keys:
        raise LoadFailed(f"{running.name} did not count all keys: {said['statuses']}")
    return said


class Load:
    """A program that puts load on a server; `name` is the program."""

    name = ""
    suffix = ""  # of a contestant's name

    def __init__(self, build):
        self.program = find_program(self.name, build)

    def shown(self, shape, seconds):
        """The command for people: without this machine's paths."""
        shown_name = f"build/{self.name}" if "/" in self.name else self.name
        words = self.command("PORT", shape, self.amount(seconds))[1:]
        return " ".join([shown_name, *words]).replace(str(BENCH), "bench")

    def amount(self, seconds):
        """What stands for the length of a run in the command."""
        return seconds


class OwnLoad(Load):
    """What is counted as a request is an item, where requests are batches."""

    name = "bench/load"

    def command(self, port, shape, seconds):
        words = f"--port {port} --connections {shape.connections} --depth {shape.depth}"
        words += f" --batch {shape.batch}" if shape.batch > 1 else ""
        words += f" --keys {shape.keys} --first-key 1" if shape.keys > 1 else ""
        return [self.program, *words.split(), "--seconds", f"{seconds:g}", "--json"]

    def run(self, running, shape, seconds, cpu):
        command = self.command(running.port, shape, seconds)
        with ThreadPoolExecutor(shape.processes) as pool:
            ran = list(pool.map(lambda _: run_process(command, cpu), range(shape.processes)))
        said = [json.loads(output) for output, _ in ran]
        for one in said:
            if one["answered"] != one["statuses"].get("200"):
                raise LoadFailed(f"{running.name} did not answer 200 to all: {one['statuses']}")
        return Outcome(
            requests=sum(one["items"] for one in said),
            seconds=max(one["seconds"] for one in said),
            p50_us=max(one["latency_us"]["p50"] for one in said),
            p99_us=max(one["latency_us"]["p99"] for one in said),
            cpu_seconds=sum(cpu_seconds for _, cpu_seconds in ran),
            counted=sum(one["items"] for one in said) if shape.keys == 1 else 0,
        )


class Beside(OwnLoad):
    """The same while a program of ours asks the server for something else, on the load's core."""

    program_beside = ""
    words = ()

    def shown(self, shape, seconds):
        return f"bench/{self.program_beside} --port PORT {' '.join(self.words)} & {super().shown(shape, seconds)}"

    def enough(self, said, seconds):
        """Whether it did what it should have, by what it said at its end."""
        raise NotImplementedError

    def run(self, running, shape, seconds, cpu):
        command = pinned([sys.executable, f"{BENCH}/{self.program_beside}", "--port", str(running.port), *self.words], cpu)
        beside = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            beside.stdout.readline()
            outcome = super().run(running, shape, seconds, cpu)
        finally:
            beside.terminate()
            said, _ = beside.communicate(timeout=60)
        if beside.returncode != 0 or not self.enough(json.loads(said), seconds):
            raise LoadFailed(f"bench/{self.program_beside} said: {said}")
        return outcome


class Scraped(Beside):
    suffix = "/scraped-1s"
    program_beside = "scrape"
    every = 1.0  # seconds
    words = ("--every", "1")

    def enough(self, said, seconds):
        return said["scrapes"] >= seconds / self.every / 2


class ScrapedTenTimes(Scraped):
    suffix = "/scraped-100ms"
    every = 0.1
    words = ("--every", "0.1")


class Watched(Beside):
    suffix = "/watched"
    program_beside = "dashboards"
    words = ("--tabs", "20")

    def enough(self, said, seconds):
        return said["tabs"] == 20 and said["rows"] >= 20 * (seconds - 1)


class Wrk(Load):
    """wrk with a script that builds the request once: no Lua runs for a request."""

    name = "wrk"
    suffix = "/wrk"
    microseconds = {"us": 1, "ms": 1000, "s": 1_000_000}

    def command(self, port, shape, seconds):
        words = f"-t1 -c{shape.connections} -d{max(1, round(seconds))}s --latency -s {BENCH}/post.lua"
        return [self.program, *words.split(), f"http://127.0.0.1:{port}"]

    def percentile(self, output, percent):
        number, unit = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)$", output, re.MULTILINE).groups()
        return float(number) * self.microseconds[unit]

    def run(self, running, shape, seconds, cpu):
        started = time.monotonic()
        output, cpu_seconds = run_process(self.command(running.port, shape, seconds), cpu)
        found = re.search(r"(\d+) requests in ([\d.]+)s", output)
        if not found or "Non-2xx" in output or "Socket errors" in output:
            raise LoadFailed(f"wrk on {running.name}, {time.monotonic() - started:.1f} s:\n{output}")
        p50, p99 = self.percentile(output, 50), self.percentile(output, 99)
        return Outcome(int(found.group(1)), float(found.group(2)), p50, p99, cpu_seconds)


class RedisBenchmark(Load):
    """redis-benchmark runs a number of requests, not a time: the rate of the run before says how many."""

    name = "redis-benchmark"

    def __init__(self, build):
        super().__init__(build)
        self.rates = {}

    def amount(self, seconds):
        return "N"

    def command(self, port, shape, requests):
        words = f"-h 127.0.0.1 -p {port} -c {shape.connections} -P {shape.depth} -n {requests} --csv INCRBY {KEY} 1"
        return [self.program, *words.split()]

    def run(self, running, shape, seconds, cpu):
        rate = self.rates.get((running.name, shape), 5000)
        batch = shape.connections * shape.depth
        requests = max(1, round(rate * seconds / batch)) * batch
        output, cpu_seconds = run_process(self.command(running.port, shape, requests), cpu)
        said = self.parse(output)
        self.rates[running.name, shape] = float(said["rps"])
        p50, p99 = float(said["p50_latency_ms"]) * 1000, float(said["p99_latency_ms"]) * 1000
        return Outcome(requests, requests / float(said["rps"]), p50, p99, cpu_seconds)

    @staticmethod
    def parse(output):
        lines = [line for line in output.splitlines() if line.startswith('"')]
        rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
        if len(rows) != 1:
            raise LoadFailed(f"redis-benchmark said:\n{output}")
        return rows[0]


class Pgbench(Load):
    """One upsert a request through a prepared statement. pgbench tells a mean only; it stands for the median."""

    name = "pgbench"

    def command(self, port, shape, seconds):
        script = "upsert-hot.sql" if shape.keys == 1 else "upsert-random.sql"
        words = f"-h 127.0.0.1 -p {port} -U {postgres.USER} -n -M prepared -c {shape.connections} -j 1 -T {max(1, round(seconds))}"
        return [self.program, *words.split(), "-D", f"KEYS={shape.keys}", "-f", f"{BENCH}/{script}", postgres.DATABASE]

    def run(self, running, shape, seconds, cpu):
        output, cpu_seconds = run_process(self.command(running.port, shape, seconds), cpu)
        requests = int(re.search(r"actually processed: (\d+)", output).group(1))
        mean_ms = float(re.search(r"latency average = ([\d.]+) ms", output).group(1))
        rate = float(re.search(r"^tps = ([\d.]+)", output, re.MULTILINE).group(1))
        counted = requests if shape.keys == 1 else 0
        return Outcome(requests, requests / rate, mean_ms * 1000, None, cpu_seconds, counted)


LOADS = (OwnLoad, Scraped, ScrapedTenTimes, Watched, Wrk, RedisBenchmark, Pgbench)
