"""The connection to PostgreSQL reset at every message boundary of a flush, a claim and a connect, in both directions:
each increment is applied exactly once."""

import json
import queue
import threading
import time

import pytest

from lib import settings
from lib.cutproxy import SIDES, WAYS, CutProxy
from lib.http import JSON
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import eventually

SHORT_CUTS = 90
TRIES = 8  # a trial may have fewer messages than the most that were seen
LANES = settings.count("BOUNDARY_LANES", short=4, long=6)  # instances, each with its own database: a trial is mostly waiting
NEVER = 1 << 30
REFUSED = "refused"


def repeats(number_of_keys, refused):
    """The long flushes have the same messages as the short one, only more often."""
    if number_of_keys > 1000 or refused:
        return settings.count("LONG_FLUSH_CUTS", short=1, long=10)
    return settings.count("BOUNDARY_CUTS", short=1, long=100)


class Lane:
    """One instance. A trial adds one to every key, so all totals are the number of trials."""

    def __init__(self, start_server, cluster, keys, refused):
        self.store = PostgresStore(cluster)
        self.proxy = CutProxy(cluster.port)
        self.store.url = cluster.url(self.store.database, self.proxy.port)
        self.server = start_server("--sync-interval", "10ms", "--database-timeout", "5s", "--workers", "1", store=self.store)
        self.sql = cluster.connect(self.store.database).cursor()
        self.keys, self.refused, self.trials, self.last = keys, refused, 0, "nothing"
        if refused:
            self.sql.execute(f"ALTER TABLE counters ADD CHECK (key <> '{REFUSED}')")
        # One batch: it is counted as a whole, so that one epoch has all keys.
        self.body = json.dumps([{"key": key, "value": 1} for key in keys]).encode()
        self.connection = self.server.connect(timeout=30)

    def trial(self, kind, side, way, number, seed=0):
        """One round of increments with a cut armed; returns the plan as it ended."""
        plan = self.proxy.arm(kind, side, way, number, seed)
        if kind == "connect":
            self.proxy.sever()
        self.count()
        assert self.proxy.wait() != "ended", f"the {kind} was ended by somebody else at {plan.counts}"
        self.settle(f"{way} {side} message {number} of a {kind}")
        return plan

    def count(self):
        """One increment of every key: acknowledged, with the right total where it is known."""
        self.trials += 1
        response = self.connection.request("POST", "/increment", self.body, [JSON])
        assert response.status in (200, 202), response.body[:300]
        values = {item["value"] for item in json.loads(response.body)["data"]}
        if not self.refused:
            assert values <= {self.trials, None}, f"totals {values} in trial {self.trials}"

    def settle(self, what):
        """Waits until every increment is in the table, or set aside; fails at once where one was counted twice."""
        since = time.monotonic()
        while (seen := self.seen()) != (wanted := self.wanted()):
            assert seen[2] <= self.trials and seen[3] <= wanted[3], f"counted twice after {what}, and {self.last} before: {seen}"
            assert time.monotonic() < since + 30 * settings.TIME_SCALE, f"lost after {what}: {seen}, not {wanted}"
            time.sleep(0.01)
        self.last = what

    def seen(self):
        self.sql.execute("SELECT count(*), coalesce(min(value), 0), coalesce(max(value), 0), "
                         "(SELECT coalesce(sum(delta), 0) FROM counter_refused) FROM counters")
        return self.sql.fetchone()

    def wanted(self):
        return (len(self.keys) - self.refused, self.trials, self.trials, self.trials * self.refused)

    def finish(self):
        eventually(lambda: scrape(self.server).sum("simple_request_keys_dirty") == 0, 20, "all is flushed")
        assert self.seen() == self.wanted(), f"counted twice after {self.last}"
        assert self.server.terminate() == 0
        assert self.seen() == self.wanted()
        self.proxy.close()


def boundaries(lane, kind):
    """How many messages each side sends in one that passes untouched: the most of some."""
    plans = [lane.trial(kind, "client", "withheld", NEVER) for _ in range(3)]
    assert all(plan.result == "passed" and plan.counts["client"] and plan.counts["server"] for plan in plans)
    return {side: max(plan.counts[side] for plan in plans) for side in SIDES}


def jobs(counts, repeats):
    """Every boundary, both ways. In the short form the ways take turns, and of many boundaries only some are cut."""
    step = 1 if repeats > 1 else 1 + sum(counts.values()) // SHORT_CUTS
    for repeat in range(repeats):
        for side in SIDES:
            for number in range(1, counts[side] + 1, step):
                for way in WAYS if repeats > 1 else WAYS[number // step % 2 :][:1]:
                    yield side, way, number, repeat


def sweep(lanes, kind, work, failures, cuts):
    """Every lane takes trials from the queue until there are none, or one failed."""

    def run(lane):
        try:
            while not failures:
                side, way, number, repeat = work.get_nowait()
                results = (lane.trial(kind, side, way, number, repeat).result for _ in range(TRIES))
                assert "cut" in results, f"{side} message {number} of a {kind} never came"
                cuts.append((side, way, number))
        except queue.Empty:
            pass
        except BaseException as error:  # handed to the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("kind, number_of_keys, refused", [
    pytest.param("flush", 5, False, id="flush"),
    pytest.param("flush", 4001, False, id="flush-of-three-statements"),
    pytest.param("flush", 2, True, id="flush-with-a-refused-row"),
    pytest.param("claim", 2, False, id="claim"),
    pytest.param("connect", 2, False, id="connect"),
])
def test_a_cut_at_any_message_applies_each_increment_once(start_server, own_cluster, figures, kind, number_of_keys,
                                                          refused):
    own_cluster.start()
    keys = [f"key{n:04d}" for n in range(number_of_keys - refused)] + [REFUSED] * refused
    lanes = [Lane(start_server, own_cluster, keys, refused) for _ in range(LANES)]
    counts = boundaries(lanes[0], kind)
    work, failures, cuts = queue.SimpleQueue(), [], []
    for job in jobs(counts, repeats(number_of_keys, refused)):
        work.put(job)
    planned = work.qsize()
    sweep(lanes, kind, work, failures, cuts)
    if failures:
        raise failures[0]
    for side in SIDES:
        assert lanes[0].trial(kind, side, "withheld", counts[side] + 1).result == "passed"
    for lane in lanes:
        lane.finish()
    assert len(cuts) == planned
    figures(client_messages=counts["client"], server_messages=counts["server"], cuts=len(cuts),
            trials=sum(lane.trials for lane in lanes), lost=0, double=0)
