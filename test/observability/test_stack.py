"""Every panel of every dashboard and every alert has data, from the real servers under load and after the faults they show."""

import itertools
import subprocess
import time

import faults
import panels
import pytest
import rules
from lib.load import Load, keys_at_random
from lib.server import Server
from lib.store import PostgresStore, SqliteStore
from lib.waiting import eventually
from stack import Stack

SCALE = 30  # `for: 1m` is two seconds here

# Panels that show failures: each had one, and must show it. Nothing here can make the ledger disagree or the journal's disk fail.
SEEN = [
    "Store: Failures", "HTTP: Error share 1h", "HTTP: Error share 24h", "HTTP: Declined", "PostgreSQL: Conflicts and deadlocks",
    "PostgreSQL: Temporary files", "Correctness: Quarantined keys", "Correctness: Idempotency hits 1h", "Correctness: Idempotency",
    "Correctness: Refused by reason", "Correctness: Unsynced delta",
]


@pytest.fixture(scope="module")
def services(tmp_path_factory, cluster):
    """One on PostgreSQL under load, one on SQLite with a rate limit: (store, [servers])."""
    store = PostgresStore(cluster, cluster.take_database())
    directory = tmp_path_factory.mktemp("services")
    servers = [Server(directory / "postgres", store, ["--sync-interval", "1s"]),
               Server(directory / "sqlite", SqliteStore(directory / "counters.db"), ["--sync-interval", "1s", "--rate-limit", "20/s"])]
    try:
        for server in servers:
            server.start()
        yield store, servers
    finally:
        for server in servers:
            server.kill()
        complaints = [complaint for server in servers for complaint in server.complaints()]
        assert not complaints, complaints


@pytest.fixture(scope="module")
def load(services):
    """About 500 increments a second on a thousand keys, of which new ones come all the time."""
    old = keys_at_random([f"key-{i}" for i in range(1000)])
    new = ((f"new-{i}", 1) for i in itertools.count())
    source = (pair for one, other in zip(old, new) for pair in (one, other))
    load = Load(services[1][0].address, source, connections=4, depth=4, pace=500).start()
    yield load
    load.stop()


@pytest.fixture(scope="module")
def troubled(tmp_path_factory, cluster, services, load):
    """The stack after all faults: (stack, the outage, when it began)."""
    begin = time.time()
    stack = Stack(tmp_path_factory.mktemp("stack"), cluster, *services, SCALE)
    try:
        store, servers = services
        faults.repeat_and_contradict(servers[0])
        faults.run_over_the_rate(servers[1])
        faults.be_refused_by_the_database(servers[0], store)
        faults.roll_back_and_checkpoint(store)
        faults.sort_on_disk(store)
        faults.counted(stack, "pg_stat_database_temp_bytes")
        faults.deadlock(store)
        faults.counted(stack, "pg_stat_database_deadlocks")
        yield stack, faults.Outage(stack, 3, faults.OUTAGE_ALERTS), begin
    finally:
        stack.close()


def test_every_target_is_up(troubled):
    stack, _, _ = troubled
    eventually(stack.all_up, 30, "every target is up")


def test_an_outage_of_the_database_fires_alerts_that_are_over_afterwards(troubled):
    """Outage has waited for them in Prometheus and Alertmanager and for both notifications."""
    _, outage, _ = troubled
    assert outage.read_statuses == {503}


def has_data(prometheus, expression):
    return bool(prometheus.query(expression))


def shows(prometheus, expression, begin):
    """Whether it was above zero at any second since the beginning."""
    span = int(time.time() - begin) + 1
    return any(value > 0 for _, value in prometheus.query(f"max_over_time(({expression})[{span}s:1s])"))


def test_every_panel_has_data(troubled, capsys):
    stack, _, begin = troubled
    prometheus = stack.prometheus
    every = dict(panels.panels(prometheus))
    empty = {name: [one for one in expressions if not has_data(prometheus, one)] for name, expressions in every.items()}
    empty = {name: expressions for name, expressions in empty.items() if expressions}
    with capsys.disabled():
        print(f"\npanels {len(every)}, with data {len(every) - len(empty)}", flush=True)
    assert not empty, empty
    hidden = [name for name in SEEN if not any(shows(prometheus, one, begin) for one in every[name])]
    assert not hidden, f"had a failure and do not show it: {hidden}"


@pytest.mark.parametrize("alert", rules.rules("alert"))
def test_every_alert_looks_at_data(troubled, alert):
    prometheus = troubled[0].prometheus
    expression = rules.measured(rules.rules("alert")[alert])
    eventually(lambda: has_data(prometheus, expression), 30, f"{expression} has data")


def test_nothing_else_fires(troubled):
    """Some alerts are about what the faults did, two about how quick this machine is now; the others must be silent."""
    prometheus = troubled[0].prometheus
    caused = faults.OUTAGE_ALERTS | {"SimpleRequestQuarantinedKey", "SimpleRequestErrorShare", "SimpleRequestUnsyncedAge"}
    assert prometheus.firing() <= caused | {"SimpleRequestLatency", "SimpleRequestFsyncSlow"}


@pytest.mark.long
def test_two_minutes_without_the_database_with_the_rules_as_they_are(tmp_path, cluster, services, load, capsys):
    """Everything as shipped but for the addresses. That the end is notified takes Alertmanager's five minutes more, and is not waited for."""
    alerts = faults.OUTAGE_ALERTS | {"SimpleRequestUnsyncedAge"}
    stack = Stack(tmp_path, cluster, *services, 1)
    try:
        outage = faults.Outage(stack, 120, alerts)
        eventually(lambda: {(alert, "firing") for alert in alerts} <= set(stack.webhook.told), 60, f"{alerts} are notified")
        with capsys.disabled():
            print(f"\nalerts {sorted(alerts)}: all fire {outage.fired_after:.0f} s after the kill, "
                  f"all are over {outage.over_after:.0f} s after the database's return", flush=True)
    finally:
        stack.close()


def test_promtool_finds_nothing_in_the_metrics_of_a_busy_server(services, load):
    for server in services[1]:
        page = server.get("/metrics").body
        done = subprocess.run(["promtool", "check", "metrics"], input=page, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert (done.returncode, done.stdout) == (0, b""), done.stdout.decode()
