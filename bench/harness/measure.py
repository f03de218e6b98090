"""One measurement: server CPU, load CPU and everybody else's CPU over one run of a load."""

import os
import statistics
import time
from dataclasses import dataclass

from harness.processes import TICKS_PER_SECOND


@dataclass
class Sample:
    requests: int
    seconds: float
    user_s: float  # of the server
    system_s: float
    load_s: float
    others_s: float  # of all other processes of the machine, the hypervisor's share included
    p50_us: float
    p99_us: float  # None where the load does not tell

    @property
    def cpu_us(self):
        """Server CPU for a request, in microseconds."""
        return (self.user_s + self.system_s) * 1e6 / self.requests

    @property
    def user_us(self):
        return self.user_s * 1e6 / self.requests

    @property
    def load_us(self):
        return self.load_s * 1e6 / self.requests

    @property
    def per_second(self):
        return self.requests / self.seconds

    @property
    def server_share(self):
        """Of one core."""
        return (self.user_s + self.system_s) / self.seconds

    @property
    def load_share(self):
        return self.load_s / self.seconds

    @property
    def others_share(self):
        return self.others_s / self.seconds


def machine_busy_seconds():
    """CPU time of all cores that was not idle, what a hypervisor took away included."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def measure(running, load, shape, seconds, cpu):
    """Runs the load once. The server's CPU is taken around the whole run and divided by all its requests, so that
    there is no warm-up that would count on one side only."""
    busy, (user, system), started = machine_busy_seconds(), running.process.cpu_seconds(), time.monotonic()
    outcome = load.run(running, shape, seconds, cpu)
    elapsed = time.monotonic() - started
    user_end, system_end = running.process.cpu_seconds()
    server_s = user_end - user + system_end - system
    others_s = machine_busy_seconds() - busy - server_s - outcome.cpu_seconds
    running.acknowledged += outcome.requests if outcome.counted is None else outcome.counted
    return Sample(
        requests=outcome.requests,
        seconds=outcome.seconds,
        user_s=user_end - user,
        system_s=system_end - system,
        load_s=outcome.cpu_seconds,
        others_s=max(0.0, others_s) * outcome.seconds / elapsed,
        p50_us=outcome.p50_us,
        p99_us=outcome.p99_us,
    )


FIGURES = ("cpu_us", "user_us", "per_second", "p50_us", "p99_us", "load_us", "load_share", "server_share", "others_share")


def figures(samples):
    """{figure: its values, one a sample}"""
    return {name: [getattr(sample, name) for sample in samples] for name in FIGURES}


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


def cpus():
    """(server's core, load's core); (None, None) where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (None, None)
