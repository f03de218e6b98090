"""`simple-request export`: every counter of one moment, from the database that the service writes into, whole or not at all."""

import json
import os
import resource
import signal
import threading

import pytest

from lib.http import JSON
from lib.server import run

MAX = 2**63 - 1
NOTE = "no service was flushed"


def export(server, *arguments, **more):
    return run("export", *arguments, "--url", f"http://127.0.0.1:{server.port}", home=server.directory, **more)


def counters(done):
    """The exported lines; nothing is said beside them where all is well."""
    assert (done.returncode, done.stderr) == (0, "")
    return [(line["key"], line["value"]) for line in map(json.loads, done.stdout.splitlines())]


def post_batch(connection, items):
    body = json.dumps([{"key": key, "value": value} for key, value in items]).encode()
    response = connection.request("POST", "/increment", body, [JSON])
    assert response.status == 200, response


def test_all_that_was_counted_is_exported_in_the_order_of_the_keys(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    values = {'quo"te\\': 1, "\n\x1f": -1, "é": MAX, "\U0010ffff": -MAX - 1, "a%": 0, "a": 7, "a_b": 8, "ab": 9}
    for key, value in values.items():
        server.increment(key, value)
    wanted = sorted(values.items(), key=lambda item: item[0].encode())
    done = export(server)
    assert counters(done) == wanted
    assert r'{"key":"\u000a\u001f","value":-1}' in done.stdout and '{"key":"é","value":9223372036854775807}' in done.stdout
    assert counters(export(server, "a")) == [("a", 7), ("a%", 0), ("a_b", 8), ("ab", 9)]
    assert counters(export(server, "a_")) == [("a_b", 8)]
    assert counters(export(server, "nothing")) == []


def test_an_export_under_load_is_of_one_moment(start_server, store):
    """Batches are in the database as a whole; each increments a pair of keys by the same, so that an export which mixes two
    moments shows pairs that differ. What was acknowledged before an export began is in it."""
    server = start_server("--sync-interval", "20ms", store=store)
    pairs, acknowledged, over = 400, [0] * 400, threading.Event()

    def count():
        with server.connect() as connection:
            while not over.is_set():
                for begin in range(0, pairs, 40):
                    numbers = range(begin, begin + 40)
                    post_batch(connection, [(f"{side}{number:03}", 1) for number in numbers for side in "lr"])
                    for number in numbers:
                        acknowledged[number] += 1

    thread = threading.Thread(target=count)
    thread.start()
    seen = 0
    try:
        for _ in range(6):
            before = list(acknowledged)
            found = dict(counters(export(server)))
            for number in range(pairs):
                left, right = (found.get(f"{side}{number:03}", 0) for side in "lr")
                assert left == right >= before[number]
            seen += sum(found.values()) > 0
    finally:
        over.set()
        thread.join()
    assert seen >= 5
    assert dict(counters(export(server, "l"))) == {f"l{number:03}": acknowledged[number] for number in range(pairs)}


def test_without_a_service_the_database_is_exported_and_what_that_lacks_is_said(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("synced", 1)
    assert export(server).returncode == 0
    server.increment("journaled", 1)
    server.kill()
    done = server.command_output("export", env={"SIMPLE_REQUEST_URL": f"http://127.0.0.1:{server.port}"})
    assert (done.returncode, done.stdout) == (0, '{"key":"synced","value":1}\n') and NOTE in done.stderr
    server.start()
    unasked = server.command_output("export", "--no-flush", "journaled")
    assert unasked.returncode == 0 and NOTE in unasked.stderr


def test_another_database_than_the_services_is_refused(start_server, store, tmp_path):
    server = start_server(store=store)
    other = start_server()
    done = export(server, "--data-dir", str(other.data_dir))
    assert (done.returncode, done.stdout) == (1, "") and "does not write into sqlite:" in done.stderr
    done = export(server, "--database-url", f"sqlite:{tmp_path}/nowhere.db")
    assert (done.returncode, done.stdout) == (1, "") and "does not write into" in done.stderr
    done = export(server, "--no-flush", "--database-url", f"sqlite:{tmp_path}/nowhere.db")
    assert (done.returncode, done.stdout) == (1, "") and "does not exist" in done.stderr


def test_a_database_with_a_password_is_named_by_the_user(start_server, postgres, tmp_path):
    postgres.url = postgres.url.replace("@", ":secret@")
    server = start_server(store=postgres)
    server.increment("k", 3)
    done = export(server)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--database-url-file" in done.stderr and "***" in done.stderr and "secret" not in done.stderr
    url_file = tmp_path / "url"
    url_file.write_text(postgres.url + "\n")
    assert counters(export(server, "--database-url-file", str(url_file))) == [("k", 3)]
    assert counters(export(server, env={"DATABASE_URL": postgres.url})) == [("k", 3)]


def test_a_guarded_service_wants_a_token(start_server, tmp_path):
    tokens, secrets = "", {}
    for name, scopes in (("backup", "read,admin"), ("reader", "read")):
        drawn = run("token", name, scopes, home=tmp_path)
        tokens += drawn.stdout
        secrets[name] = tmp_path / name
        secrets[name].write_text(drawn.stderr.strip().rpartition(" ")[2])
    (tmp_path / "tokens").write_text(tokens)
    server = start_server("--tokens-file", str(tmp_path / "tokens"), wait="ready")
    done = export(server)
    assert (done.returncode, done.stdout) == (1, "") and "--token-file" in done.stderr and "--no-flush" in done.stderr
    done = export(server, "--token-file", str(secrets["reader"]))
    assert (done.returncode, done.stdout) == (1, "") and "lacks the scope" in done.stderr
    assert counters(export(server, "--token-file", str(secrets["backup"]))) == []


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_a_file_has_its_name_only_when_it_is_whole(start_server, tmp_path):
    server = start_server("--sync-interval", "1h")
    with server.connect() as connection:
        post_batch(connection, [(f"{number:04}", number) for number in range(1000)])
    path = tmp_path / "out" / "counters.ndjson"
    path.parent.mkdir()
    assert export(server, "--output", str(path)).stdout == ""
    assert [json.loads(line)["value"] for line in path.read_text().splitlines()] == list(range(1000))
    path.write_text("old\n")
    done = export(server, "--output", str(path), preexec_fn=small_files)
    assert done.returncode == 1 and "File too large" in done.stderr
    assert path.read_text() == "old\n" and os.listdir(path.parent) == [path.name]
    for wrong in ("/dev/null", str(path.parent), str(path.parent / "absent" / "file")):
        done = export(server, "--output", wrong)
        assert done.returncode != 0 and wrong.split("/")[1] in done.stderr
    assert os.path.exists("/dev/null") and not os.path.isfile("/dev/null")


@pytest.mark.parametrize("words", [("a", "b"), ("--limit", "3"), ("--json=yes",), ("--database-url", "oracle:x")])
def test_the_command_says_how_it_is_called(shared_server, words):
    done = export(shared_server, *words)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr
