"""A primary and its standby behind one URL with two hosts; the standby can be held back, and promoted."""

from lib.pgproxy import PgProxy
from lib.postgres import USER, Cluster, bindir, free_port
from lib.store import PostgresStore
from lib.waiting import eventually


class Standby(Cluster):
    """A copy of a running cluster that follows it through the proxy."""

    def __init__(self, primary, port, proxy):
        self.primary, self.proxy = primary, proxy
        super().__init__(port)
        self._configure(f"primary_conninfo = 'host=127.0.0.1 port={proxy.port} user={USER}'\n"
                        "wal_retrieve_retry_interval = 100ms\n")
        (self.data / "standby.signal").touch()

    def _make_data(self):
        self._command(bindir() / "pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", str(self.primary.port),
                      "-U", USER, "-X", "stream", "-c", "fast", "--no-sync")

    def hold_back(self):
        """Cuts the stream for good; what was received is replayed when this returns."""
        self.proxy.refuse()
        eventually(lambda: value(self, "SELECT count(*) FROM pg_stat_wal_receiver") == 0, 10, "the receiver is gone")
        eventually(lambda: value(self, "SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()"), 10, "replayed")

    def promote(self):
        assert value(self, "SELECT pg_promote(true, 30)")


class Pair(PostgresStore):
    """The store as the server sees it: two hosts, of which one takes writes. `cluster` is that one."""

    def __init__(self):
        self.ports = (free_port(), free_port())
        self.proxy = self.standby = None
        self.clusters = []
        cluster = self._keep(Cluster(self.ports[0]))
        cluster.start()
        super().__init__(cluster)
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self.url = f"postgres://{USER}@{hosts}/{self.database}?target_session_attrs=read-write"

    def _keep(self, cluster):
        self.clusters.append(cluster)
        return cluster

    def add_standby(self):
        """Makes one on the other port and waits until it streams."""
        port = next(port for port in self.ports if port != self.cluster.port)
        self.proxy = PgProxy(self.cluster.port)
        self.standby = self._keep(Standby(self.cluster, port, self.proxy))
        self.standby.start()
        eventually(lambda: self.replication("state") == "streaming", 20, "the standby streams")

    def replication(self, column):
        return value(self.cluster, f"SELECT max({column}) FROM pg_stat_replication")

    def wait_for_standby_at_commit(self):
        """From now on a COMMIT is answered when the standby has it."""
        with self.cluster.connect("postgres").cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            cursor.execute("SELECT pg_reload_conf()")
        eventually(lambda: self.replication("sync_state") == "sync", 20, "the standby is synchronous")

    def promote(self):
        """The standby becomes the primary; the old one must be stopped. Returns the old one."""
        old, self.cluster, self.standby = self.cluster, self.standby, None
        assert old.process is None, "two primaries"
        self.cluster.promote()
        self._close_proxy()
        return old

    def _close_proxy(self):
        if self.proxy is not None:
            self.proxy.close()
            self.proxy = None

    def forget(self, cluster):
        self.clusters.remove(cluster)
        cluster.close()

    def close(self):
        self._close_proxy()
        for cluster in self.clusters:
            cluster.close()

    def epoch(self, cluster=None):
        """The only instance's applied epoch as one of the clusters has it; 0 before the first."""
        rows = rows_of(cluster or self.cluster, self.database, "SELECT epoch FROM counter_writers")
        return rows[0][0] if rows else 0


def rows_of(cluster, database, sql):
    connection = cluster.connect(database)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


def value(cluster, sql):
    """The one value of a query in the database postgres."""
    return rows_of(cluster, "postgres", sql)[0][0]
