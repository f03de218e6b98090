"""SIGTERM under load, a thousand times: exit code 0, and the table is the clients' ledger without another start."""

import random
import signal
import time

from campaign import verify
from lib import settings
from lib.http import Closed, Connection, increment_bytes
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.waiting import difference

KEYS = [f"key{n}" for n in range(200)]
HALF_SENT = 6  # clients a cycle that are in the middle of a request when the signal comes
OPTIONS = ("--sync-interval", "100ms", "--header-timeout", "150ms", "--body-timeout", "150ms")
VERIFY_EVERY = 50


class HalfSent:
    """A client in the middle of a request, which it finishes after the signal, gives up, or leaves as it is."""

    def __init__(self, address, draw):
        self.key, self.value, self.plan = draw.choice(KEYS), draw.randrange(1, 9), draw.choice(("finish", "leave", "give up"))
        whole = increment_bytes(self.key, self.value)
        cut = draw.randrange(1, len(whole))
        self.rest = whole[cut:]
        self.connection = Connection(address)
        self.connection.send(whole[:cut])

    def end(self, ledger):
        status = self.carry_on()
        ledger.statuses[status] += 1
        if status in (200, 202):
            ledger.acknowledged[self.key] += self.value
        elif self.plan == "finish" and status is None:
            ledger.unanswered[self.key] += self.value
        else:
            assert status in (None, 408, 503), status
            ledger.refused[self.key] += self.value

    def carry_on(self):
        """The answer's status, None where there was none."""
        with self.connection as connection:
            try:
                if self.plan == "finish":
                    connection.send(self.rest)
                return None if self.plan == "give up" else connection.read_response().status
            except (Closed, OSError):
                return None


def one_life(server, draw, seed, ledger):
    """Start, load of three kinds, SIGTERM in the middle of it. Returns what the clients of this life saw."""
    server.start(wait="listening")
    source = keys_at_random(KEYS, seed=seed)
    pipelined = Load(server.address, source, connections=12, depth=16).start()
    one_by_one = Load(server.address, keys_at_random(KEYS, seed=seed + 1), connections=12, depth=1).start()
    halves = [HalfSent(server.address, draw) for _ in range(HALF_SENT)]
    time.sleep(draw.uniform(0, 0.1))
    server.signal(signal.SIGTERM)
    time.sleep(draw.uniform(0, 0.01))
    for half in halves:
        half.end(ledger)
    assert server.wait() == 0, server.log()[-2000:]
    for load in (pipelined, one_by_one):
        ledger.add(load.stop())


def test_sigterm_under_load_ends_well_with_everything_in_the_table(make_server, store, figures):
    count = settings.count("TERMINATE_CYCLES", short=12, long=500)  # of each store
    server, draw, acknowledged, unanswered = make_server(*OPTIONS, store=store), random.Random(count), 0, 0
    ledger = Ledger()
    for cycle in range(count):
        seen = Ledger()
        one_life(server, draw, 2 * cycle, seen)
        acknowledged += sum(seen.acknowledged.values())
        unanswered += sum(seen.unanswered.values())
        ledger.add(seen)
        assert set(seen.statuses) <= {200, 202, 408, 503, None}, f"cycle {cycle}: {dict(seen.statuses)}"
        # Not one more than was answered: a drain leaves no request counted and unanswered.
        totals, expected = store.totals(), dict(ledger.acknowledged)
        assert totals == expected, f"cycle {cycle}: {difference(totals, expected)}"
        if cycle % VERIFY_EVERY == 0:
            verify(server)
    assert acknowledged > 200 * count, "no signal met a request"
    figures(sigterms=count, exit_code_0=count, acknowledged=acknowledged, not_counted=unanswered, lost=0)
