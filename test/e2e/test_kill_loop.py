"""kill -9 at random moments under 32 connections: acknowledged <= total <= acknowledged + unanswered."""

import random
import time

from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random

KEYS = [f"key{n}" for n in range(300)]


def cycles():
    return settings.count("KILL_CYCLES", short=3, long=20)


def test_kill_9_under_load_loses_and_invents_nothing(start_server, store):
    server = start_server("--sync-interval", "150ms", store=store)
    draw, ledger = random.Random(cycles()), Ledger()
    for cycle in range(cycles()):
        load = Load(server.address, keys_at_random(KEYS, seed=cycle), connections=32, depth=8).start()
        time.sleep(draw.uniform(0.2, 1.2))
        server.kill()
        ledger.add(load.stop())
        server.start()
        ledger.check({key: server_total(server, key) for key in KEYS})
    assert ledger.statuses[200] > 500 * cycles() and ledger.unanswered, "no kill met a request"
    final = Load(server.address, [(key, 1) for key in KEYS], connections=4).run()
    ledger.add(final)
    totals = {key: server_total(server, key) for key in KEYS}
    assert server.terminate() == 0
    assert store.totals() == {key: total for key, total in totals.items() if total}
    ledger.check(totals)


def server_total(server, key):
    return server.total(key) or 0


def test_kill_9_right_after_start_and_during_recovery_is_survived(make_server, store):
    server = make_server("--sync-interval", "100ms", store=store).start()
    sums = {f"key{n}": n for n in range(1, 200)}
    ledger = Load(server.address, list(sums.items()), connections=4).run()
    assert ledger.statuses == {200: len(sums)}
    server.kill()
    draw = random.Random(7)
    for _ in range(cycles() * 3):
        server.start(wait=None)
        time.sleep(draw.uniform(0, 0.1))
        server.kill()
    server.start()
    assert server.terminate() == 0
    assert store.totals() == sums
