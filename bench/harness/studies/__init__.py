"""Measurements that no load alone makes: each study is a function of an Environment that returns
{contestant: {figure: [one value a round]}}, and lines that say what it ran."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from harness import servers
from harness.studies import memory, postgresql, recovery, start


@dataclass
class Environment:
    build: Path
    data_root: str
    server_cpu: int
    load_cpu: int
    rounds: int
    commands: list = field(default_factory=list)  # for people

    def ours(self, more, directory=None, cpu=None, durability="fsync"):
        """Starts ours, pinned to the server's core (or another), in a new directory or one that is there."""
        server = servers.ours("study", durability, more=more)
        cpu = self.server_cpu if cpu is None else cpu
        self.note(re.sub(r"postgresql://\S+", "URL", servers.command_line(server, cpu)))
        return servers.start(server, self.build, self.data_root, cpu, directory=directory)

    def note(self, command):
        if command not in self.commands:
            self.commands.append(command)


@dataclass(frozen=True)
class Study:
    run: Callable
    programs: tuple  # that it needs


OURS = ("simple-request", "bench/load")
STUDIES = {
    "redis memory": Study(memory.study, ("redis-server", "redis-cli")),
    "recovery": Study(recovery.study, OURS),
    "flush": Study(postgresql.study_flush, (*OURS, "bench/sql")),
    "latency within a flush": Study(postgresql.study_latency, OURS),
    "first touch": Study(postgresql.study_touch, (*OURS, "bench/sql")),
    "start": Study(start.study, OURS),
}
