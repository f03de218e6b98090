"""A TCP proxy before PostgreSQL that resets both connections at the n-th message of a transaction, in one direction.

withheld:  the message is not forwarded any more.
delivered: it is forwarded, then the connections are reset: the database may still do what it was told.

Messages of the two directions are counted apart, so that their numbers do not depend on timing. Of the rows of one
result the first two have numbers of their own, all others together have one: it is cut at a random one of them.
"""

import random
import select
import socket
import struct
import threading

from lib import settings

SIDES = ("client", "server")
WAYS = ("withheld", "delivered")
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
ROWS_COUNTED = 3  # first, second, all others
UNTIL_COMMIT = {"flush": b"update counter_writers set epoch", "claim": b"update counter_writers set owner"}


class Plan:
    """One cut to be made. kind: 'flush' or 'claim', from its BEGIN to the answer to its COMMIT, an attempt that is rolled
    back for a refused row included (a flush is cut before its BEGIN to bring a claim about); or 'connect', from a
    connection's first message to its first ReadyForQuery."""

    def __init__(self, kind, side, way, number, seed):
        self.kind, self.side, self.way, self.number = kind, side, way, number
        self.counts = dict.fromkeys(SIDES, 0)
        self.session = None
        self.result = None  # 'cut', 'passed' (untouched), 'ended' (by somebody else)
        self.done = threading.Event()
        self._rows, self._committing = 0, False
        self._draw, self._skip = random.Random(seed), 0

    def end(self, result):
        if self.result is None:
            self.result = result
            self.done.set()

    def opens(self, session, statements):
        """Whether this session's next messages are what the plan is about."""
        if self.session is None and not self.done.is_set():
            if statements is None:
                wanted = self.kind == "connect"
            else:
                wanted = self.kind in UNTIL_COMMIT and UNTIL_COMMIT[self.kind] in statements
            if wanted:
                self.session = session
        if self.session is session and statements is not None:
            self._committing = b"commit" in statements
        return self.session is session and not self.done.is_set()

    def provokes(self, statements):
        """Whether this flush must fail for the claim that is waited for."""
        waits = self.kind == "claim" and self.session is None and not self.done.is_set()
        return waits and statements is not None and UNTIL_COMMIT["flush"] in statements

    def cuts(self, side, message):
        """Counts a message of the session; True where the cut is here."""
        if side == "server":
            self._rows = self._rows + 1 if message[:1] == b"D" else 0
            if self._skip > 0:
                self._skip = self._skip - 1 if self._rows else 0
                return self._skip == 0
        if self._rows > ROWS_COUNTED and side == "server":
            return False
        self.counts[side] += 1
        if side != self.side or self.counts[side] != self.number:
            return False
        if side == "server" and self._rows == ROWS_COUNTED:
            self._skip = self._draw.randrange(2000)
        return self._skip == 0

    def ends_with(self, message):
        """Whether this message of the server is the last."""
        return message[:1] == b"Z" and (self.kind == "connect" or self._committing and message[5:6] == b"I")


class CutProxy:
    def __init__(self, upstream_port):
        self.upstream = ("127.0.0.1", upstream_port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.sessions = set()
        self.plan = Plan("none", "client", "withheld", 0, 0)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, kind, side, way, number, seed=0):
        assert side in SIDES and way in WAYS
        self.plan = Plan(kind, side, way, number, seed)
        return self.plan

    def wait(self, timeout=30):
        """Waits until the plan has been met; returns 'cut' or 'passed'."""
        plan = self.plan
        assert plan.done.wait(timeout * settings.TIME_SCALE), f"no {plan.kind} came to its end: {plan.counts}"
        return plan.result

    def sever(self):
        """Ends all connections in order."""
        with self.lock:
            for session in self.sessions:
                session.shut()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.sever()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return self.listener.close()
            try:
                server = socket.create_connection(self.upstream, timeout=10)
            except OSError:
                client.close()
                continue
            session = _Session(self, client, server)
            with self.lock:
                self.sessions.add(session)
            threading.Thread(target=session.run, daemon=True).start()


