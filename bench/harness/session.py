"""The servers and loads of one benchmark: started together, measured in turns, checked and stopped at the end."""

import contextlib
import sys

from harness import postgres, profile, servers
from harness.loads import LOADS, fill
from harness.measure import measure

WARM_UP_SECONDS = 0.5


def say(text):
    """Progress goes to standard error, results to standard output."""
    print(text, file=sys.stderr, flush=True)


class Session(contextlib.AbstractContextManager):
    def __init__(self, contestants, build, data_root, server_cpu, load_cpu, keys=0):
        """keys: counted once on every server before the first measurement."""
        self.contestants, self.build, self.data_root, self.keys = contestants, build, data_root, keys
        self.server_cpu, self.load_cpu = server_cpu, load_cpu
        self.loads = {load: load(build) for load in LOADS}
        self.running = {}
        self.results = {contestant.name: [] for contestant in contestants}

    def __exit__(self, *exception):
        for running in self.running.values():
            if self.keys > 0:
                running.process.kill()  # a clean stop would bring all keys to the database
            running.stop()
        self.running.clear()

    def start(self):
        """The floor comes last: it answers with the bytes that ours answered."""
        names = list(dict.fromkeys(contestant.server for contestant in self.contestants))
        names.sort(key=lambda name: servers.SERVERS[name].counts, reverse=True)
        reply = None
        for name in names:
            server = servers.SERVERS[name]
            if server.protocol == "postgresql":
                self.running[name] = postgres.Upserts(self.data_root, self.server_cpu)
            else:
                given = None if server.counts else reply
                self.running[name] = servers.start(server, self.build, self.data_root, self.server_cpu, given)
            if server.counts:
                _, bytes_of_reply = self.running[name].count(servers.FIRST_VALUE)
                reply = bytes_of_reply if name.startswith("ours") else reply
            if self.keys > 0:
                say(f"counting {self.keys:,} keys")
                fill(self.running[name], self.build, self.keys, self.load_cpu)

    def measure(self, contestant, seconds):
        load = self.loads[contestant.load]
        return measure(self.running[contestant.server], load, contestant.shape, seconds, self.load_cpu)

    def warm_up(self):
        say("warming up")
        for contestant in self.contestants:
            self.measure(contestant, WARM_UP_SECONDS)

    def profile(self, contestant, seconds):
        """One more measurement, of which only the profile is kept."""
        say(f"profile of {contestant.name}")
        running = self.running[contestant.server]
        return profile.take(contestant.name, running, lambda: self.measure(contestant, seconds), self.load_cpu)

    def run(self, rounds, seconds):
        """One warm-up of all, then rounds in which each is measured once; every round begins with another one."""
        self.warm_up()
        for index in range(rounds):
            first = index % len(self.contestants)
            for contestant in self.contestants[first:] + self.contestants[:first]:
                sample = self.measure(contestant, seconds)
                self.results[contestant.name].append(sample)
                say(
                    f"round {index + 1}/{rounds}  {contestant.name:<26} {sample.cpu_us:8.2f} us/request "
                    f"{sample.per_second:12,.0f} requests/s"
                )

    def commands(self, seconds):
        """One line for each server and each load."""
        lines = [servers.command_line(servers.SERVERS[name], self.server_cpu) for name in self.running]
        prefix = "" if self.load_cpu is None else f"taskset -c {self.load_cpu} "
        for contestant in self.contestants:
            lines.append(prefix + self.loads[contestant.load].shown(contestant.shape, seconds))
        return lines

    def check_totals(self):
        """Nothing was answered that was not counted: a benchmark of a server that loses counts measures nothing."""
        for running in self.running.values():
            if running.counts:
                expected = running.acknowledged
                total, _ = running.count(0)
                if total != expected:
                    raise RuntimeError(f"{running.name}: total {total}, acknowledged {expected}")
