"""Retry storms: every request is sent three times under its Idempotency-Key, over random connections and two instances that
are killed again and again. Every total is one application of every request, and an answer that is given again is the first."""

import json
import random
import threading
import time
from collections import Counter, defaultdict

from campaign import come_to_rest, verify
from lib import settings
from lib.http import JSON, Closed
from lib.metrics import scrape
from lib.waiting import equal_eventually

SENDS = 3
CLIENTS = 8
KEYS = 400
BLOCK = 60  # requests whose first sends are mixed


class Request:
    """One request of the storm: what it adds, and what it was answered."""

    def __init__(self, number, draw):
        items = [(f"k{draw.randrange(KEYS)}", draw.randint(-3, 9)) for _ in range(draw.choice((1, 1, 1, 1, 7)))]
        objects = [{"key": key, "value": value} for key, value in items]
        self.items = items
        self.body = json.dumps(objects if len(items) > 1 else objects[0]).encode()
        self.headers = [JSON, ("Idempotency-Key", f"storm-{number}-{draw.getrandbits(64):x}")]
        self.firsts, self.replays = [], []
        self.lock = threading.Lock()

    def take(self, response):
        """Notes an answer; 409 and 503 say that this attempt counted nothing."""
        assert response.status in (200, 202, 409, 503), response
        if response.status in (409, 503):
            return
        with self.lock:
            kind = self.firsts if response.header("idempotency-replayed") is None else self.replays
            kind.append((response.status, response.body))

    def acknowledged(self):
        return bool(self.firsts or self.replays)


class Client:
    """Sends requests to random instances over connections that it drops at random."""

    def __init__(self, servers, seed):
        self.servers, self.draw = servers, random.Random(seed)
        self.connections, self.statuses, self.error = {}, Counter(), None

    def send(self, request):
        number = self.draw.randrange(len(self.servers))
        try:
            if number not in self.connections:
                self.connections[number] = self.servers[number].connect(timeout=30)
            response = self.connections[number].request("POST", "/increment", request.body, request.headers)
        except (OSError, Closed, TypeError):  # TypeError: the instance has no port at this moment
            self.drop(number)
            self.statuses["unanswered"] += 1
            time.sleep(0.002)
            return
        self.statuses[response.status] += 1
        request.take(response)
        if self.draw.random() < 0.02:
            self.drop(number)

    def drop(self, number):
        connection = self.connections.pop(number, None)
        if connection is not None:
            connection.close()

    def run(self, requests):
        try:
            for request in requests:
                self.send(request)
        except BaseException as error:  # handed to the thread that joins
            self.error = error


def repeated(requests, draw):
    """Every request SENDS times: soon after each other or at once, and the last time with kills and flushes between."""
    order, last = [], requests[:]
    for at in range(0, len(requests), BLOCK):
        block = requests[at:at + BLOCK] * (SENDS - 1)
        draw.shuffle(block)
        order += block
    draw.shuffle(last)
    return order + last


def storm(clients, order, meanwhile):
    """Sends requests in this order; calls `meanwhile` again and again until that is done."""
    threads = [threading.Thread(target=client.run, args=(order[n::CLIENTS],)) for n, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
    for thread in threads:
        thread.join()
    for client in clients:
        if client.error:
            raise client.error


class Killer:
    """kill -9 of one instance or both after a while, and their start. On the main thread: who starts a process must outlive it."""

    def __init__(self, servers, seed):
        self.servers, self.draw, self.kills = servers, random.Random(seed), 0

    def __call__(self):
        time.sleep(self.draw.uniform(0.05, 0.5))
        victims = self.draw.sample(self.servers, self.draw.choice((1, 1, 2)))
        for victim in victims:
            victim.kill()
        self.kills += len(victims)
        for victim in victims:
            victim.start(wait="live")


def check_answers(requests, instances):
    """No instance counts a request twice, so there are no more first answers than instances; what is replayed is one of them,
    unless that one was lost on its way."""
    for request in requests:
        assert request.acknowledged(), request.headers
        assert len(request.firsts) <= instances, (request.headers, request.firsts)
        assert len(set(request.firsts + request.replays)) <= instances, (request.headers, request.firsts, request.replays)


def expected(requests):
    totals = defaultdict(int)
    for request in requests:
        for key, value in request.items:
            totals[key] += value
    return dict(totals)


def test_every_request_of_a_retry_storm_is_counted_once(start_server, postgres, figures):
    count = settings.count("STORM_REQUESTS", short=3000, long=10000)
    servers = [start_server("--sync-interval", "150ms", "--workers", "2", store=postgres) for _ in range(2)]
    draw = random.Random(count)
    requests = [Request(number, draw) for number in range(count)]
    clients = [Client(servers, seed) for seed in range(CLIENTS)]
    killer = Killer(servers, seed=count)
    storm(clients, repeated(requests, draw), killer)
    missing = sum(not request.acknowledged() for request in requests)
    for _ in range(100):
        if all(request.acknowledged() for request in requests):
            break
        storm(clients, [request for request in requests if not request.acknowledged()], lambda: time.sleep(0.01))
    check_answers(requests, len(servers))
    come_to_rest(servers)
    equal_eventually(postgres.totals, expected(requests), 20, "every total is one application of each request")
    for server in servers:
        assert scrape(server).value("simple_request_ledger_unsynced") == 0
        assert server.terminate() == 0, server.log()[-2000:]
        verify(server)
    assert postgres.totals() == expected(requests)
    replays = sum(len(request.replays) for request in requests)
    twice = sum(len(request.firsts) > 1 for request in requests)
    statuses = sum((client.statuses for client in clients), Counter())
    assert killer.kills >= 3 and replays > count // 2 and twice > 0 and statuses["unanswered"] > 0, "no storm"
    figures(requests=count, sends=sum(statuses.values()), kills=killer.kills, replays=replays, conflicts=statuses[409],
            unanswered=statuses["unanswered"], never_answered_in_the_storm=missing, counted_by_both=twice,
            lost=0, doubled=0)
