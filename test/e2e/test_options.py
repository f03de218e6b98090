"""Options: flag before environment before default; database URLs of every spelling; addresses."""

import pytest

from lib.http import Connection
from lib.postgres import free_port
from lib.server import run
from lib.store import SqliteStore


def config(home, *flags, env=None):
    """--print-config as {option: line}."""
    done = run("--print-config", *flags, home=home, env=env)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return {line.split()[0].lstrip("-").rstrip(":="): line for line in lines}


@pytest.mark.parametrize("option, value, other", [
    ("port", "4001", "4002"), ("sync-interval", "3s", "7s"), ("durability", "write", "none"),
    ("listen", "127.0.0.2", "127.0.0.3"), ("log-level", "warn", "error"), ("workers", "3", "5")])
def test_a_flag_beats_the_environment_beats_the_default(make_server, tmp_path, option, value, other):
    variable = option.upper().replace("-", "_")
    default = config(tmp_path)[option]
    assert "default" in default
    from_env = config(tmp_path, env={variable: value})[option]
    assert value in from_env and "env" in from_env
    for flags in ([f"--{option}", other], [f"--{option}={other}"]):
        from_flag = config(tmp_path, *flags, env={variable: value})[option]
        assert other in from_flag and value not in from_flag and "flag" in from_flag


def test_the_environment_alone_configures_a_service(make_server, tmp_path):
    port = str(free_port())
    store = SqliteStore(tmp_path / "elsewhere.db")
    env = {"PORT": port, "DATABASE_URL": store.url, "SYNC_INTERVAL": "1h", "WORKERS": "1"}
    server = make_server(env=env).start()
    assert server.port == int(port)
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0
    assert store.totals() == {"a": 1}


def test_a_file_configures_a_service_and_keeps_its_secret(make_server, tmp_path, postgres):
    (tmp_path / "url").write_text(postgres.url + "\n")
    (tmp_path / "conf").write_text(f"# a service\nport = {free_port()}\nsync-interval = 1h\ndatabase-url-file = {tmp_path / 'url'}\n")
    server = make_server("--config", str(tmp_path / "conf"), env={"WORKERS": "1"}).start()
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0
    assert postgres.totals() == {"a": 1}
    done = run("--config", str(tmp_path / "url"), home=tmp_path)
    assert done.returncode == 2 and f"{tmp_path / 'url'}:1: " in done.stderr and postgres.url not in done.stderr


def test_the_defaults_are_the_documented_ones(make_server, tmp_path):
    shown = config(tmp_path)
    for option, value in {"port": "3333", "listen": "127.0.0.1", "sync-interval": "10s",
                          "durability": "fsync", "journal-retention": "10m",
                          "log-level": "info"}.items():
        assert value in shown[option], shown[option]


def test_the_default_store_is_a_file_in_the_data_directory(start_server):
    server = start_server()
    server.increment("a", 1)
    assert server.terminate() == 0
    assert SqliteStore(server.data_dir / "counters.db").totals() == {"a": 1}


def data_line(server):
    return next(line.split()[1] for line in server.banner().splitlines() if line.startswith("  data  "))


def test_the_data_directory_follows_the_environment(make_server, tmp_path):
    cases = [({"STATE_DIRECTORY": "state", "XDG_STATE_HOME": "no"}, "state"),
             ({"XDG_STATE_HOME": "xdg"}, "xdg/simple-request"),
             ({"HOME": "home"}, "home/.local/state/simple-request"),
             ({"DATA_DIR": "own", "STATE_DIRECTORY": "no"}, "own")]
    for env, expected in cases:
        server = make_server(env={name: str(tmp_path / value) for name, value in env.items()})
        server.data_dir = None
        server.start()
        assert data_line(server) == str(tmp_path / expected)
        assert server.terminate() == 0


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "ecto"])
def test_each_spelling_of_a_postgresql_url_works(start_server, postgres, scheme):
    postgres.url = postgres.url.replace("postgresql://", f"{scheme}://")
    server = start_server(store=postgres)
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0
    assert postgres.totals() == {"a": 1}


def test_of_several_hosts_the_one_that_takes_writes_is_used(start_server, postgres):
    port = postgres.cluster.port
    postgres.url = postgres.url.replace(f"127.0.0.1:{port}", f"127.0.0.1:1,127.0.0.1:{port}")
    server = start_server(store=postgres)
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0
    assert postgres.totals() == {"a": 1}


def test_of_several_hosts_a_read_only_one_is_passed_over(start_server, postgres, own_cluster):
    own_cluster.start()
    with own_cluster.connect("postgres").cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {postgres.database}")
        cursor.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        cursor.execute("SELECT pg_reload_conf()")
    port = postgres.cluster.port
    hosts = f"127.0.0.1:{own_cluster.port},127.0.0.1:{port}"
    postgres.url = postgres.url.replace(f"127.0.0.1:{port}", hosts)
    server = start_server(store=postgres)
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0
    assert postgres.totals() == {"a": 1}


def test_several_addresses_are_listened_on(start_server):
    server = start_server("--listen", "127.0.0.1,127.0.0.2")
    with Connection(("127.0.0.2", server.port)) as connection:
        assert connection.increment("a", 1).json()["data"]["value"] == 1
    assert server.total("a") == 1


def test_a_unix_socket_is_listened_on(start_server, tmp_path):
    import socket

    path = tmp_path / "socket"
    server = start_server("--listen", f"127.0.0.1,unix:{path}")
    connection = Connection(server.address)
    connection.socket.close()
    connection.socket = socket.socket(socket.AF_UNIX)
    connection.socket.settimeout(10)
    connection.socket.connect(str(path))
    assert connection.increment("a", 1).json()["data"]["value"] == 1
    connection.close()
    server.restart("kill")  # a stale socket file does not stand in the way
    assert server.total("a") == 1


def test_text_and_json_logs_are_chosen_by_option(start_server):
    json_server = start_server("--log-format", "json")
    text_server = start_server("--log-format", "text")
    for server in (json_server, text_server):
        assert server.terminate() == 0
    assert len(json_server.events()) == len(json_server.log().splitlines()) > 0
    assert text_server.log() and not text_server.events()
