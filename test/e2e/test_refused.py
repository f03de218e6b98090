"""Refused rows: listed, replayed once their cause is mended, each exactly once whatever is killed on the way, dropped."""

import json
import subprocess

from lib import settings
from lib.server import environment, run

MAX = 2**63 - 1


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def refuse(server, store, key, value):
    """An increment that the table does not take: somebody else raised the row to its end meanwhile."""
    server.increment(key, 1)
    assert flush(server).returncode == 0
    store.execute(f"UPDATE counters SET value = {MAX} WHERE key = '{key}'")
    server.increment(key, value)
    assert "refused" in flush(server).stdout


def flush(server):
    return run("flush", "--url", f"http://127.0.0.1:{server.port}", home=server.directory)


def test_a_refused_row_is_replayed_once_its_cause_is_mended(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    refuse(server, store, "big", 7)
    [row] = lines(server.command_output("refused", "list"))
    assert (row["kind"], row["key"], row["value"], row["sqlstate"]) == ("add", "big", 7, "22003")
    again = server.command_output("refused", "replay")
    assert again.returncode == 1 and "big: stays refused: " in again.stderr and "1 stay" in again.stderr
    assert store.totals() == {"big": MAX}
    store.execute("UPDATE counters SET value = 100")
    replayed = server.command_output("refused", "replay", "big")
    assert replayed.returncode == 0, replayed.stderr
    assert lines(replayed) == [row] and store.totals() == {"big": 107}
    assert lines(server.command_output("refused", "list")) == []
    assert server.command_output("refused", "replay").returncode == 0 and store.totals() == {"big": 107}
    assert server.increment("big", 1) is not None  # the service goes on, from the table's value
    assert flush(server).returncode == 0 and store.totals() == {"big": 108}


def test_one_key_is_replayed_or_dropped_and_the_others_stay(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    for key, value in (("a", 1), ("b", 2), ("c", 3)):
        refuse(server, store, key, value)
    store.execute("UPDATE counters SET value = 10")
    assert server.command_output("refused", "replay", "b").returncode == 0
    assert store.totals() == {"a": 10, "b": 12, "c": 10}
    assert [row["key"] for row in lines(server.command_output("refused", "drop", "c"))] == ["c"]
    assert [row["key"] for row in lines(server.command_output("refused", "list"))] == ["a"]
    assert server.command_output("refused", "drop").returncode == 2
    assert lines(server.command_output("refused", "list", "nobody")) == []


def put_aside(store, rows):
    """Rows as the service writes them: (key, delta or None, is_set)."""
    instance = store.query("SELECT instance FROM counter_writers")[0][0]
    key = "convert_to('{}', 'UTF8')" if "postgres" in store.url else "CAST('{}' AS BLOB)"
    flag = {True: "true", False: "false"} if "postgres" in store.url else {True: "1", False: "0"}
    values = ", ".join(f"('{instance}', 1, {key.format(name)}, {'NULL' if delta is None else delta}, {flag[is_set]}, '22003')"
                       for name, delta, is_set in rows)
    store.execute(f"INSERT INTO counter_refused (instance, epoch, key, delta, is_set, sqlstate) VALUES {values}")


def test_sets_and_deletes_are_never_replayed(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    put_aside(store, [("s", 5, True), ("d", None, True), ("i", 5, False)])
    done = server.command_output("refused", "replay")
    assert done.returncode == 1 and done.stderr.count("a set or a delete") == 2 and "1 counted, 2 stay" in done.stderr
    assert store.totals() == {"i": 5}
    assert [row["kind"] for row in lines(server.command_output("refused", "list"))] == ["set", "delete"]


def killed_after(server, number):
    """`refused replay`, killed with -9 when it has printed `number` lines; its exit code."""
    process = subprocess.Popen(
        [str(settings.binary()), "refused", "replay", "--data-dir", str(server.data_dir), "--database-url", server.store.url],
        env=environment(server.directory), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    with process:
        for _ in range(number):
            if not process.stdout.readline():
                break
        process.kill()
    return process.returncode


def test_a_replay_that_is_killed_again_and_again_counts_every_row_once(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    rows = [(f"k{n % 37}", n + 1, False) for n in range(150)]
    for begin in range(0, len(rows), 50):
        put_aside(store, rows[begin:begin + 50])
    kills = 0
    while store.query("SELECT count(*) FROM counter_refused")[0][0] not in (0, "0"):
        kills += killed_after(server, 1 + kills % 11) == -9
        assert kills < 1000
    wanted = {}
    for key, delta, _ in rows:
        wanted[key] = wanted.get(key, 0) + delta
    assert kills >= 3
    assert store.totals() == wanted
