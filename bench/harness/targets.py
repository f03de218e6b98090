"""What the figures should be: one table, in the order of the issue that set them."""

from dataclasses import dataclass

from harness.measure import Spread


@dataclass(frozen=True)
class Target:
    """A figure of a contestant or study, over one of another where `under` is given, and what it should be. One without a
    relation has no target: it tells what another row's target comes to."""

    what: str
    figure: str  # a key of results[over]
    over: str
    under: str  # "": the figure itself
    relation: str = ""  # "<=" or ">="
    target: float = 0
    unit: str = ""
    under_figure: str = ""  # where it is not the same

    def values(self, results):
        """One a round, of the same round, so that what changes with the hour cancels out; [] where a side is missing."""
        above = results.get(self.over, {}).get(self.figure, [])
        if not self.under:
            return above
        below = results.get(self.under, {}).get(self.under_figure or self.figure, [])
        return [a / b for a, b in zip(above, below)]

    def verdict(self, results):
        """met, missed, or nothing where there is no target."""
        median = Spread.of(self.values(results)).median
        if not self.relation:
            return ""
        return "met" if (median <= self.target if self.relation == "<=" else median >= self.target) else "missed"


CPU, RATE = "cpu_us", "per_second"

TARGETS = (
    Target("none against the bare epoll floor, CPU per request", CPU, "ours-none/64", "floor/64", "<=", 1.10),
    Target("write against Redis everysec, CPU per request", CPU, "ours-write/64", "redis-everysec/64", "<=", 0.75),
    Target("fsync against Redis always, CPU per request", CPU, "ours-fsync/64", "redis-always/64", "<=", 0.85),
    Target("fsync against Redis always, requests/s", RATE, "ours-fsync/64", "redis-always/64", ">=", 1.3),
    Target("fsync against none, 64 connections, CPU per request", CPU, "ours-fsync/64", "ours-none/64", "<=", 1.5),
    Target("fsync against none, 512 connections, CPU per request", CPU, "ours-fsync/512", "ours-none/512", "<=", 1.15),
    Target("16 deep, write against Redis everysec, CPU per request", CPU, "ours-write/64x16", "redis-everysec/64x16",
           "<=", 0.7),
    Target("write against nginx + Lua, CPU per request", CPU, "ours-write/64", "nginx-lua/64", "<=", 0.5),
    Target("the bare epoll floor against nginx + Lua, CPU per request", CPU, "floor/64", "nginx-lua/64"),
    Target("fsync against an upsert a request, one hot key, requests/s", RATE, "ours-fsync/64", "postgresql/16", ">=", 40),
    Target("the same, 512 connections", RATE, "ours-fsync/512", "postgresql/16", ">=", 40),
    Target("the same, 16 requests in one write", RATE, "ours-fsync/64x16", "postgresql/16", ">=", 40),
    Target("fsync against an upsert a request, 100,000 random keys, requests/s", RATE, "ours-fsync/64/100k keys",
           "postgresql/16/100k keys", ">=", 8),
    Target("the same random keys, 512 connections", RATE, "ours-fsync/512/100k keys", "postgresql/16/100k keys", ">=", 8),
    Target("the same random keys, 16 requests in one write", RATE, "ours-fsync/64x16/100k keys", "postgresql/16/100k keys",
           ">=", 8),
    Target("an item of a batch of 1,000 against a request 16 deep, write, CPU", CPU, "ours-write/batch", "ours-write/64x16",
           "<=", 0.3),
    Target("a single request against an item of a batch of 1,000, write, CPU", CPU, "ours-write/64", "ours-write/batch", ">=", 20),
    Target("100,000 random keys against a hot one, CPU per request", CPU, "ours-keys/64/100k keys", "ours-keys/64", "<=", 1.1),
    Target("10,000,000 random keys against a hot one, CPU per request", CPU, "ours-keys/64/10M keys", "ours-keys/64", "<=", 1.3),
    Target("flush of 1,000,000 keys to PostgreSQL against the bare SQL statement, time", "seconds", "flush", "bare SQL",
           "<=", 1.15),
    Target("p99 during that flush against p99 without", "p99_us", "within a flush", "without a flush", "<=", 2),
    Target("the same, the database's files in memory, not on the journal's disk", "p99_us", "within a flush, database in memory",
           "without a flush, database in memory"),
    Target("99.9 % of the journal's commits during that flush take at most, in ms", "commit_ms", "within a flush", ""),
    Target("the same without a flush", "commit_ms", "without a flush", ""),
    Target("the same during the flush, the database's files in memory", "commit_ms", "within a flush, database in memory", ""),
    Target("memory per key, 10,000,000 keys of 20 bytes", "bytes_per_key", "memory", "", "<=", 96, "bytes"),
    Target("the same against Redis", "bytes_per_key", "memory", "redis memory", "<=", 1),
    Target("recovery of a journal of 10,000,000 records", "per_second", "recovery", "", ">=", 2_000_000, "records/s"),
    Target("first touch of keys in PostgreSQL against key = ANY in batches of 1,000, keys/s", "per_second", "first touch",
           "key = ANY", ">=", 0.5),
    Target("a scrape of /metrics each second against none, requests/s", RATE, "ours-write/64x16/scraped-1s", "ours-write/64x16",
           ">=", 0.99),
    Target("a scrape each 100 ms against none, requests/s", RATE, "ours-write/64x16/scraped-100ms", "ours-write/64x16", ">=", 0.99),
    Target("20 open dashboards against none, requests/s", RATE, "ours-write/64x16/watched", "ours-write/64x16", ">=", 0.98),
    Target("two workers on two cores against one, CPU per request", CPU, "ours-2-workers/2x32", "ours-1-worker/2x32", "<=", 1.1),
    Target("two threads of the bare epoll floor against one, CPU per request", CPU, "floor-2-threads/2x32", "floor/2x32"),
    Target("start to first answer, empty", "ms", "start, empty", "", "<=", 50, "ms"),
    Target("start to first answer, 1,000,000 keys after a clean stop", "ms", "start, 1,000,000 keys", "", "<=", 200, "ms"),
)
