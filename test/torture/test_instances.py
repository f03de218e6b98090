"""Several instances on one PostgreSQL: killed in turn, and all writing the same keys as fast as they flush."""

import random
import time

from campaign import come_to_rest, flushes, totals_over_http, verify
from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import equal_eventually, eventually

SHARED = [f"shared{n}" for n in range(2000)]
KEYS = SHARED[:200]


def loads(servers, keys, seed, **more):
    """Clients whose connections are spread over the instances."""
    return [Load(server.address, keys_at_random(keys, seed=seed + n), **more).start() for n, server in enumerate(servers)]


def stop_all(running, ledger):
    for one in running:
        ledger.add(one.stop())


def check_at_rest(servers, ledger, what):
    """Nothing is in flight and nothing unsynced: the table is all there is."""
    come_to_rest(servers)
    try:
        ledger.settle(servers[0].store.totals())
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from None


def check_ends(servers, ledger, keys):
    """Every instance names the sums of all, then stops with the table as it is."""
    for server in servers:
        equal_eventually(lambda: totals_over_http(server, keys), dict(ledger.acknowledged), 10, "sums by HTTP")
    for server in servers:
        assert server.terminate() == 0, server.log()[-2000:]
        verify(server)
    assert servers[0].store.totals() == dict(ledger.acknowledged)


def test_kills_of_three_instances_on_one_postgresql_lose_and_invent_nothing(start_server, postgres, figures):
    count = settings.count("INSTANCE_CYCLES", short=15, long=500)
    servers = [start_server("--sync-interval", "50ms", store=postgres) for _ in range(3)]
    draw, ledger, acknowledged, unanswered = random.Random(count), Ledger(), 0, 0
    for cycle in range(count):
        seen, victims = Ledger(), draw.sample(servers, draw.choice((1, 1, 1, 2, 3)))
        running = loads(servers, KEYS, seed=3 * cycle, connections=12, depth=8)
        for victim in victims:
            time.sleep(draw.uniform(0, 0.1))
            victim.kill()
        stop_all(running, seen)
        acknowledged += sum(seen.acknowledged.values())
        unanswered += sum(seen.unanswered.values())
        ledger.add(seen)
        for victim in victims:
            victim.start()
        check_at_rest(servers, ledger, f"cycle {cycle}")
    check_ends(servers, ledger, KEYS)
    assert acknowledged > 500 * count and unanswered, "no kill met a request"
    figures(cycles=count, acknowledged=acknowledged, unanswered=unanswered, lost=0, doubled=0)


def test_four_instances_flush_the_same_keys_without_a_deadlock(start_server, own_cluster, figures):
    count = settings.count("INSTANCE_FLUSHES", short=25, long=1000)  # of each instance
    own_cluster.start()
    store = PostgresStore(own_cluster)
    servers = [start_server("--sync-interval", "10ms", store=store) for _ in range(4)]
    ledger = Ledger()
    running = loads(servers, SHARED, seed=1, connections=4, depth=64)
    eventually(lambda: min(map(flushes, servers)) >= count, 60 + count, f"{count} flushes of each", interval=0.2)
    stop_all(running, ledger)
    assert set(ledger.statuses) == {200} and len(ledger.acknowledged) == len(SHARED), dict(ledger.statuses)
    check_at_rest(servers, ledger, "at the end")
    rows = sum(scrape(server).sum("simple_request_rows_total", result="applied") for server in servers)
    done = sum(map(flushes, servers))
    check_ends(servers, ledger, SHARED)
    log = own_cluster.log.read_text(encoding="utf-8", errors="replace")
    assert "deadlock detected" not in log, log[-2000:]
    figures(flushes=int(done), rows=int(rows), acknowledged=sum(ledger.acknowledged.values()), deadlocks=0)
