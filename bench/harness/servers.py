"""The contestants' servers: one table, one way to start, to ask and to stop them."""

import re
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import Process, free_port

KEY = "bench-key-0000000000"  # the hot key of bench/load
FIRST_VALUE = 10_000_000  # counted before all else, so that replies have one size throughout

URL_LINE = r"url\s+http://127\.0\.0\.1:(\d+)"


@dataclass(frozen=True)
class Server:
    """A program and how it is started; PORT, DIR and REPLY in its arguments are filled in at the start."""

    name: str
    program: str
    arguments: tuple
    protocol: str  # "http" or "redis"
    ready: str = URL_LINE
    counts: bool = True  # its totals can be asked for


def ours(durability):
    arguments = "--listen 127.0.0.1 --port 0 --data-dir DIR/data --workers 1 --log-level warn --durability"
    return Server(f"ours-{durability}", "simple-request", (*arguments.split(), durability), "http")


def redis(appendfsync):
    plain = "--port PORT --bind 127.0.0.1 --dir DIR --daemonize no --appendonly yes --auto-aof-rewrite-percentage 0"
    arguments = (*plain.split(), "--save", "", "--appendfsync", appendfsync)
    return Server(f"redis-{appendfsync}", "redis-server", arguments, "redis", "Ready to accept connections")


SERVERS = {
    server.name: server
    for server in (
        Server("floor", "bench/floor", ("0", "REPLY"), "http", counts=False),
        ours("none"),
        ours("write"),
        ours("fsync"),
        redis("no"),
        redis("everysec"),
        redis("always"),
    )
}


def find_program(name, build):
    """One of ours in the build directory, else one of the system's; None where there is none."""
    built = build / name
    return str(built) if built.is_file() else shutil.which(name)


def http_exchange(port, value):
    """Sends one increment of KEY and returns the reply's bytes."""
    body = b'{"key":"%s","value":%d}' % (KEY.encode(), value)
    head = b"POST /increment HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(head % (port, len(body)) + body)
        reply = b""
        while not complete(reply):
            got = connection.recv(65536)
            if not got:
                raise ConnectionError("closed within a reply")
            reply += got
    return reply


def complete(reply):
    head, end, body = reply.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and len(body) >= int(length.group(1) if length else 0)


def redis_exchange(port, value):
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"INCRBY %s %d\r\n" % (KEY.encode(), value))
        return connection.makefile("rb").readline()


@dataclass
class Running:
    """A started server with its own directory of data."""

    server: Server
    process: Process
    directory: Path
    port: int
    acknowledged: int = field(default=0)

    def count(self, value):
        """Adds to the hot key; returns (its total, the reply's bytes)."""
        reply = (http_exchange if self.server.protocol == "http" else redis_exchange)(self.port, value)
        total = re.search(rb'"value":(-?\d+)|^:(-?\d+)', reply)
        if not total:
            raise RuntimeError(f"{self.server.name} answered {reply!r}")
        self.acknowledged += value
        return int(total.group(1) or total.group(2)), reply

    def stop(self):
        code = self.process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        return code


def start(server, build, data_root, cpu=None, reply=None, wrapper=()):
    """Starts a server with a new directory under data_root. reply: what the floor is to answer."""
    directory = Path(tempfile.mkdtemp(prefix=f"bench-{server.name}-", dir=data_root))
    reply_path = directory / "reply"
    if reply is not None:
        reply_path.write_bytes(reply)
    wanted_port = free_port() if "PORT" in server.arguments else None
    replace = {"PORT": str(wanted_port), "REPLY": str(reply_path) if reply is not None else None}
    arguments = [replace.get(word, word.replace("DIR", str(directory))) for word in server.arguments]
    command = [*wrapper, find_program(server.program, build), *(word for word in arguments if word is not None)]
    process = Process(server.name, [word.replace("DIR", str(directory)) for word in command], directory, cpu)
    try:
        ready = process.wait_for(server.ready)
    except BaseException:
        process.stop()
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return Running(server, process, directory, wanted_port or int(ready.group(1)))


def command_line(server, cpu):
    """How the server was started, for people: without this machine's paths."""
    program = server.program if server.program == "redis-server" else f"build/{server.program}"
    words = [word or '""' for word in server.arguments]
    prefix = [] if cpu is None else ["taskset", "-c", str(cpu)]
    return " ".join([*prefix, program, *words])
