"""16 clients count, set, delete, read and send batches on a few keys while the server is killed again and again: on one
instance each key's history must be linearizable, crashes included."""

import random
import threading
import time
from collections import Counter, defaultdict

import pytest

from history import UNKNOWN, NotLinearizable, Operation, check
from lib import settings
from lib.http import JSON, Closed, counter_target
from lib.waiting import eventually

CLIENTS = 16
KEYS = [f"key{n}" for n in range(8)]
OPTIONS = ("--sync-interval", "30ms", "--workers", "4")


def ask(connection, kind, keys, values):
    """One request; its status and the totals that it told, in the order of the keys."""
    if kind == "add" and len(keys) > 1:
        body = ",".join('{"key":"%s","value":%d}' % item for item in zip(keys, values))
        response = connection.request("POST", "/increment", b"[%s]" % body.encode(), [JSON])
        return response.status, [item["value"] for item in response.json()["data"]]
    if kind == "add":
        response = connection.increment(keys[0], values[0])
    elif kind == "set":
        response = connection.set(keys[0], values[0])
    elif kind == "delete":
        response = connection.request("DELETE", counter_target(keys[0]))
        return response.status, [None]
    else:
        response = connection.request("GET", counter_target(keys[0]))
        if response.status == 404:
            return response.status, [None]
    return response.status, [response.json()["data"]["value"]]


def draw_request(draw):
    kind = draw.choices(["add", "batch", "set", "delete", "read"], [8, 2, 1, 1, 3])[0]
    keys = draw.sample(KEYS, 2) if kind == "batch" else [draw.choice(KEYS)]
    values = [draw.randrange(-1000, 1000) for _ in keys]
    return "add" if kind == "batch" else kind, keys, values


def client(server, draw, history, statuses):
    """Asks until the server is gone; what was asked last stays unanswered."""
    try:
        connection = server.connect()
    except OSError:
        return
    with connection:
        while True:
            kind, keys, values = draw_request(draw)
            asked = time.monotonic()
            operations = [Operation(kind, value, asked) for value in values]
            for key, operation in zip(keys, operations):
                history[key].append(operation)
            try:
                status, totals = ask(connection, kind, keys, values)
            except (Closed, OSError):
                return
            statuses[status] += 1
            now = time.monotonic()
            for operation, total in zip(operations, totals):
                operation.answer = UNKNOWN if status == 202 and total is None else total
                operation.answered = now


def one_life(server, seed, history, statuses):
    """Clients at work, then a kill: what they did not hear of happened before it or never."""
    counts = [Counter() for _ in range(CLIENTS)]
    threads = [threading.Thread(target=client, args=(server, random.Random(seed * CLIENTS + n), history, counts[n]))
               for n in range(CLIENTS)]
    least = random.Random(seed).randrange(100, 1500)
    for thread in threads:
        thread.start()
    eventually(lambda: sum(count.total() for count in counts) >= least, 30, f"{least} answers")
    server.kill()
    killed = time.monotonic()
    for thread in threads:
        thread.join()
    for key, operations in history.items():
        history[key] = [operation for operation in operations if operation.asked < killed]  # the others met nobody
        for operation in history[key]:
            operation.killed = killed
    for count in counts:
        statuses.update(count)


def lives(server, cycles, statuses):
    """Lives and what each leaves, checked key by key; the totals at the end and the number of operations."""
    states, number = {key: None for key in KEYS}, 0
    for cycle in range(cycles):
        history = defaultdict(list)
        one_life(server, cycle, history, statuses)
        server.start()
        for key in KEYS:
            asked = time.monotonic()
            total = server.total(key)
            history[key].append(Operation("read", 0, asked, time.monotonic(), total))
            number += len(history[key])
            assert check(history[key], states[key]) == {total}, key
            states[key] = total
    return states, number


def test_histories_with_kill_9_are_linearizable_per_key(start_server, store, figures):
    server, statuses = start_server(*OPTIONS, store=store), Counter()
    cycles = settings.count("HISTORY_CYCLES", short=6, long=300)
    states, number = lives(server, cycles, statuses)
    assert set(statuses) <= {200, 204, 404} and statuses[204] > cycles, statuses
    assert server.terminate() == 0
    assert store.totals() == {key: total for key, total in states.items() if total is not None}
    figures(cycles=cycles, operations=number, clients=CLIENTS)


def test_the_same_check_sees_what_a_service_loses_that_does_not_journal(start_server, sqlite):
    """The judge can fail: --durability none promises nothing across kill -9."""
    server = start_server("--durability", "none", "--sync-interval", "1h", store=sqlite)
    with pytest.raises(NotLinearizable):
        lives(server, 3, Counter())
