"""Subcommands and the words for people: version, help, verify, journal dump, healthcheck, mistakes."""

import json
import re

import pytest

from lib.http import JSON
from lib.postgres import free_port
from lib.server import StartFailed, run
from lib.waiting import eventually

OPTIONS = ["--listen", "--port", "--database-url", "--database-url-file", "--config", "--data-dir", "--sync-interval", "--durability",
           "--workers", "--memory-limit", "--journal-limit", "--journal-retention", "--log-level",
           "--log-format", "--ready-max-lag", "--database-timeout", "--drain-timeout", "--connections-max",
           "--body-limit", "--header-timeout", "--body-timeout", "--idle-timeout", "--write-timeout"]


@pytest.fixture
def home(make_server, tmp_path):
    """make_server is asked for so that a missing binary is named."""
    return tmp_path


def test_version_names_the_program_and_a_version(home):
    for argument in ("version", "--version"):
        done = run(argument, home=home)
        assert done.returncode == 0
        assert re.match(r"simple-request v?\d+\.\d+", done.stdout)


def test_help_lists_every_option_with_its_variable(home):
    done = run("--help", home=home)
    assert done.returncode == 0 and done.stderr == ""
    for option in OPTIONS:
        assert option in done.stdout
        assert option[2:].replace("-", "_").upper() in done.stdout
    for command in ("verify", "journal dump", "journal salvage", "healthcheck", "version"):
        assert command in done.stdout


@pytest.mark.parametrize("arguments", [
    ["--no-such-option"], ["--port"], ["--port", "abc"], ["--port", "70000"],
    ["--sync-interval", "soon"], ["--sync-interval", "-1s"], ["--memory-limit", "lots"],
    ["--database-url", "mysql://x/y"], ["--workers", "0.5"], ["--listen", "not an address"],
    ["--log-level", "loud"], ["nonsense"], ["journal", "burn"]])
def test_a_mistake_on_the_command_line_is_named(home, arguments):
    done = run(*arguments, home=home, timeout=10)
    assert done.returncode != 0 and done.stdout == ""
    assert arguments[0].lstrip("-") in done.stderr
    assert len(done.stderr) < 2000


def test_the_banner_tells_where_and_how(start_server, store):
    server = start_server(store=store)
    banner = server.banner()
    assert f"  data  {server.data_dir}" in banner
    assert "  try   curl " in banner and f":{server.port}/increment" in banner
    assert re.search(r"^  store \S+", banner, re.MULTILINE)


def test_a_password_is_never_shown(make_server, tmp_path):
    url = ["--database-url", "postgresql://me:s3cr3t-word@127.0.0.1:1/x"]
    server = make_server(*url).start(wait="live")
    printed = run("--print-config", *url, home=tmp_path)
    server.terminate()
    for text in (server.banner(), server.log(), printed.stdout, printed.stderr):
        assert "s3cr3t-word" not in text


def test_healthcheck_says_whether_the_service_is_well(start_server, tmp_path):
    server = start_server()
    assert run("healthcheck", "--port", str(server.port), home=tmp_path).returncode == 0
    server.terminate()
    done = run("healthcheck", "--port", str(server.port), home=tmp_path)
    assert done.returncode != 0 and done.stderr
    assert run("healthcheck", home=tmp_path, env={"PORT": str(free_port())}).returncode != 0


