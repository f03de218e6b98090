"""The harness itself: a test that stands on a broken tool proves nothing."""

import ctypes
import ctypes.util
import socket
import threading

import psycopg2
import pytest

from lib.http import Connection
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.metrics import Metrics
from lib.pgproxy import PgProxy
from lib.store import PostgresStore


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_cluster_stops_each_way_and_keeps_what_was_committed(own_cluster, how):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    store.execute("CREATE TABLE counters (key text PRIMARY KEY, value bigint)")
    store.execute("INSERT INTO counters VALUES ('a', 1)")
    own_cluster.stop(how)
    with pytest.raises(psycopg2.OperationalError):
        own_cluster.connect("postgres")
    own_cluster.start()
    assert store.totals() == {"a": 1}


def test_a_frozen_cluster_answers_nothing_until_it_is_thawed(own_cluster):
    own_cluster.start()
    connection = own_cluster.connect("postgres")
    own_cluster.freeze()
    answered = threading.Event()

    def ask():
        connection.cursor().execute("SELECT 1")
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert not answered.wait(0.3)
    own_cluster.thaw()
    assert answered.wait(10)


def through(proxy, cluster):
    connection = psycopg2.connect(host="127.0.0.1", port=proxy.port, user="e2e", dbname="postgres")
    connection.autocommit = True
    return connection.cursor()


@pytest.mark.parametrize("where, kept", [("before", 0), ("after", 1)])
def test_the_proxy_cuts_a_simple_commit_on_the_right_side(cluster, where, kept):
    table = f"cut_{where}"
    proxy = PgProxy(cluster.port)
    cursor = through(proxy, cluster)
    cursor.execute(f"CREATE TABLE {table} (n int)")
    cursor.execute("BEGIN")
    cursor.execute("COMMIT")
    proxy.arm(where, 1, f"insert into {table}")
    cursor.execute("BEGIN")
    cursor.execute("SELECT 1")
    cursor.execute("COMMIT")  # the armed text is not in this transaction
    assert proxy.cuts == 0
    cursor.execute("BEGIN")
    cursor.execute(f"INSERT INTO {table} VALUES (1)")
    with pytest.raises(psycopg2.OperationalError):
        cursor.execute("COMMIT")
    proxy.wait_cuts(1)
    again = through(proxy, cluster)
    again.execute(f"SELECT count(*) FROM {table}")
    assert again.fetchone() == (kept,)
    proxy.close()


@pytest.mark.parametrize("where, kept", [("before", 0), ("after", 1)])
def test_the_proxy_cuts_an_extended_commit_too(cluster, where, kept):
    proxy = PgProxy(cluster.port)
    libpq = ctypes.CDLL(ctypes.util.find_library("pq"))
    libpq.PQconnectdb.restype = libpq.PQexecParams.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(libpq.PQconnectdb(
        f"host=127.0.0.1 port={proxy.port} user=e2e dbname=postgres".encode()))

    def ask(sql):
        result = libpq.PQexecParams(connection, sql.encode(), 0, None, None, None, None, 1)
        return libpq.PQresultStatus(ctypes.c_void_p(result))

    command_ok, fatal_error = 1, 7
    table = f"extended_{where}"
    for sql in (f"CREATE TABLE {table} (n int)", "BEGIN", f"INSERT INTO {table} VALUES (1)"):
        assert ask(sql) == command_ok
    proxy.arm(where)
    assert ask("COMMIT") == fatal_error
    proxy.wait_cuts(1)
    again = through(proxy, cluster)
    again.execute(f"SELECT count(*) FROM {table}")
    assert again.fetchone() == (kept,)
    proxy.close()


class Canned:
    """A server that reads requests and gives one fixed answer to each."""

    def __init__(self, answer, close_after=None):
        self.answer, self.close_after = answer, close_after
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        answered = 0
        while data := client.recv(1 << 16):
            for _ in range(data.count(b"}")):
                client.sendall(self.answer)
                answered += 1
                if answered == self.close_after:
                    return client.close()


def answer(status, body, *lines):
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines])
    return head.encode() + b"\r\n\r\n" + body


def test_the_raw_client_refuses_a_malformed_answer():
    for bad in (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n", answer("200 OK", b"", "Bad Name: x"),
                b"HTTP/1.1 200 OK\r\n\r\n", answer("200 OK", b"", "Content-Length: 0")):
        with Connection(Canned(bad).address) as connection, pytest.raises(AssertionError):
            connection.request("POST", "/", b"{}")


def test_the_load_counts_answers_refusals_and_what_stays_unanswered():
    good = answer("200 OK", b'{"data":{"key":"k","value":7}}')
    ledger = Load(Canned(good).address, [("k", 2)] * 10, connections=1, depth=4).run()
    assert (ledger.acknowledged, ledger.highest, ledger.statuses) == ({"k": 20}, {"k": 7}, {200: 10})
    refuse = answer("503 Service Unavailable", b"")
    assert Load(Canned(refuse).address, [("k", 2)], connections=1).run().refused == {"k": 2}
    cut = Load(Canned(good, close_after=1).address, [("k", 1)] * 4, connections=1, depth=4).run()
    assert (cut.acknowledged, cut.unanswered) == ({"k": 1}, {"k": 3})


def test_the_load_paces_itself_and_stops():
    good = answer("200 OK", b'{"data":{"key":"k","value":7}}')
    load = Load(Canned(good).address, keys_at_random(["k"]), connections=2, pace=1000).start()
    threading.Event().wait(0.5)
    assert 300 <= sum(load.stop().statuses.values()) <= 700


@pytest.mark.parametrize("total, fits", [(4, False), (5, True), (8, True), (9, False)])
def test_the_ledger_checks_both_bounds(total, fits):
    ledger = Ledger()
    ledger.acknowledged["k"], ledger.unanswered["k"] = 5, 3
    if fits:
        return ledger.check({"k": total})
    with pytest.raises(AssertionError):
        ledger.check({"k": total})


NO_METRICS = {
    "no newline": "# HELP a x\n# TYPE a gauge\na 1",
    "no TYPE": "a 1\n",
    "no HELP": "# TYPE a gauge\na 1\n",
    "a series twice": "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
    "a counter without _total": "# HELP a x\n# TYPE a counter\na 1\n",
    "a label twice": '# HELP a x\n# TYPE a gauge\na{b="1",b="2"} 1\n',
    "buckets that fall": '# HELP h x\n# TYPE h histogram\nh_bucket{le="1"} 2\n'
                         'h_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n',
    "a family in two pieces": "# HELP a x\n# TYPE a gauge\n# HELP b x\n# TYPE b gauge\n"
                              'a{c="1"} 1\nb 1\na{c="2"} 1\n',
}


@pytest.mark.parametrize("name", NO_METRICS)
def test_the_metrics_reader_refuses_what_is_not_the_format(name):
    with pytest.raises((AssertionError, KeyError)):
        Metrics(NO_METRICS[name])


def test_the_metrics_reader_takes_what_is_the_format():
    metrics = Metrics('# HELP a x\n# TYPE a gauge\na{b="\\"\\n,}",c="2"} 1\n# HELP h x\n# TYPE h histogram\n'
                      'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3.5\nh_count 2\n')
    assert metrics.sum("a", c="2") == 1 and metrics.value("h_count") == 2
