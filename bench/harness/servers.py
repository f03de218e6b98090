"""The contestants' servers: one table, one way to start, to ask and to stop them."""

import os
import re
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import Process, free_port

KEY = "bench-key-0000000000"  # the hot key of bench/load
FIRST_VALUE = 10_000_000  # counted before all else, so that replies have one size throughout

POSTGRES_SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}
POSTGRES_SHOWN = " ".join(["postgres", *(f"-c {name}={value}" for name, value in POSTGRES_SETTINGS.items())])

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


def ours(name, durability, workers=1, more=""):
    arguments = f"--listen 127.0.0.1 --port 0 --data-dir DIR/data --workers {workers} --log-level warn --durability {durability}"
    return Server(f"ours-{name}", "simple-request", (*arguments.split(), *more.split()), "http")


def redis(appendfsync):
    plain = "--port PORT --bind 127.0.0.1 --dir DIR --daemonize no --appendonly yes --auto-aof-rewrite-percentage 0"
    arguments = (*plain.split(), "--save", "", "--appendfsync", appendfsync)
    return Server(f"redis-{appendfsync}", "redis-server", arguments, "redis", "Ready to accept connections")


SERVERS = {
    server.name: server
    for server in (
        Server("floor", "bench/floor", ("0", "1", "REPLY"), "http", counts=False),
        Server("floor-2-threads", "bench/floor", ("0", "2", "REPLY"), "http", counts=False),
        ours("none", "none"),
        ours("write", "write"),
        ours("fsync", "fsync"),
        ours("keys", "none", more="--sync-interval 1h --memory-limit 8GiB"),
        ours("1-worker", "write", 1),
        ours("2-workers", "write", 2),
        redis("no"),
        redis("everysec"),
        redis("always"),
        Server("redis-memory", "redis-server", ("--port", "PORT", "--bind", "127.0.0.1", "--dir", "DIR", "--save", ""),
               "redis", "Ready to accept connections"),
        Server("nginx-lua", "nginx", ("-p", "DIR", "-c", "DIR/nginx.conf"), "http", r'using the "epoll" event method'),
        Server("postgresql", "pgbench", (), "postgresql"),
    )
}


def find_program(name, build):
    """One of ours in the build directory, else one of the system's; None where there is none."""
    built = build / name
    return str(built) if built.is_file() else shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


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

    @property
    def name(self):
        return self.server.name

    @property
    def counts(self):
        return self.server.counts

    @property
    def protocol(self):
        return self.server.protocol

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


def write_nginx_conf(directory, port):
    """bench/nginx.conf with its places filled in."""
    modules = next((path for path in ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules") if Path(path).is_dir()), "modules")
    text = (Path(__file__).resolve().parents[1] / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("PORT, DIR and\n# MODULES", "These").replace("MODULES", modules)
    (directory / "nginx.conf").write_text(text.replace("PORT", str(port)).replace("DIR", str(directory)), encoding="utf-8")


def start(server, build, data_root, cpu=None, reply=None, wrapper=(), directory=None, program=None):
    """Starts a server with a new directory under data_root, or one that is there. reply: what the floor is to answer;
    program: another one than the server's own."""
    directory = directory or Path(tempfile.mkdtemp(prefix=f"bench-{server.name}-", dir=data_root))
    reply_path = directory / "reply"
    if reply is not None:
        reply_path.write_bytes(reply)
    wanted_port = free_port() if "PORT" in server.arguments or server.program == "nginx" else None
    if server.program == "nginx":
        write_nginx_conf(directory, wanted_port)
    replace = {"PORT": str(wanted_port), "REPLY": str(reply_path) if reply is not None else None}
    arguments = [replace.get(word, word.replace("DIR", str(directory))) for word in server.arguments]
    command = [*wrapper, program or find_program(server.program, build), *(word for word in arguments if word is not None)]
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
    if server.protocol == "postgresql":
        return f"taskset -c {cpu} {POSTGRES_SHOWN}"
    program = server.program if server.program in ("redis-server", "nginx") else f"build/{server.program}"
    words = [word or '""' for word in server.arguments]
    prefix = [] if cpu is None else ["taskset", "-c", str(cpu)]
    return " ".join([*prefix, program, *words])