def test_verify_agrees_after_a_stop_and_after_a_kill(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    server.kill()
    assert_verified(server)
    server.start()
    server.increment("a", 5)
    assert server.terminate() == 0
    assert_verified(server)
    assert store.totals() == {"a": 10}


def assert_verified(server):
    done = server.command_output("verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_verify_finds_a_writers_row_that_is_not_ours(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("a", 5)
    assert server.terminate() == 0
    store.execute("UPDATE counter_writers SET epoch = epoch + 1000")
    done = server.command_output("verify")
    assert done.returncode != 0 and "epoch" in done.stdout + done.stderr


def test_verify_finds_a_table_that_was_emptied(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for n in range(1500):
        server.increment(f"k{n}", 5)
    assert server.terminate() == 0
    assert_verified(server)
    store.execute("DELETE FROM counters WHERE key IN ('k7', 'k1499')")
    done = server.command_output("verify")
    assert done.returncode == 1 and "2 have no row in counters" in done.stdout, done.stdout


def test_journal_dump_shows_the_tokens_of_requests(start_server):
    """In raw records, and after a restart in the state file that they have become."""
    server = start_server("--sync-interval", "1h")
    body = b'[{"key":"k","value":1},{"key":"k","value":2}]'
    with server.connect() as connection:
        assert connection.request("POST", "/increment", body, [JSON, ("Idempotency-Key", "dumped-token")]).status == 200
    for restart in (False, True):
        if restart:
            server.restart("kill")
        lines = [json.loads(line) for line in server.command_output("journal", "dump").stdout.splitlines()]
        with_token = [line for line in lines if line.get("token") == "dumped-token"]
        assert len(with_token) >= 1 and all((line["status"], line["records"]) == (200, 2) for line in with_token), lines
        assert any(line["kind"] == "request" for line in with_token) == restart


def test_journal_dump_shows_what_was_counted(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("dumped-key", 12345)
    server.increment("line\nbreak\x1b[2J", 1)
    server.kill()
    done = server.command_output("journal", "dump")
    assert done.returncode == 0
    assert any("dumped-key" in line and "12345" in line for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout


def test_a_damaged_journal_is_refused_and_salvaged(start_server, make_server, store):
    """The way out that docs/OPERATIONS.md names, step by step."""
    server = start_server("--sync-interval", "300ms", store=store)
    server.increment("a", 1000)
    eventually(lambda: store.totals() == {"a": 1000}, 5, "the first flush")
    server.restart("kill", wait="settled")
    server.options[1] = "1h"
    server.restart()
    for n in range(40):
        server.increment("a", 1)
        server.increment(f"b{n}", 2)
    server.kill()
    file, offset = middle_frame(server)
    with open(server.data_dir / file, "r+b") as raw:
        raw.seek(offset + 70)
        raw.write(b"\xff\xff\xff")
    with pytest.raises(StartFailed) as refused:
        server.start()
    assert file in refused.value.log and f"offset {offset}" in refused.value.log
    before = {path: path.read_bytes() for path in server.data_dir.glob("*-*")}
    done = server.command_output("journal", "salvage")
    assert done.returncode == 1 and f"{file}: frames" in done.stderr, done.stderr
    assert {path: path.read_bytes() for path in server.data_dir.glob("*-*")} == before
    fresh = make_server(store=store).start()
    for change in map(json.loads, done.stdout.splitlines()):
        assert change["kind"] == "add"
        fresh.increment(change["key"], change["value"])
    assert fresh.terminate() == 0
    totals = store.totals()
    assert sum(totals.values()) in (1000 + 40 + 80 - 1, 1000 + 40 + 80 - 2), "one frame, one increment, is lost"


def middle_frame(server):
    """File and offset of a frame in the middle of the newest raw file."""
    lines = server.command_output("journal", "dump").stdout.splitlines()
    frames = [(line["file"], line["offset"]) for line in map(json.loads, lines) if "offset" in line]
    newest = [frame for frame in frames if frame[0] == frames[-1][0]]
    return newest[len(newest) // 2]


def test_subcommands_do_not_change_the_directory(start_server, sqlite):
    server = start_server("--sync-interval", "1h", store=sqlite)
    server.increment("a", 5)
    server.kill()

    def contents():
        files = [path for path in server.data_dir.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files if path.name != "lock"}

    before = contents()
    assert before
    for command in (["verify"], ["journal", "dump"]):
        server.command_output(*command)
        assert contents() == before
    assert server.start().total("a") == 5
