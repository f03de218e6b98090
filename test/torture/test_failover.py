"""Failover to a replica by several hosts in the URL: a synchronous one, asynchronous ones that lack flushes, one hidden
by PgBouncer, and one that lacks more than is kept."""

import random
import time

import pytest

from exact import finish, known, ones
from lib import settings
from lib.load import Load
from lib.metrics import scrape
from lib.pooler import Pooled, Pooler
from lib.standby import Pair
from lib.waiting import eventually

KEYS = [f"key{n}" for n in range(100)]
OPTIONS = ("--sync-interval", "50ms", "--database-timeout", "3s")
LACKED_MOST = 20


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.close()


@pytest.fixture
def pooler(pair):
    pooler = Pooler(pair.cluster)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.close()


def failovers():
    return settings.count("FAILOVERS", short=2, long=50)


def load(server, seed):
    return Load(server.address, ones(KEYS, random.Random(seed)), connections=4, pace=1000, keep_answers=True).start()


def applied(server):
    """The newest epoch whose COMMIT the server has seen."""
    return int(scrape(server).value("simple_request_epoch", which="applied"))


def replayed(server):
    return int(scrape(server).value("simple_request_flush_replayed_total"))


def flushes_go_on(pair, beyond):
    eventually(lambda: pair.epoch() > beyond, 30, "flushes go on behind what was there before")


def fail_over(server, pair, flushes):
    """Lets the standby miss some flushes, kills the primary, promotes. Returns how many it lacked."""
    pair.standby.hold_back()
    held = pair.epoch(pair.standby)
    eventually(lambda: pair.epoch() >= held + flushes, 30, f"{flushes} flushes")
    pair.cluster.stop("kill")
    newest, before = applied(server), replayed(server)
    assert pair.epoch(pair.standby) == held, "the standby was not held back"
    old = pair.promote()
    flushes_go_on(pair, newest)
    pair.forget(old)
    assert replayed(server) - before == newest - held, "what it lacked came from state files"
    return newest - held


def test_a_standby_that_lacks_flushes_is_given_them_from_state_files(start_server, pair, figures):
    server = start_server(*OPTIONS, store=pair)
    ledgers, lacked = [known(server, KEYS)], []
    running = load(server, failovers())
    for cycle in range(failovers()):
        pair.add_standby()
        lacked.append(fail_over(server, pair, 1 + cycle * 7 % LACKED_MOST))
    ledgers.append(running.stop())
    assert 1 <= min(lacked) and max(lacked) <= LACKED_MOST + 2, lacked
    number = finish(server, pair, *ledgers)
    figures(failovers=failovers(), lacked_least=min(lacked), lacked_most=max(lacked), acknowledged=number, lost=0,
            double=0)


def test_a_synchronous_replica_lacks_nothing(start_server, pair, figures):
    times = settings.count("SYNCHRONOUS_FAILOVERS", short=1, long=20)
    server = start_server(*OPTIONS, store=pair)
    ledgers = [known(server, KEYS)]
    running = load(server, times)
    for _ in range(times):
        pair.add_standby()
        pair.wait_for_standby_at_commit()
        before = pair.epoch()
        eventually(lambda: pair.epoch() > before + 2, 20, "synchronous flushes")
        pair.cluster.stop("kill")
        newest = applied(server)
        old = pair.promote()
        flushes_go_on(pair, newest)
        pair.forget(old)
    ledgers.append(running.stop())
    assert replayed(server) == 0 and "sync.fell_back" not in server.log()
    number = finish(server, pair, *ledgers)
    figures(failovers=times, acknowledged=number, lost=0, double=0)


def test_a_failover_that_a_pooler_hides_is_seen_by_the_fence(start_server, pair, pooler, figures):
    """The connection to PgBouncer stays: only the epoch in the writer's row tells."""
    times = settings.count("HIDDEN_FAILOVERS", short=1, long=20)
    server = start_server(*OPTIONS, store=Pooled(pair.cluster, pooler.port, pair.database))
    ledgers, lacked = [known(server, KEYS)], 0
    running = load(server, times)
    for cycle in range(times):
        pair.add_standby()
        pair.standby.hold_back()
        held = pair.epoch(pair.standby)
        eventually(lambda: pair.epoch() >= held + 1 + cycle % 5, 30, "flushes that the standby lacks")
        pooler.command("PAUSE")
        newest, before = applied(server), replayed(server)
        pair.cluster.stop("kill")
        old = pair.promote()
        pooler.lead_to(pair.cluster)
        pooler.command("RESUME")
        flushes_go_on(pair, newest)
        pair.forget(old)
        assert replayed(server) - before == newest - held
        lacked += newest - held
    ledgers.append(running.stop())
    assert server.log().count("sync.fell_back") == times
    troubles = [event["body"] for event in server.events() if event["event_name"] == "sync.store_down"]
    assert all("is not at epoch" in trouble for trouble in troubles), f"not hidden: {troubles}"
    number = finish(server, pair, *ledgers)
    figures(failovers=times, lacked=lacked, acknowledged=number, lost=0, double=0)


def test_a_standby_that_lacks_more_than_is_kept_stops_flushing_and_the_old_primary_is_the_way_out(
        start_server, pair):
    server = start_server(*OPTIONS, "--journal-retention", "0", store=pair)
    ledgers = [known(server, KEYS)]
    running = load(server, 1)
    pair.add_standby()
    pair.standby.hold_back()
    held = pair.epoch(pair.standby)
    eventually(lambda: pair.epoch() >= held + 4, 20, "more flushes than are kept")
    pair.cluster.stop("kill")
    kept = files(server)
    old = pair.promote()
    reason = eventually(lambda: not_ready(server), 20, "not ready")
    assert "fell back further than --journal-retention" in reason and "restore a newer database" in reason, reason
    assert pair.epoch() == held, "something was flushed"
    assert kept <= files(server), f"deleted: {kept - files(server)}"
    ledgers.append(running.stop())
    assert server.terminate() == 0, "what is journaled is kept, and the exit code says so"

    pair.cluster.stop("fast")
    pair.cluster = old
    old.start()
    server.start()
    ledgers.append(known(server, ["afterwards"]))
    finish(server, pair, *ledgers)


def not_ready(server):
    response = server.get("/readyz")
    return response.message() if response.status == 503 else None


def files(server):
    """State files; a raw file that is covered by one may be used again."""
    return {path.name for path in server.data_dir.iterdir() if path.name.startswith("state-")}