class _Cut(Exception):
    """The plan's cut was made."""


class _Session:
    """One thread for both directions, so that nobody else uses a descriptor when it is closed."""

    def __init__(self, proxy, client, server):
        self.proxy, self.sockets = proxy, {"client": client, "server": server}
        self.buffers = {side: bytearray() for side in SIDES}
        self.starting = True  # the client's messages have no type byte
        self.one_byte = False  # the server's next answer is one byte: no SSL, no GSS
        for side in (client, server):
            side.settimeout(None)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self):
        try:
            while self._pump():
                pass
        except (_Cut, OSError):
            pass
        with self.proxy.lock:
            self.proxy.sessions.discard(self)
            for side in self.sockets.values():
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                side.close()
        if self.proxy.plan.session is self:
            self.proxy.plan.end("ended")

    def shut(self):
        for side in self.sockets.values():
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # ended already

    def _pump(self):
        """Forwards what there is; False at the end of either side."""
        ready, _, _ = select.select(list(self.sockets.values()), [], [])
        for side in SIDES:
            if self.sockets[side] in ready:
                data = self.sockets[side].recv(1 << 16)
                if not data:
                    return False
                self.buffers[side] += data
                (self._from_client if side == "client" else self._from_server)()
        return True

    # ---- client to server ----

    def _from_client(self):
        while self.starting:
            message = self._take("client", typed=False)
            if message is None:
                return
            self.one_byte = struct.unpack("!I", message[4:8])[0] in (SSL_REQUEST, GSS_REQUEST)
            self.starting = self.one_byte
            self._forward("client", [message], None)
        while run := self._take_run():
            self._forward("client", run, b" ".join(_statement(message) for message in run))

    def _take_run(self):
        """Messages through the next Sync, Query or Terminate; None while it is not whole: so that what a transaction is
        about is known before its first message is forwarded."""
        buffer, at, bounds = self.buffers["client"], 0, [0]
        while len(buffer) >= at + 5:
            kind, at = buffer[at], at + 1 + struct.unpack("!I", buffer[at + 1 : at + 5])[0]
            if at > len(buffer):
                return None
            bounds.append(at)
            if kind in b"SQX":
                run = [bytes(buffer[begin:end]) for begin, end in zip(bounds, bounds[1:])]
                del buffer[:at]
                return run
        return None

    # ---- server to client ----

    def _from_server(self):
        messages = []
        while True:
            if self.one_byte and self.buffers["server"]:
                message, self.one_byte = bytes(self.buffers["server"][:1]), False
                del self.buffers["server"][:1]
            else:
                message = self._take("server")
            if message is None:
                break
            messages.append(message)
        if messages:
            self._forward("server", messages, b"" if not self.starting else None)

    def _take(self, side, typed=True):
        buffer, head = self.buffers[side], int(typed)
        if len(buffer) < head + 4:
            return None
        size = head + struct.unpack("!I", buffer[head : head + 4])[0]
        if len(buffer) < size:
            return None
        message = bytes(buffer[:size])
        del buffer[:size]
        return message

    # ---- both ----

    def _forward(self, side, messages, statements):
        to = self.sockets["server" if side == "client" else "client"]
        plan = self.proxy.plan
        if plan.provokes(statements):
            raise _Cut
        mine = plan.session is self and not plan.done.is_set() if side == "server" else plan.opens(self, statements)
        if not mine:
            to.sendall(b"".join(messages))
            return
        for at, message in enumerate(messages):
            if plan.cuts(side, message):
                to.sendall(b"".join(messages[: at + (plan.way == "delivered")]))
                plan.end("cut")
                raise _Cut
            if side == "server" and plan.ends_with(message):
                plan.end("passed")
                break
        to.sendall(b"".join(messages))


def _statement(message):
    """The SQL of a simple Query or of a Parse, lower-cased; empty for other messages."""
    if message[:1] == b"Q":
        return message[5:].rstrip(b"\0").strip().lower()
    if message[:1] == b"P":
        return message[5:].split(b"\0", 2)[1].strip().lower()
    return b""
