"""Rolling restarts behind one inherited listening socket: no request of any client fails."""

import random
import select
import threading
import time

import pytest

from campaign import verify
from lib import settings
from lib.http import Closed, Connection
from lib.ledger import Ledger
from lib.supervisor import Supervisor
from lib.waiting import eventually

KEYS = [f"key{n}" for n in range(50)]
KEPT, BRIEF = 8, 4  # clients of each kind


class Client(threading.Thread):
    """Increments one after the other, as a careful HTTP client would: on a connection that is kept until the server says
    close or ends it while nothing is asked, or on a new one each time. Whatever else happens is a failure."""

    def __init__(self, address, seed, keeps, pause):
        super().__init__(daemon=True)
        self.address, self.keeps, self.pause = address, keeps, pause
        self.draw, self.ledger, self.failures = random.Random(seed), Ledger(), []
        self.connection, self.connections, self.slowest = None, 0, 0.0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            key, begin = self.draw.choice(KEYS), time.monotonic()
            try:
                self.count(key, self.ask(key))
            except (Closed, OSError, AssertionError) as error:
                self.ledger.unanswered[key] += 1
                self.failures.append(f"{type(error).__name__}: {error}")
                self.drop()
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.stopping.wait(self.draw.uniform(0, self.pause))
        self.drop()

    def ask(self, key):
        if self.connection is not None and self.was_closed():
            self.drop()
        if self.connection is None:
            self.connection = Connection(self.address, timeout=30)
            self.connections += 1
        response = self.connection.increment(key, 1)
        if not self.keeps or response.header("connection") == "close":
            self.drop()
        return response

    def was_closed(self):
        """Nothing is asked, so whatever is to be read is the end."""
        return bool(select.select([self.connection.socket], [], [], 0)[0])

    def drop(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def count(self, key, response):
        self.ledger.statuses[response.status] += 1
        assert response.status in (200, 202), response
        self.ledger.acknowledged[key] += 1


def all_clients(address):
    """Kept connections in constant use and in use now and then, and a connection for each request."""
    kept = [Client(address, n, True, 0.002 if n % 2 else 0.1) for n in range(KEPT)]
    return kept + [Client(address, KEPT + n, False, 0.01) for n in range(BRIEF)]


@pytest.fixture
def supervisor(make_server, store):
    supervisor = Supervisor(make_server, "--sync-interval", "100ms", store=store)
    yield supervisor
    supervisor.close()


def requests(clients):
    return sum(sum(client.ledger.statuses.values()) for client in clients)


def await_requests(clients, number):
    """Every life serves."""
    seen = requests(clients)
    eventually(lambda: requests(clients) >= seen + number or any(c.failures for c in clients), 20, "requests are answered")


def test_no_request_fails_while_processes_are_replaced(supervisor, store, figures):
    count = settings.count("ROLLING_RESTARTS", short=6, long=100)  # with each store
    supervisor.start()
    clients = all_clients(supervisor.address)
    for client in clients:
        client.start()
    for cycle in range(count):
        await_requests(clients, 100)
        supervisor.roll(overlapping=cycle % 2 == 0)
        failures = [failure for client in clients for failure in client.failures]
        assert not failures, f"restart {cycle}: {len(failures)} failed: {failures[:3]}"
    await_requests(clients, 100)
    ledger = Ledger()
    for client in clients:
        client.stopping.set()
        client.join(30)
        assert not client.failures, client.failures[:3]
        ledger.add(client.ledger)
    assert supervisor.server.terminate() == 0
    assert store.totals() == dict(ledger.acknowledged)
    verify(supervisor.server)
    assert sum(client.connections for client in clients if client.keeps) >= KEPT * count // 2, "connections outlived restarts"
    figures(restarts=count, requests=requests(clients), unknown_totals=ledger.statuses[202], failed=0,
            slowest_ms=round(1000 * max(client.slowest for client in clients)))
