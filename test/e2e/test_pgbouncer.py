"""Through PgBouncer in transaction mode: no named statements, no start-up options, a server connection per transaction."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from lib.postgres import USER, _identity, free_port
from lib.store import PostgresStore
from lib.waiting import eventually


class Pooled(PostgresStore):
    """The same database, reached by the server through the pooler, by the test directly."""

    def __init__(self, cluster, port):
        super().__init__(cluster)
        self.url = f"postgresql://{USER}@127.0.0.1:{port}/{self.database}"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Pooler:
    def __init__(self, directory, cluster):
        self.port = free_port()
        self.cluster = cluster
        self.directory = directory
        users = directory / "users.txt"
        users.write_text(f'"{USER}" ""\n', encoding="utf-8")
        self.config = directory / "pgbouncer.ini"
        self.config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
            "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 50\n",
            encoding="utf-8",
        )
        self.process = None
        for path in (directory, users, self.config):
            path.chmod(0o755)

    def start(self):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.process = subprocess.Popen(
            [program, "-q", str(self.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.directory / "log", "ab"), **_identity())
        eventually(lambda: listens(self.port), 10, "PgBouncer listens")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def pooler(own_cluster):
    # Not below pytest's directory, which only its owner may enter: PgBouncer, like PostgreSQL, does not run as root.
    with tempfile.TemporaryDirectory(prefix="simple-request-pooler-") as directory:
        own_cluster.start()
        pooler = Pooler(Path(directory), own_cluster)
        try:
            pooler.start()
            yield pooler
        finally:
            pooler.kill()


def test_counts_reach_the_table_through_a_pooler(start_server, own_cluster, pooler):
    store = Pooled(own_cluster, pooler.port)
    server = start_server("--sync-interval", "200ms", store=store)
    for n in range(1, 51):
        assert server.increment("a", 2) == 2 * n
    eventually(lambda: store.totals() == {"a": 100}, 5, "flushed through the pooler")
    assert server.terminate() == 0
    assert server.start().total("a") == 100


def test_a_pooler_that_dies_loses_and_doubles_nothing(start_server, own_cluster, pooler):
    store = Pooled(own_cluster, pooler.port)
    server = start_server("--sync-interval", "100ms", store=store)
    total = 0
    for _ in range(5):
        for _ in range(20):
            total += 1
            assert server.increment("a", 1) == total
        pooler.kill()
        total += 1
        assert server.increment("a", 1) == total
        pooler.start()
    eventually(lambda: store.totals() == {"a": total}, 15, "all is flushed after the last restart")
