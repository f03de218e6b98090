"""A private PostgreSQL cluster: own data directory, loopback TCP on a free port, trust, fsync on."""

import atexit
import contextlib
import glob
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2

from lib import child, settings

USER = "e2e"


def bindir():
    """The newest installed major; PG_BINDIR names another one."""
    if "PG_BINDIR" in os.environ:
        return Path(os.environ["PG_BINDIR"])
    found = [Path(p).parent for p in glob.glob("/usr/lib/postgresql/*/bin/initdb")]
    if found:
        return max(found, key=lambda p: float(p.parent.name))
    out = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
    return Path(out.stdout.strip())


def free_port():
    """Below those that the system gives to clients: one of theirs could take it while a server is away."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _identity():
    """Popen arguments that drop root, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Cluster:
    """start and stop may be called many times; close removes everything."""

    template = None  # a data directory as initdb leaves it, made once

    def __init__(self, port=None):
        self.port = port or free_port()
        self.home = Path(tempfile.mkdtemp(prefix="simple-request-pg-"))
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.process = None
        self.frozen = []
        self._drop = _identity()
        if self._drop:
            os.chown(self.home, self._drop["user"], self._drop["group"])
        self._databases = 0
        self._spare = []
        self._make_data()
        self._configure(
            f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
            "max_connections = 60\nshared_buffers = 32MB\nfsync = on\nlog_line_prefix = '%m [%p] '\n"
        )

    def _make_data(self):
        if Cluster.template is None:
            Cluster.template = self._initdb()
        self._command("cp", "-r", Cluster.template, self.data)

    def _configure(self, lines):
        """What is written later wins."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(lines)

    def _initdb(self):
        path = Path(tempfile.mkdtemp(prefix="simple-request-pg-template-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        if self._drop:
            os.chown(path, self._drop["user"], self._drop["group"])
        self._command(bindir() / "initdb", "-D", path / "data", "-U", USER, "-A", "trust", "-N",
                      "-E", "UTF8", "--locale=C.UTF-8")
        return path / "data"

    def _command(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.home, **self._drop)
        assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"

    def start(self):
        """Starts and waits until it takes connections."""
        assert self.process is None
        deadline = time.monotonic() + 60 * settings.TIME_SCALE
        while True:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [bindir() / "postgres", "-D", self.data],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
                    preexec_fn=lambda: child.end_with_parent(signal.SIGQUIT), **self._drop,
                )
            if self._wait_ready(deadline):
                return
            # After a kill the old backends may still hold the shared memory for a moment.
            assert time.monotonic() < deadline, f"PostgreSQL does not start: {self.log.read_text()[-2000:]}"
            time.sleep(0.1)

    def _wait_ready(self, deadline):
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.process = None
                return False
            try:
                self.connect("postgres").close()
                return True
            except psycopg2.OperationalError:
                time.sleep(0.05)
        raise AssertionError(f"PostgreSQL takes no connections: {self.log.read_text()[-2000:]}")

    def stop(self, how="fast"):
        """how: smart, fast, immediate, or kill (SIGKILL to every process)."""
        if self.process is None:
            return
        self.thaw()
        if how == "kill":
            for pid in self.processes():
                _signal(pid, signal.SIGKILL)
        else:
            number = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how]
            self.process.send_signal(number)
        self.process.wait(60 * settings.TIME_SCALE)
        self.process = None

    def processes(self):
        """The postmaster's pid, then its children's (they have sessions of their own)."""
        pid = self.process.pid
        children = []
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                text = Path(stat).read_text(encoding="latin-1")
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == pid:
                children.append(int(stat.split("/")[2]))
        return [pid] + children

    def freeze(self):
        """SIGSTOP to all processes: connections stay open and nothing answers."""
        self.frozen = self.processes()
        for pid in self.frozen:
            _signal(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.frozen:
            _signal(pid, signal.SIGCONT)
        self.frozen = []

    def close(self):
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)

    def connect(self, database):
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, dbname=database, connect_timeout=5
        )
        connection.autocommit = True
        return connection

    def create_database(self):
        self._databases += 1
        name = f"e2e_{self._databases}"
        connection = self.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        return name

    def take_database(self):
        """An empty database: one given back earlier, emptied now, or a new one."""
        if not self._spare:
            return self.create_database()
        name = self._spare.pop()
        connection = self.connect(name)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                           "WHERE datname = current_database() AND pid <> pg_backend_pid()")
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.close()
        return name

    def give_back(self, name):
        """Emptied only when taken again: whoever still uses it then is gone."""
        self._spare.append(name)

    def url(self, database, port=None):
        return f"postgresql://{USER}@127.0.0.1:{port or self.port}/{database}"

    def major(self):
        return int(re.match(r"\d+", (self.data / "PG_VERSION").read_text())[0])


def _signal(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
