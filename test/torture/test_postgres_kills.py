"""PostgreSQL killed again and again under load: no increment is refused, lost or counted twice."""

import random
import time

from exact import finish, known, ones
from lib import settings
from lib.load import Load
from lib.store import PostgresStore
from lib.waiting import eventually

KEYS = [f"key{n}" for n in range(200)]
WAYS = ("kill", "immediate")  # SIGKILL to every process; SIGQUIT: no checkpoint, sessions cut off


def kills():
    return settings.count("POSTGRES_KILLS", short=6, long=200)


def epoch(store):
    rows = store.query("SELECT epoch FROM counter_writers")
    return rows[0][0] if rows else 0


def test_a_database_killed_under_load_gets_every_increment_once(start_server, own_cluster, figures):
    own_cluster.start()
    store, draw = PostgresStore(own_cluster), random.Random(kills())
    server = start_server("--sync-interval", "50ms", "--database-timeout", "5s", store=store)
    ledgers = [known(server, KEYS)]
    load = Load(server.address, ones(KEYS, draw), connections=8, pace=2000, keep_answers=True).start()
    for cycle in range(kills()):
        time.sleep(draw.uniform(0.05, 0.25))
        own_cluster.stop(WAYS[cycle % len(WAYS)])
        own_cluster.start()
        before = epoch(store)
        eventually(lambda: epoch(store) > before, 20, "flushes go on")
    ledgers.append(load.stop())
    assert ledgers[-1].statuses == {200: ledgers[-1].sent}, dict(ledgers[-1].statuses)
    number = finish(server, store, *ledgers)
    figures(kills=kills(), acknowledged=number, lost=0, double=0, refused=0)
