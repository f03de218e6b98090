"""Brings about what the panels of failures show, one thing after the other, on a running stack."""

import contextlib
import threading
import time

import psycopg2
from lib.http import JSON
from lib.waiting import eventually

OUTAGE_ALERTS = {"SimpleRequestFlushFailing", "PostgresqlDown"}


def repeat_and_contradict(server):
    """Idempotency: the same request again, and another under the same key."""
    answers = []
    with server.connect() as connection:
        for body in (b'{"key":"once","value":1}', b'{"key":"once","value":1}', b'{"key":"once","value":2}'):
            answers.append(connection.request("POST", "/increment", body, [JSON, ("Idempotency-Key", "token-1")]).status)
    assert answers == [200, 200, 422], answers


def counted(stack, name):
    """PostgreSQL's own counts of it were scraped: a kill resets them."""
    eventually(lambda: stack.prometheus.query(f"sum({name}) > 0"), 30, f"{name} is scraped")


def run_over_the_rate(server):
    with server.connect() as connection:
        eventually(lambda: connection.request("GET", "/counters/none").status == 429, 10, "a request is over the rate", interval=0)


def be_refused_by_the_database(server, store):
    """A constraint of the user's refuses a row."""
    store.execute("ALTER TABLE counters ADD CONSTRAINT no_such_key CHECK (key <> 'refused')")
    server.increment("refused", 1)
    eventually(lambda: store.query("SELECT 1 FROM counter_refused"), 30, "the row is in counter_refused")


def deadlock(store):
    """Two sessions wait for each other until PostgreSQL ends one of them."""
    one, other = (store.cluster.connect(store.database) for _ in range(2))
    with one.cursor() as first, other.cursor() as second, contextlib.closing(one), contextlib.closing(other):
        first.execute("SELECT pg_advisory_lock(1)")
        second.execute("SELECT pg_advisory_lock(2)")
        ended = []
        threads = [threading.Thread(target=_lock, args=(first, 2, ended)), threading.Thread(target=_lock, args=(second, 1, ended))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ended) == 1, ended


def _lock(cursor, number, ended):
    try:
        cursor.execute(f"SELECT pg_advisory_lock({number})")
    except psycopg2.errors.DeadlockDetected as error:
        ended.append(error)
        cursor.execute("SELECT pg_advisory_unlock_all()")


def sort_on_disk(store):
    assert store.query("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT g FROM generate_series(1, 100000) g ORDER BY random()) sorted")


def roll_back_and_checkpoint(store):
    connection = store.cluster.connect(store.database)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("BEGIN; CREATE TABLE never (x int); ROLLBACK")
        cursor.execute("CHECKPOINT")


class Outage:
    """PostgreSQL dies, for at least some seconds and until its alerts fire; then it is back until they do not."""

    def __init__(self, stack, at_least, alerts):
        prometheus, alertmanager = stack.prometheus, stack.alertmanager
        limit = at_least + 120
        begin = time.monotonic()
        stack.cluster.stop("kill")
        self.read_statuses = set()
        eventually(lambda: self._read(stack.servers[0]) and alerts <= prometheus.firing(), limit, f"{alerts} fire in Prometheus", interval=0.2)
        self.fired_after = time.monotonic() - begin
        eventually(lambda: alerts <= alertmanager.active(), limit, f"{alerts} are active in Alertmanager")
        # What is over within group_wait, Alertmanager tells nobody: neither that it fires nor that it is resolved.
        eventually(lambda: alerts <= stack.webhook.told_of("firing"), limit, f"{alerts} are notified")
        eventually(lambda: time.monotonic() - begin >= at_least, limit, "the outage has lasted")
        stack.cluster.start()
        begin = time.monotonic()
        eventually(lambda: not alerts & prometheus.firing(), limit, f"{alerts} are over in Prometheus")
        self.over_after = time.monotonic() - begin
        eventually(lambda: not alerts & alertmanager.active(), limit, f"{alerts} are over in Alertmanager")
        eventually(lambda: alerts <= stack.webhook.told_of("resolved"), limit, f"{alerts} are notified as resolved")

    def _read(self, server):
        """Of a key that is not in memory: 503. Again and again, since no rate sees a series' first value as a change."""
        self.read_statuses.add(server.get("/counters/asked-for-in-the-outage").status)
        return True
