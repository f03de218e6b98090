"""kill -9 at every kind of moment, thousands of times: acknowledged <= total <= acknowledged + unanswered after each."""

import random
import signal
import time

import pytest

from campaign import stop_and_compare, totals_over_http
from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random

KEYS = [f"key{n}" for n in range(200)]
CONNECTIONS = 32
OPTIONS = ("--sync-interval", "50ms")
COMPARE_EVERY = 100  # cycles between proper stops


def load(server, seed):
    return Load(server.address, keys_at_random(KEYS, seed=seed), connections=CONNECTIONS, depth=8).start()


def kill_under_load(server, draw, seed):
    """While commits, flushes and retirement go on."""
    running = load(server, seed)
    time.sleep(draw.uniform(0, 0.15))
    server.kill()
    return running.stop()


def kill_during_drain(server, draw, seed):
    """SIGTERM under load, and then no time to finish."""
    running = load(server, seed)
    time.sleep(draw.uniform(0.02, 0.08))
    server.signal(signal.SIGTERM)
    time.sleep(draw.uniform(0, 0.03))
    server.kill()
    return running.stop()


def kill_during_recovery(server, draw, seed):
    """A life with a journal to read and load from its first moment on, until it is ready or a little longer."""
    ledger = kill_under_load(server, draw, seed)
    server.start(wait="listening")
    running = load(server, seed + 1)
    time.sleep(draw.uniform(0, 0.04))
    server.kill()
    ledger.add(running.stop())
    return ledger


def kill_during_start(server, draw, seed):
    """Anywhere between exec and the first connection."""
    ledger = kill_under_load(server, draw, seed)
    server.start(wait=None)
    time.sleep(draw.uniform(0, 0.03))
    server.kill()
    return ledger


MOMENTS = (kill_under_load, kill_during_drain, kill_during_recovery, kill_during_start)


class Cycles:
    """One instance, killed again and again; every life begins with a comparison over HTTP."""

    def __init__(self, server, seed):
        self.server, self.draw, self.seed = server, random.Random(seed), seed
        self.ledger, self.done, self.acknowledged, self.unanswered = Ledger(), 0, 0, 0

    def run(self, count):
        self.server.start()
        for _ in range(count):
            self.one(self.draw.choice(MOMENTS))
            if self.done % COMPARE_EVERY == 0:
                stop_and_compare(self.server, self.ledger, KEYS)
                self.server.start()
        stop_and_compare(self.server, self.ledger, KEYS)

    def one(self, moment):
        self.done += 1
        seen = moment(self.server, self.draw, self.seed + 10 * self.done)
        self.acknowledged += sum(seen.acknowledged.values())
        self.unanswered += sum(seen.unanswered.values())
        self.ledger.add(seen)
        self.server.start()
        try:
            self.ledger.settle(totals_over_http(self.server, KEYS))
        except AssertionError as error:
            raise AssertionError(f"seed {self.seed}, cycle {self.done}, {moment.__name__}: {error}") from None


def test_no_kill_at_any_moment_loses_or_invents_a_count(make_server, store, figures):
    count = settings.count("KILL_CYCLES", short=12, long=1000)  # of each store
    seed = settings.count("KILL_SEED", short=1, long=1)
    cycles = Cycles(make_server(*OPTIONS, store=store), seed)
    cycles.run(count)
    assert cycles.acknowledged > 500 * count and cycles.unanswered, "no kill met a request"
    figures(cycles=count, acknowledged=cycles.acknowledged, unanswered=cycles.unanswered, lost=0, doubled=0)


def test_the_same_cycles_see_what_a_service_loses_that_does_not_journal(make_server, sqlite):
    """The judge can fail: --durability none promises nothing across kill -9, and that is what is found."""
    cycles = Cycles(make_server("--durability", "none", "--sync-interval", "1h", store=sqlite), seed=1)
    with pytest.raises(AssertionError, match="keys wrong"):
        cycles.server.start()
        for _ in range(10):
            cycles.one(kill_under_load)
