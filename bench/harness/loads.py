"""Load generators: each runs for a while against one server and says what came of it."""

import csv
import io
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

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


@dataclass
class Outcome:
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    cpu_seconds: float = 0.0  # of the load generator
    counted: int = None  # on the hot key, where that is not every request


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


class Load:
    """A program that puts load on a server; `name` is the program."""

    name = ""

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
    name = "bench/load"

    def command(self, port, shape, seconds):
        words = f"--port {port} --connections {shape.connections} --depth {shape.depth} --seconds {seconds:g} --json"
        return [self.program, *words.split()]

    def run(self, running, shape, seconds, cpu):
        output, cpu_seconds = run_process(self.command(running.port, shape, seconds), cpu)
        said = json.loads(output)
        if said["answered"] != said["statuses"].get("200"):
            raise LoadFailed(f"{running.server.name} did not answer 200 to all: {said['statuses']}")
        latency = said["latency_us"]
        return Outcome(said["answered"], said["seconds"], latency["p50"], latency["p99"], cpu_seconds)


class Wrk(Load):
    """wrk with a script that builds the request once: no Lua runs for a request."""

    name = "wrk"
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
            raise LoadFailed(f"wrk on {running.server.name}, {time.monotonic() - started:.1f} s:\n{output}")
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
        rate = self.rates.get((running.server.name, shape), 5000)
        batch = shape.connections * shape.depth
        requests = max(1, round(rate * seconds / batch)) * batch
        output, cpu_seconds = run_process(self.command(running.port, shape, requests), cpu)
        said = self.parse(output)
        self.rates[running.server.name, shape] = float(said["rps"])
        p50, p99 = float(said["p50_latency_ms"]) * 1000, float(said["p99_latency_ms"]) * 1000
        return Outcome(requests, requests / float(said["rps"]), p50, p99, cpu_seconds)

    @staticmethod
    def parse(output):
        lines = [line for line in output.splitlines() if line.startswith('"')]
        rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
        if len(rows) != 1:
            raise LoadFailed(f"redis-benchmark said:\n{output}")
        return rows[0]


class Batches(Load):
    """Batches of so many increments on as many keys; what is counted as a request is an item."""

    name = "python3"

    def command(self, port, shape, seconds):
        words = f"{BENCH}/batches --port {port} --items {shape.depth} --seconds {seconds:g}"
        return [self.program, *words.split()]

    def run(self, running, shape, seconds, cpu):
        output, cpu_seconds = run_process(self.command(running.port, shape, seconds), cpu)
        said = json.loads(output)
        return Outcome(said["items"], said["seconds"], said["p50_us"], said["p99_us"], cpu_seconds, said["batches"])


LOADS = {load.name: load for load in (OwnLoad, Wrk, RedisBenchmark, Batches)}
