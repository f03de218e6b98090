"""kill -9 at every kind of moment, thousands of times: acknowledged <= total <= acknowledged + unanswered after each."""

import random
import signal
import time

import pytest

from campaign import stop_and_compare, totals_over_http
from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.waiting import eventually
from mixed import KINDS_OF_CHANGE, Mixed

KEYS = [f"key{n}" for n in range(200)]
CONNECTIONS = 32
OPTIONS = ("--sync-interval", "50ms")
COMPARE_EVERY = 100  # cycles between proper stops


def increments(server, seed):
    return Load(server.address, keys_at_random(KEYS, seed=seed), connections=CONNECTIONS, depth=8).start()


def kill_under_load(server, draw, seed, load):
    """While commits, flushes and retirement go on."""
    running = load(server, seed)
    time.sleep(draw.uniform(0, 0.15))
    server.kill()
    return running.stop()


def kill_during_drain(server, draw, seed, load):
    """SIGTERM under load, and then no time to finish."""
    running = load(server, seed)
    time.sleep(draw.uniform(0.02, 0.08))
    server.signal(signal.SIGTERM)
    time.sleep(draw.uniform(0, 0.03))
    server.kill()
    return running.stop()


def kill_during_recovery(server, draw, seed, load):
    """A life with a journal to read and load from its first moment on, until it is ready or a little longer."""
    ledger = kill_under_load(server, draw, seed, load)
    server.start(wait="listening")
    running = load(server, seed + 1)
    time.sleep(draw.uniform(0, 0.04))
    server.kill()
    ledger.add(running.stop())
    return ledger


def kill_during_start(server, draw, seed, load):
    """Anywhere between exec and the first connection."""
    ledger = kill_under_load(server, draw, seed, load)
    server.start(wait=None)
    time.sleep(draw.uniform(0, 0.03))
    server.kill()
    return ledger


MOMENTS = (kill_under_load, kill_during_drain, kill_during_recovery, kill_during_start)


class Cycles:
    """One instance, killed again and again; every life begins with a comparison over HTTP."""

    keys = KEYS

    def __init__(self, server, seed, ledger=None):
        self.server, self.draw, self.seed = server, random.Random(seed), seed
        self.ledger, self.done, self.acknowledged, self.unanswered = ledger or Ledger(), 0, 0, 0

    def load(self, server, seed):
        return increments(server, seed)

    def run(self, count):
        self.server.start()
        for _ in range(count):
            self.one(self.draw.choice(MOMENTS))
            if self.done % COMPARE_EVERY == 0:
                stop_and_compare(self.server, self.ledger, self.keys)
                self.server.start()
        stop_and_compare(self.server, self.ledger, self.keys)

    def one(self, moment):
        self.done += 1
        seen = moment(self.server, self.draw, self.seed + 10 * self.done, self.load)
        self.acknowledged += sum(seen.acknowledged.values())
        self.unanswered += sum(seen.unanswered.values())
        self.ledger.add(seen)
        self.server.start()
        try:
            self.check()
        except AssertionError as error:
            raise AssertionError(f"seed {self.seed}, cycle {self.done}, {moment.__name__}: {error}") from None

    def check(self):
        self.ledger.settle(totals_over_http(self.server, self.keys))


class MixedCycles(Cycles):
    """The same with batches, PUT, DELETE and Idempotency-Keys: after each kill what has no answer is repeated under its key."""

    keys = Mixed().keys

    def load(self, server, seed):
        return self.ledger.start(server, seed)

    def check(self):
        super().check()
        self.ledger.repeat(self.server, self.draw)
        super().check()


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


def test_no_kill_tears_a_batch_undoes_a_set_or_counts_a_token_twice(make_server, store, figures):
    count = settings.count("KILL_CYCLES_MIXED", short=4, long=300)  # of each store
    mixed = Mixed()
    MixedCycles(make_server(*OPTIONS, store=store), settings.count("KILL_SEED", short=1, long=1), mixed).run(count)
    mixed.tell(figures, count)


def killed_once(server, mixed):
    """A life under load and its end; what the next life says of it."""
    running = mixed.start(server, seed=1)
    eventually(lambda: min(running.counts().values()) > 100, 20, "every kind is acknowledged")
    server.kill()
    mixed.add(running.stop())
    server.start()
    return totals_over_http(server, mixed.keys)


def test_the_same_kill_takes_every_kind_of_change_from_a_service_that_does_not_journal(start_server, sqlite):
    """Each judge can fail: batches, sets and tokens are all found wrong."""
    server, mixed = start_server("--durability", "none", "--sync-interval", "1h", store=sqlite), Mixed()
    assert set(mixed.wrong(killed_once(server, mixed))) == set(KINDS_OF_CHANGE)


def test_a_service_that_forgets_its_idempotency_keys_is_found_to_count_twice(start_server, sqlite):
    """The judge can fail: a window of a second promises nothing to who repeats a request later."""
    server, mixed = start_server(*OPTIONS, "--idempotency-window", "1s", store=sqlite), Mixed()
    mixed.settle(killed_once(server, mixed))
    with pytest.raises(AssertionError, match="first .*, then"):
        eventually(lambda: server.increment("busy", 1) and mixed.repeat(server, random.Random(1)), 20, "a flush forgets a key")
    assert set(mixed.wrong(totals_over_http(server, mixed.keys))) == {"token"}
