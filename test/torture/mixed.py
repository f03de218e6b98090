"""A client of everything that changes a counter but single increments, and books that say what must hold after a crash:
a batch is in whole or not at all, no acknowledged PUT or DELETE is undone, a request with an Idempotency-Key counts once.

Each kind has keys of its own, so that what may be there is known exactly. `wrong` compares, `settle` takes over what is there
once it has been compared: after a recovery nothing is under way any more."""

import contextlib
import json
import random
import socket
import threading
from collections import Counter, namedtuple

from lib.http import JSON, Closed, counter_target, increment_bytes, request_bytes
from lib.ledger import Ledger
from lib.waiting import eventually

DEPTH = 4  # requests that a connection has under way
CONNECTIONS = 4  # of each kind
GROUPS, GROUP_SIZE = 6, 5
SET_KEYS = 2 * DEPTH  # of each connection
TOKEN_KEYS = 20
OLD = 20  # answered requests that are repeated after each recovery: of the newest, and of all

KINDS_OF_CHANGE = ("batch", "set", "token")

Asked = namedtuple("Asked", "data take")  # a request's bytes; what to do with its answer: it tells whether it counted


def increments_body(items):
    return json.dumps([{"key": key, "value": value} for key, value in items]).encode()


class Batches:
    """Groups of keys: a batch adds the same to each key of one group, so that a group's totals are equal between batches."""

    kind = "batch"

    def __init__(self, name):
        names = [f"{name}-batch{n}".ljust(400 * (n % 2), "b") for n in range(GROUPS)]
        self.groups = {group: [f"{group}-{n}" for n in range(GROUP_SIZE)] for group in names}
        self.keys = [key for keys in self.groups.values() for key in keys]
        self.ledger, self.lock = Ledger(), threading.Lock()

    def ask(self, draw):
        group, value = draw.choice(list(self.groups)), draw.randint(1, 5)
        with self.lock:
            self.ledger.unanswered[group] += value
        body = increments_body((key, value) for key in self.groups[group])
        return Asked(request_bytes("POST", "/increment", body, [JSON]), lambda response: self.take(group, value, response))

    def take(self, group, value, response):
        assert response.status in (200, 202, 503), response
        with self.lock:
            self.ledger.unanswered[group] -= value
            if response.status == 503:
                return False
            self.ledger.acknowledged[group] += value
            known = [item["value"] for item in response.json()["data"] if item["value"] is not None]
            self.ledger.highest[group] = max([self.ledger.highest.get(group, 0), *known])
        return True

    def wrong(self, totals):
        found = []
        for group, keys in self.groups.items():
            seen = [totals.get(key, 0) for key in keys]
            least = max(self.ledger.acknowledged[group], self.ledger.highest.get(group, 0))
            most = self.ledger.acknowledged[group] + self.ledger.unanswered[group]
            if len(set(seen)) > 1:
                found.append(f"{group}: a batch is torn: {seen}")
            elif not least <= seen[0] <= most:
                found.append(f"{group}: at least {least}, at most {most}, there {seen[0]}")
        return found

    def settle(self, totals):
        self.ledger.settle({group: totals.get(keys[0], 0) for group, keys in self.groups.items()})


class Sets:
    """Keys that one connection alone sets, deletes and increments: a key is what its last answer said, or what was under way."""

    kind = "set"

    def __init__(self, name):
        self.states = {f"{name}-set{n}": [None] for n in range(SET_KEYS)}  # the known state, and one that is under way
        self.keys = list(self.states)
        self.serial = 0

    def ask(self, draw):
        key = draw.choice([key for key, states in self.states.items() if len(states) == 1])
        how = draw.choice(("PUT", "PUT", "DELETE", "POST"))
        self.serial += 1000  # no value is set twice
        if how == "PUT":
            data, state = request_bytes("PUT", counter_target(key), b'{"value":%d}' % self.serial, [JSON]), self.serial
        elif how == "DELETE":
            data, state = request_bytes("DELETE", counter_target(key)), None
        else:
            value = draw.randint(1, 9)
            data, state = increment_bytes(key, value), (self.states[key][0] or 0) + value
        self.states[key].append(state)
        return Asked(data, lambda response: self.take(key, how, response))

    def take(self, key, how, response):
        state = self.states[key].pop()
        if response.status == 503:
            return False
        if how == "DELETE":
            assert response.status == 204, response
        else:
            told = [state] if response.status == 200 else [None]  # 202: counted, total not known
            assert response.status == 200 or (how, response.status) == ("POST", 202), response
            assert [response.json()["data"]["value"]] == told, f"{key}: {state} expected: {response}"
        self.states[key] = [state]
        return True

    def wrong(self, totals):
        return [f"{key}: acknowledged {states[0]}, under way {states[1:]}, there {totals.get(key)}"
                for key, states in self.states.items() if totals.get(key) not in states]

    def settle(self, totals):
        self.states = {key: [totals.get(key)] for key in self.states}


class Request:
    """One request under an Idempotency-Key: a single increment or a batch, and the first answer that came."""

    def __init__(self, token, items):
        self.token, self.items, self.answer = token, items, None
        self.data = request_bytes("POST", "/increment", increments_body(items), [JSON, ("Idempotency-Key", token)])


