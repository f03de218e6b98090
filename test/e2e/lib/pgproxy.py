"""A TCP proxy before PostgreSQL that can cut a connection right before or right after a COMMIT.

before: the client's COMMIT is seen, is not forwarded, both sides are closed: the database rolls back.
after:  the COMMIT is forwarded, the server's tag COMMIT is read, is not forwarded, both sides are closed.
"""

import socket
import struct
import threading
import time

from lib import settings

STARTUP_LIKE = {80877103: "ssl", 80877104: "gss"}


class PgProxy:
    def __init__(self, upstream_port):
        self.upstream = ("127.0.0.1", upstream_port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.sessions = set()
        self.armed = None
        self.cuts = 0
        self.commits = 0
        self.refusing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, where, times=1, text=""):
        """Cuts the next `times` COMMITs of transactions in which a statement held `text`."""
        assert where in ("before", "after")
        with self.lock:
            self.armed = [where, times, text.lower().encode()]

    def wait_cuts(self, number, timeout=30):
        deadline = time.monotonic() + timeout * settings.TIME_SCALE
        while self.cuts < number:
            assert time.monotonic() < deadline, f"{self.cuts} of {number} cuts, {self.commits} commits"
            time.sleep(0.005)

    def refuse(self, refusing=True):
        """Closes what is open and every new connection at once, or lets them through again."""
        self.refusing = refusing
        if refusing:
            self.sever()

    def sever(self):
        for session in list(self.sessions):
            session.cut()

    def close(self):
        self.refusing = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.sever()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return self.listener.close()
            if self.refusing:
                client.close()
                continue
            try:
                _Session(self, client, socket.create_connection(self.upstream, timeout=10))
            except OSError:
                client.close()

    def _take(self, where, statements):
        """True if this COMMIT is to be cut `where`; uses up one of the armed times."""
        with self.lock:
            if not self.armed or self.armed[0] != where or self.armed[1] == 0:
                return False
            if not any(self.armed[2] in statement for statement in statements):
                return False
            self.armed[1] -= 1
            return True


class _Session:
    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        for side in (client, server):
            side.settimeout(None)
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.statements = []
        self.single_byte = False  # the server's next answer is one byte (SSL or GSS refused)
        self.cut_answer = False
        self.lock = threading.Lock()
        self.open, self.pumps = True, 2
        proxy.sessions.add(self)
        threading.Thread(target=self._run, args=(self._from_client,), daemon=True).start()
        threading.Thread(target=self._run, args=(self._from_server,), daemon=True).start()

    def _run(self, pump):
        try:
            pump()
        except OSError:
            pass
        self.cut()
        with self.lock:
            self.pumps -= 1
            if self.pumps == 0:
                self.client.close()
                self.server.close()

    def cut(self):
        """Ends both connections. Closing is left to the last pump: a descriptor that another thread
        still reads from must not be given to a new connection."""
        with self.lock:
            if self.open:
                self.open = False
                for side in (self.client, self.server):
                    _end(side)
        self.proxy.sessions.discard(self)

    def _from_client(self):
        reader = _Reader(self.client)
        while True:  # messages without a type byte, until the start-up itself
            message = reader.startup()
            kind = STARTUP_LIKE.get(struct.unpack("!I", message[4:8])[0])
            self.single_byte = kind is not None
            self.server.sendall(message)
            if not kind:
                break
        while True:
            message = reader.message()
            text = _statement(message)
            if text.startswith((b"begin", b"start transaction")):
                self.statements = []
            self.statements.append(text)
            if text.startswith((b"commit", b"end")):
                self.proxy.commits += 1
                if self.proxy._take("before", self.statements):
                    self.cut()
                    self.proxy.cuts += 1
                    return
                self.cut_answer = self.proxy._take("after", self.statements)
                self.statements = []
            self.server.sendall(message)

    def _from_server(self):
        reader = _Reader(self.server)
        while True:
            if self.single_byte:
                self.single_byte = False
                self.client.sendall(reader.bytes(1))
                continue
            if reader.need(1) and self.single_byte:
                continue
            message = reader.message()
            if self.cut_answer and message[:1] == b"C" and message[5:] == b"COMMIT\0":
                self.cut()
                self.proxy.cuts += 1
                return
            self.client.sendall(message)


def _end(side):
    try:
        side.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other end was faster


def _statement(message):
    """The SQL of a simple Query or of a Parse, lower-cased; empty for other messages."""
    body = message[5:]
    if message[:1] == b"Q":
        return body.rstrip(b"\0").strip().lower()
    if message[:1] == b"P":
        return body.split(b"\0", 2)[1].strip().lower()
    return b""


class _Reader:
    def __init__(self, source):
        self.source, self.buffer = source, bytearray()

    def need(self, size):
        while len(self.buffer) < size:
            data = self.source.recv(1 << 16)
            if not data:
                raise OSError("closed")
            self.buffer += data
        return True

    def bytes(self, size):
        self.need(size)
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def startup(self):
        self.need(4)
        return self.bytes(struct.unpack("!I", self.buffer[:4])[0])

    def message(self):
        self.need(5)
        return self.bytes(1 + struct.unpack("!I", self.buffer[1:5])[0])
