"""Fixtures and hooks for pytest: servers that never outlive a test, both stores, one shared PostgreSQL cluster."""

import shutil
import subprocess

import pytest

from lib import settings
from lib.pgproxy import PgProxy
from lib.postgres import Cluster
from lib.server import Server
from lib.store import PostgresStore, SqliteStore


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long forms too")


def pytest_configure(config):
    if config.getoption("--long"):
        settings.LONG = True


def pytest_collection_modifyitems(items):
    if not settings.LONG:
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long form: run with --long or E2E_LONG=1"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows the end of its servers' logs."""
    report = (yield).get_result()
    item.failed = report.failed or getattr(item, "failed", False)
    if report.failed:
        for server in getattr(item, "servers", []):
            report.sections.append((f"log of {server.directory.name}", server.log()[-4000:]))


def binary_or_fail():
    if not settings.binary().exists():
        pytest.fail(f"{settings.binary()} is not built: run `make build` or set SIMPLE_REQUEST_BINARY")


def end(servers):
    """Kills what still runs, then fails for findings no test expects."""
    for server in servers:
        server.kill()
    complaints = [c for server in servers for c in server.complaints()]
    assert not complaints, complaints


@pytest.fixture
def make_server(tmp_path, request):
    """A function that makes (not starts) a server; all end with the test."""
    binary_or_fail()
    servers = request.node.servers = []

    def make(*options, store=None, **more):
        directory = more.pop("directory", tmp_path / f"server{len(servers) + 1}")
        servers.append(Server(directory, store, options, **more))
        return servers[-1]

    yield make
    end(servers)
    if not request.node.failed:
        for server in servers:
            shutil.rmtree(server.data_dir or "", ignore_errors=True)


@pytest.fixture
def start_server(make_server):
    """A function that makes and starts a server: start_server('--option', 'value', store=...)."""

    def start(*options, wait="settled", **more):
        return make_server(*options, **more).start(wait=wait)

    return start


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One server with all defaults for the many short questions of a module."""
    binary_or_fail()
    server = Server(tmp_path_factory.mktemp("shared") / "server").start()
    yield server
    exit_code = server.terminate() if server.alive() else server.exit_code
    end([server])
    assert exit_code == 0, server.log()[-2000:]


@pytest.fixture(scope="session")
def cluster():
    """The shared PostgreSQL. Tests that stop one take own_cluster."""
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def own_cluster():
    """A PostgreSQL of the test's own, not started."""
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def postgres(cluster):
    """An empty database in the shared cluster."""
    database = cluster.take_database()
    yield PostgresStore(cluster, database)
    cluster.give_back(database)


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 160 MiB."""
    point = tmp_path / "disk"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", point]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a tmpfs")
    yield point
    subprocess.run(["umount", "-l", point], check=True)


@pytest.fixture
def sqlite(tmp_path):
    return SqliteStore(tmp_path / "counters.db")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request):
    """Each store in turn: what both must do alike."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def proxied(postgres):
    """A database behind a proxy: (store whose URL leads through it, proxy)."""
    proxy = PgProxy(postgres.cluster.port)
    postgres.url = postgres.cluster.url(postgres.database, proxy.port)
    yield postgres, proxy
    proxy.close()
