"""A data directory copied to a second machine: one of the two is stopped and says so, nothing is counted twice."""

import json
import re
import shutil
import subprocess
from collections import Counter
from itertools import islice

import pytest

from campaign import come_to_rest
from lib import settings
from lib.load import Load, keys_at_random
from lib.metrics import scrape
from lib.store import PostgresStore
from lib.waiting import eventually

KEYS = [f"key{n}" for n in range(100)]
LOAD = 3000  # increments of a load
OPTIONS = ("--sync-interval", "50ms")


def copy_of(make_server, server, name, **more):
    """The same directory on "another machine"."""
    target = server.directory.parent / name
    while subprocess.run(["cp", "-a", server.data_dir, target], stderr=subprocess.DEVNULL).returncode != 0:
        shutil.rmtree(target)  # a file was retired under its hands
    return make_server(*OPTIONS, store=server.store, data_dir=target, **more)


def load(server, seed):
    return Load(server.address, islice(keys_at_random(KEYS, seed=seed), LOAD), connections=8, depth=8)


def sums_of(*seeds):
    """What these loads add up to."""
    sums = Counter()
    for seed in seeds:
        for key, value in islice(keys_at_random(KEYS, seed=seed), LOAD):
            sums[key] += value
    return dict(sums)


def stopped(server):
    """Readiness says that flushing has stopped, and why."""
    response = server.get("/readyz")
    return response.status == 503 and "copied" in response.message()


def await_one_stopped(*servers):
    """Exactly one of them goes on flushing: (winner, loser)."""
    eventually(lambda: any(map(stopped, servers)), 15, "one is stopped by the fence")
    loser, = [server for server in servers if stopped(server)]
    winner, = [server for server in servers if server is not loser]
    events = [event for event in loser.events() if event["event_name"] == "sync.stopped"]
    assert events and all("copied" in event["body"] and "stop one of the two" in event["body"] for event in events)
    assert loser.get("/livez").status == 200 and winner.get("/readyz").status == 200
    return winner, loser


def end(*servers):
    for server in servers:
        assert server.terminate() == 0, server.log()[-2000:]


def test_copied_while_stopped_the_second_to_start_is_stopped(start_server, make_server, postgres):
    first = start_server(*OPTIONS, store=postgres)
    load(first, 1).run()
    assert first.terminate() == 0
    second = copy_of(make_server, first, "copy")
    first.start()
    second.start(wait="listening")
    winner, loser = await_one_stopped(first, second)
    assert winner is first, "the claim refuses the copy"
    for seed, server in ((2, winner), (3, loser)):
        assert load(server, seed).run().refused == {}
    come_to_rest([winner])
    assert postgres.totals() == sums_of(1, 2), "nothing of the loser"
    end(winner, loser)
    assert postgres.totals() == sums_of(1, 2)
    assert own_counts(loser) == sums_of(3), "the way out that OPERATIONS.md names"


def own_counts(loser):
    """What only the loser counted: salvaged from the epoch on that the reason of its stop named."""
    event, = [event for event in loser.events() if event["event_name"] == "sync.stopped"]
    first = int(re.search(r"in epochs from (\d+) on", event["body"])[1])
    done = loser.command_output("journal", "salvage")
    assert done.returncode == 0 and "belongs to another copy" in done.stderr, done.stderr
    sums = Counter()
    for change in map(json.loads, done.stdout.splitlines()):
        if change["epoch"] >= first:
            assert change["kind"] == "add"
            sums[change["key"]] += change["value"]
    return dict(sums)


def test_copied_while_running_the_first_is_stopped_and_nothing_is_counted_twice(start_server, make_server, postgres, figures):
    count = settings.count("COPIES", short=4, long=100)
    first, sums = start_server(*OPTIONS, store=postgres), Counter()
    for cycle in range(count):
        assert load(first, 2 * cycle).run().refused == {}
        sums.update(sums_of(2 * cycle))
        come_to_rest([first])
        second = copy_of(make_server, first, f"copy{cycle}")
        second.start(wait="listening")
        winner, loser = await_one_stopped(first, second)
        assert winner is second, "the later claim wins"
        for server, seed in ((loser, 2 * cycle), (winner, 2 * cycle + 1)):
            assert load(server, seed).run().refused == {}
        sums.update(sums_of(2 * cycle + 1))
        come_to_rest([winner])
        assert postgres.totals() == dict(sums), f"cycle {cycle}: all of the winner, nothing of the loser"
        assert loser.terminate() == 0
        first = winner
    assert first.terminate() == 0
    figures(copies=count, stopped=count, lost=0, doubled=0)


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_copied_while_the_database_is_away_one_of_the_two_is_stopped(start_server, make_server, own_cluster, restarted):
    """A claim that was never answered is in both directories: it must not be both machines' claim."""
    own_cluster.start()
    store = PostgresStore(own_cluster)
    first = start_server(*OPTIONS, store=store)
    load(first, 1).run()
    own_cluster.stop()
    if restarted:
        first.kill()
        first.start(wait="live")
    eventually(lambda: scrape(first).sum("simple_request_claims_total", result="failed") > 0, 20, "a claim went unanswered")
    second = copy_of(make_server, first, "copy")
    second.start(wait="live")
    eventually(lambda: scrape(second).sum("simple_request_claims_total", result="failed") > 0, 20, "and the copy's")
    for seed, server in ((2, first), (3, second)):
        assert load(server, seed).run().refused == {}
    own_cluster.start()
    winner, loser = await_one_stopped(first, second)
    come_to_rest([winner])
    assert store.totals() == sums_of(1, 2 if winner is first else 3), "all of the winner, nothing of the loser"
    end(winner, loser)
