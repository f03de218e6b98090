"""PgBouncer in transaction mode before a cluster: a server connection per transaction; it can be led to another cluster."""

import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from lib.postgres import USER, _identity, free_port
from lib.store import PostgresStore
from lib.waiting import eventually


class Pooled(PostgresStore):
    """A database reached by the server through the pooler, by the test directly."""

    def __init__(self, cluster, port, database=None):
        super().__init__(cluster, database)
        self.url = f"postgresql://{USER}@127.0.0.1:{port}/{self.database}"


class Pooler:
    def __init__(self, cluster):
        self.port = free_port()
        # Not below pytest's directory, which only its owner may enter: PgBouncer, like PostgreSQL, does not run as root.
        self.directory = Path(tempfile.mkdtemp(prefix="simple-request-pooler-"))
        self.config = self.directory / "pgbouncer.ini"
        self.process = None
        users = self.directory / "users.txt"
        users.write_text(f'"{USER}" ""\n', encoding="utf-8")
        self._configure(cluster)
        for path in (self.directory, users, self.config):
            path.chmod(0o755)

    def _configure(self, cluster):
        self.config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={cluster.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {self.directory}/users.txt\n"
            f"admin_users = {USER}\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 50\n",
            encoding="utf-8",
        )

    def start(self):
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([program, "-q", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, **_identity())
        eventually(self._listens, 10, "PgBouncer listens")

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, words):
        """PAUSE waits for running transactions and holds new ones; RELOAD reads the file; RESUME."""
        console = psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, dbname="pgbouncer")
        console.autocommit = True
        try:
            with console.cursor() as cursor:
                cursor.execute(words)
        finally:
            console.close()

    def lead_to(self, cluster):
        """Another cluster from the next transaction on; clients' connections stay."""
        self._configure(cluster)
        self.command("RELOAD")

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
