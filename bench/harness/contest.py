"""Who is measured by a load in turns: one table. A new contestant is a row here (and in servers.SERVERS)."""

from dataclasses import dataclass

from harness.loads import OwnLoad, Pgbench, RedisBenchmark, Scraped, ScrapedTenTimes, Shape, Watched, Wrk

MANY, MOST = 100_000, 10_000_000  # distinct keys, chosen at random

C64 = Shape(64)
C512 = Shape(512)
C64_P16 = Shape(64, 16)
BATCH = Shape(4, batch=1000)
C64_MANY = Shape(64, keys=MANY)
C512_MANY = Shape(512, keys=MANY)
C64_P16_MANY = Shape(64, 16, keys=MANY)
C64_MOST = Shape(64, keys=MOST)
C16 = Shape(16)
C16_MANY = Shape(16, keys=MANY)
TWICE_32 = Shape(32, processes=2)

SHAPE_NAMES = {
    C64: "64",
    C512: "512",
    C64_P16: "64x16",
    BATCH: "batch",
    C64_MANY: "64/100k keys",
    C512_MANY: "512/100k keys",
    C64_P16_MANY: "64x16/100k keys",
    C64_MOST: "64/10M keys",
    C16: "16",
    C16_MANY: "16/100k keys",
    TWICE_32: "2x32",
}


@dataclass(frozen=True)
class Contestant:
    server: str  # name in servers.SERVERS
    shape: Shape
    load: type = OwnLoad

    @property
    def name(self):
        return f"{self.server}/{SHAPE_NAMES[self.shape]}{self.load.suffix}"


@dataclass(frozen=True)
class Contest:
    """Contestants whose servers run at the same time and are measured in turns."""

    name: str
    contestants: tuple
    pinned: bool = True  # the servers to one core, the load to another
    keys: int = 0  # counted once on every server before the first measurement


CONTESTS = (
    Contest(
        "requests",
        (
            Contestant("floor", C64),
            Contestant("ours-none", C64),
            Contestant("ours-write", C64),
            Contestant("ours-fsync", C64),
            Contestant("redis-no", C64, RedisBenchmark),
            Contestant("redis-everysec", C64, RedisBenchmark),
            Contestant("redis-always", C64, RedisBenchmark),
            Contestant("nginx-lua", C64),
            Contestant("floor", C64, Wrk),
            Contestant("floor", C64_P16),
            Contestant("ours-write", C64_P16),
            Contestant("ours-write", C64_P16, Scraped),
            Contestant("ours-write", C64_P16, ScrapedTenTimes),
            Contestant("ours-write", C64_P16, Watched),
            Contestant("ours-fsync", C64_P16),
            Contestant("redis-everysec", C64_P16, RedisBenchmark),
            Contestant("ours-none", C512),
            Contestant("ours-fsync", C512),
            Contestant("ours-write", BATCH),
            Contestant("ours-fsync", C64_MANY),
            Contestant("ours-fsync", C512_MANY),
            Contestant("ours-fsync", C64_P16_MANY),
            Contestant("postgresql", C16, Pgbench),
            Contestant("postgresql", C16_MANY, Pgbench),
        ),
    ),
    Contest(
        "keys",
        (Contestant("ours-keys", C64), Contestant("ours-keys", C64_MANY), Contestant("ours-keys", C64_MOST)),
        keys=MOST,
    ),
    Contest(
        "workers",
        (
            Contestant("ours-1-worker", TWICE_32),
            Contestant("ours-2-workers", TWICE_32),
            Contestant("floor", TWICE_32),
            Contestant("floor-2-threads", TWICE_32),
        ),
        pinned=False,
    ),
)