class Tokens:
    """Requests each under a key of its own; whatever has no answer when the service dies is repeated until it has one."""

    kind = "token"

    def __init__(self, name):
        self.name, self.serial, self.lock = name, 0, threading.Lock()
        self.keys = [f"{name}-token{n}" for n in range(TOKEN_KEYS)]
        self.open, self.done = {}, []
        self.counted = Counter()  # what all requests add up to that were answered
        self.figures = Counter()

    def ask(self, draw):
        keys = draw.sample(self.keys, draw.choice((1, 1, 3)))
        with self.lock:
            self.serial += 1
            request = Request(f"{self.name}-{self.serial}", [(key, draw.randint(1, 5)) for key in keys])
            self.open[request.token] = request
        return Asked(request.data, lambda response: self.take(request, response))

    def take(self, request, response):
        if response.status in (409, 503):  # this attempt counted nothing
            return False
        assert response.status in (200, 202), response
        answer, replayed = (response.status, response.body), response.header("idempotency-replayed") == "true"
        with self.lock:
            self.figures["answered_again"] += replayed
            if request.answer is None:
                self.figures["counted_and_never_answered"] += replayed
                request.answer = answer
                self.counted.update(dict(request.items))
                self.done.append(self.open.pop(request.token))
            else:
                assert replayed and answer == request.answer, f"{request.token}: first {request.answer}, then {response}"
        return True

    def repeat(self, server, draw):
        """Everything without an answer, and some of what was answered; then all of it once more."""
        old = self.done[-OLD:] + draw.sample(self.done, min(OLD, len(self.done)))
        again = [*self.open.values(), *dict.fromkeys(old)]
        with server.connect(timeout=30) as connection:
            for request in again * 2:
                eventually(lambda: self.send(connection, request), 20, f"{request.token} is answered")

    def send(self, connection, request):
        connection.send(request.data)
        return self.take(request, connection.read_response())

    def wrong(self, totals):
        under_way = Counter()
        for request in self.open.values():
            under_way.update(dict(request.items))
        return [f"{key}: answered {self.counted[key]}, under way {under_way[key]}, there {totals.get(key, 0)}"
                for key in self.keys
                if not self.counted[key] <= totals.get(key, 0) <= self.counted[key] + under_way[key]]

    def settle(self, totals):
        """Which of the requests under way have counted is told by `repeat` alone."""


class Line:
    """One connection: sends a few requests at once, reads their answers, and goes on until the service is gone."""

    def __init__(self, server, book, draw):
        self.connection, self.book, self.draw = server.connect(timeout=30), book, draw
        self.acknowledged, self.unanswered = 0, 0
        self.stopping, self.error = False, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping:
                self.turn()
        except (Closed, ConnectionError):
            pass
        except BaseException as error:  # handed to the thread that joins
            self.error = error

    def turn(self):
        asked = [self.book.ask(self.draw) for _ in range(DEPTH)]
        self.unanswered += len(asked)
        self.connection.send(b"".join(one.data for one in asked))
        for one in asked:
            self.acknowledged += one.take(self.connection.read_response())
            self.unanswered -= 1

    def end(self):
        """Reads what has arrived, and waits for nothing else."""
        self.stopping = True
        with contextlib.suppress(OSError):  # reset already
            self.connection.socket.shutdown(socket.SHUT_RD)
        self.thread.join()
        self.connection.close()
        if self.error:
            raise self.error


class Running:
    """Lines at work. Their end tells per kind how many requests were acknowledged and how many have no answer."""

    def __init__(self, lines):
        self.lines = lines

    def counts(self):
        """Requests acknowledged so far, by kind."""
        counts = Counter()
        for line in self.lines:
            counts[line.book.kind] += line.acknowledged
        return counts

    def abandon(self):
        """For a service that is frozen or dead: the answers that it sent before are taken, no others."""
        for line in self.lines:
            line.end()
        self.acknowledged, self.unanswered = self.counts(), Counter()
        for line in self.lines:
            self.unanswered[line.book.kind] += line.unanswered
        return self

    stop = abandon

    def add(self, other):
        """Takes in the figures of another load."""
        self.acknowledged.update(other.acknowledged)
        self.unanswered.update(other.unanswered)


class Mixed:
    """The books of all kinds; where a campaign has a Ledger it may have these instead. name: begins every key; before: empty books
    go on with the figures of these."""

    def __init__(self, name="mixed", before=None):
        self.tokens, batches = Tokens(name), Batches(name)
        sets = [Sets(f"{name}-{n}") for n in range(CONNECTIONS)]
        self.books = [batches, *sets, self.tokens]
        self.lines = [batches] * CONNECTIONS + sets + [self.tokens] * CONNECTIONS
        self.keys = [key for book in self.books for key in book.keys]
        self.acknowledged = before.acknowledged if before else Counter()
        self.unanswered = before.unanswered if before else Counter()
        self.tokens.figures = before.tokens.figures if before else Counter()

    def start(self, server, seed):
        return Running([Line(server, book, random.Random(seed * 100 + n)) for n, book in enumerate(self.lines)])

    def add(self, seen):
        self.acknowledged.update(seen.acknowledged)
        self.unanswered.update(seen.unanswered)

    def wrong(self, totals):
        """What does not hold, by kind."""
        found = {}
        for book in self.books:
            if lines := book.wrong(totals):
                found.setdefault(book.kind, []).extend(lines)
        return found

    def settle(self, totals):
        found = self.wrong(totals)
        assert not found, f"keys wrong: { {kind: (len(lines), lines[:5]) for kind, lines in found.items()} }"
        for book in self.books:
            book.settle(totals)

    def tell(self, figures, count):
        """A campaign's figures; one that met nothing is none."""
        for kind in KINDS_OF_CHANGE:
            assert self.acknowledged[kind] > count and self.unanswered[kind], f"no {kind} met the end of a life"
        assert self.tokens.figures["answered_again"] > count
        figures(cycles=count, acknowledged=dict(self.acknowledged), unanswered=dict(self.unanswered),
                **self.tokens.figures, lost=0, doubled=0)

    def repeat(self, server, draw):
        """The requests under Idempotency-Keys again: from here on their totals are known exactly."""
        self.tokens.repeat(server, draw)
