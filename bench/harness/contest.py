"""Who is measured and what is compared: two tables. A new contestant is a row here (and in servers.SERVERS)."""

from dataclasses import dataclass

from harness.loads import Batches, OwnLoad, RedisBenchmark, Shape, Wrk

C64 = Shape(64)
C512 = Shape(512)
C64_P16 = Shape(64, 16)
BATCH = Shape(1, 10_000)

SHAPE_NAMES = {C64: "64", C512: "512", C64_P16: "64x16", BATCH: "batch"}


@dataclass(frozen=True)
class Contestant:
    server: str  # name in servers.SERVERS
    shape: Shape
    load: type = OwnLoad

    @property
    def name(self):
        through = "" if self.load is not Wrk else "/wrk"
        return f"{self.server}/{SHAPE_NAMES[self.shape]}{through}"


CONTESTANTS = (
    Contestant("floor", C64),
    Contestant("ours-none", C64),
    Contestant("ours-write", C64),
    Contestant("ours-fsync", C64),
    Contestant("redis-no", C64, RedisBenchmark),
    Contestant("redis-everysec", C64, RedisBenchmark),
    Contestant("redis-always", C64, RedisBenchmark),
    Contestant("floor", C64, Wrk),
    Contestant("floor", C64_P16),
    Contestant("ours-write", C64_P16),
    Contestant("redis-everysec", C64_P16, RedisBenchmark),
    Contestant("ours-none", C512),
    Contestant("ours-fsync", C512),
    Contestant("ours-none", BATCH, Batches),
    Contestant("ours-fsync", BATCH, Batches),
)


@dataclass(frozen=True)
class Ratio:
    """One figure of a contestant over the same figure of another, and what it should be."""

    what: str
    figure: str  # "cpu_us" or "per_second", an attribute of a Sample
    over: str
    under: str
    relation: str  # "<=" or ">="
    target: float

    def is_met(self, value):
        return value <= self.target if self.relation == "<=" else value >= self.target


RATIOS = (
    Ratio("none against the bare epoll floor", "cpu_us", "ours-none/64", "floor/64", "<=", 1.10),
    Ratio("write against Redis everysec", "cpu_us", "ours-write/64", "redis-everysec/64", "<=", 0.75),
    Ratio("fsync against Redis always", "cpu_us", "ours-fsync/64", "redis-always/64", "<=", 0.85),
    Ratio("fsync against Redis always", "per_second", "ours-fsync/64", "redis-always/64", ">=", 1.3),
    Ratio("fsync against none, 64 connections", "cpu_us", "ours-fsync/64", "ours-none/64", "<=", 1.5),
    Ratio("fsync against none, 512 connections", "cpu_us", "ours-fsync/512", "ours-none/512", "<=", 1.15),
    Ratio("an item of a batch against a request, none", "cpu_us", "ours-none/batch", "ours-none/64", "<=", 0.05),
    Ratio("an item of a batch against a request, fsync", "cpu_us", "ours-fsync/batch", "ours-fsync/64", "<=", 0.05),
    Ratio("16 deep, write against Redis everysec", "cpu_us", "ours-write/64x16", "redis-everysec/64x16", "<=", 0.7),
)
