"""A fast load client: keep-alive connections with pipelined increments, driven by one thread."""

import heapq
import random
import selectors
import socket
import threading
import time
from collections import deque
from itertools import count

from lib import settings
from lib.http import parse_head
from lib.ledger import Ledger

HEAD = b"POST /increment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
RETRY_AFTER = 0.05  # seconds until a refused request is repeated


def keys_at_random(keys, seed=1, values=(1, 1, 1, 2, 3, 5)):
    """Endless increments of the given keys."""
    draw = random.Random(seed)
    while True:
        yield draw.choice(keys), draw.choice(values)


class Load:
    """source yields (key, value) with plain ASCII keys. run() in this thread, or start() and stop()."""

    def __init__(self, address, source, connections=32, depth=16, pace=None, retry=False,
                 reconnect=False, keep_answers=False, keep_latencies=False):
        self.address, self.source = address, iter(source)
        self.connections, self.depth, self.pace = connections, depth, pace
        self.retry, self.reconnect = retry, reconnect
        self.keep_answers, self.keep_latencies = keep_answers, keep_latencies
        self.ledger = Ledger()
        self.exhausted = False
        self.error = None
        self._selector = selectors.DefaultSelector()
        self._lines, self._later, self._order = set(), [], count()
        self._stopping, self._abandoning = threading.Event(), threading.Event()
        self._heads, self._thread, self._begin = {}, None, 0.0

    def start(self):
        self._thread = threading.Thread(target=self._guarded, daemon=True)
        self._thread.start()
        return self

    def stop(self, timeout=30):
        """No new requests; waits for the outstanding answers; returns the ledger."""
        self._stopping.set()
        return self.join(timeout)

    def abandon(self):
        """For a server that is frozen: takes the answers that it sent before, and waits for no others."""
        self._abandoning.set()
        return self.stop()

    def join(self, timeout=30):
        self._thread.join(timeout * settings.TIME_SCALE)
        assert not self._thread.is_alive(), "the load does not end: answers outstanding"
        if self.error:
            raise self.error
        return self.ledger

    def _guarded(self):
        try:
            self.run()
        except BaseException as error:  # handed to the thread that joins
            self.error = error

    def run(self):
        self._begin = time.monotonic()
        for _ in range(self.connections):
            self._open()
        while self._lines:
            for line in [l for l in self._lines if not l.waiting]:
                self._refill(line)
            if self._finished():
                break
            for ready, _ in self._selector.select(0.005):
                self._serve(ready.data)
            if self._abandoning.is_set():
                self._read_what_is_there()
                break
        for line in list(self._lines):
            self._drop(line)
        self._selector.close()
        return self.ledger

    def _read_what_is_there(self):
        """Sends nothing more and reads until nothing has come for a moment."""
        for line in self._lines:
            line.out = b""
            self._selector.modify(line.sock, selectors.EVENT_READ, line)
        while ready := self._selector.select(0.005):
            for one, _ in ready:
                self._serve(one.data)

    def _finished(self):
        over = self._stopping.is_set() or (self.exhausted and not self._later)
        return over and not any(line.waiting for line in self._lines)

    def _open(self):
        try:
            sock = socket.create_connection(self.address, timeout=10)
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        line = _Line(sock)
        self._lines.add(line)
        self._selector.register(sock, selectors.EVENT_READ, line)

    def _drop(self, line):
        for key, value, _ in line.waiting:
            self.ledger.unanswered[key] += value
        self._lines.discard(line)
        self._selector.unregister(line.sock)
        line.sock.close()

    def _lost(self, line):
        self._drop(line)
        if self.reconnect and not self._stopping.is_set():
            self._open()

    def _budget(self):
        if self.pace is None:
            return self.depth
        return min(self.depth, int((time.monotonic() - self._begin) * self.pace) - self.ledger.sent)

    def _refill(self, line):
        """Composes the next batch of a connection whose answers are all in, and sends it."""
        room = 0 if self._stopping.is_set() else self._budget()
        parts, now = [], time.monotonic()
        while len(line.waiting) < room:
            item = self._next(now)
            if item is None:
                break
            key, value = item
            body = b'{"key":"%s","value":%d}' % (key.encode(), value)
            parts.append(b"%s%d\r\n\r\n%s" % (HEAD, len(body), body))
            line.waiting.append((key, value, now))
        if parts:
            self.ledger.sent += len(parts)
            line.out = b"".join(parts)
            self._send(line)

    def _next(self, now):
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        if self.exhausted:
            return None
        item = next(self.source, None)
        self.exhausted = item is None
        return item

    def _send(self, line):
        try:
            sent = line.sock.send(line.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            line.out = b""  # what was answered before is still read, then the close
            sent = 0
        line.out = line.out[sent:]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.out else 0)
        self._selector.modify(line.sock, events, line)

    def _serve(self, line):
        if line.out:
            self._send(line)
        try:
            data = line.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            return self._lost(line)
        if not data:
            return self._lost(line)
        line.buffer += data
        self._answers(line)

    def _answers(self, line):
        buffer, at, heads = bytes(line.buffer), 0, self._heads
        while True:
            end = buffer.find(b"\r\n\r\n", at)
            if end < 0:
                break
            head = buffer[at:end]
            known = heads.get(head)
            if known is None:
                known = self._learn(head)
            status, length = known
            if end + 4 + length > len(buffer):
                break
            at = end + 4 + length
            self._count(line, status, buffer[end + 4 : at])
        del line.buffer[:at]

    def _learn(self, head):
        status, _, fields = parse_head(head)
        if len(self._heads) > 100:
            self._heads.clear()
        self._heads[head] = known = (status, int(dict(fields).get("content-length", "0")))
        return known

    def _count(self, line, status, body):
        key, value, since = line.waiting.popleft()
        ledger = self.ledger
        ledger.statuses[status] += 1
        if status == 200:
            prefix = b'{"data":{"key":"%s","value":' % key.encode()
            assert body.startswith(prefix), f"answer to {key}: {body!r}"
            total = int(body[len(prefix) : -2])
            ledger.acknowledged[key] += value
            if total > ledger.highest.get(key, -(1 << 63)):
                ledger.highest[key] = total
            if self.keep_answers:
                ledger.answers.setdefault(key, []).append((line, total))
        elif status == 202:
            assert body == b'{"data":{"key":"%s","value":null}}' % key.encode(), body
            ledger.acknowledged[key] += value
            ledger.unknown += 1
        elif self.retry and status == 503:
            heapq.heappush(self._later, (time.monotonic() + RETRY_AFTER, next(self._order), (key, value)))
        else:
            ledger.refused[key] += value
        if self.keep_latencies:
            ledger.latencies.append(time.monotonic() - since)


class _Line:
    """One connection: what is sent and not answered, what is composed and not sent."""

    def __init__(self, sock):
        self.sock = sock
        self.waiting = deque()
        self.buffer = bytearray()
        self.out = b""
