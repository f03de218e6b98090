"""`simple-request import --from-postgres URL --query SQL`: the rows of any table of a PostgreSQL database, counted once."""

import json

import pytest

from lib.postgres import free_port
from lib.server import run

OK, REFUSED, USAGE, _, UNREACHABLE = range(5)
MAX = 2**63 - 1
DEMONSTRATION = """CREATE TABLE "values" (key bytea PRIMARY KEY, value int4 NOT NULL)"""
DEMONSTRATION_QUERY = 'SELECT key, value FROM "values"'


@pytest.fixture
def server(start_server):
    return start_server("--sync-interval", "1h")


def load(server, url, query, *arguments, **more):
    return run("import", "--from-postgres", url, "--query", query, *arguments, "--url",
               f"http://127.0.0.1:{server.port}", home=server.directory, **more)


def refused(done, *words, code=USAGE):
    assert (done.returncode, done.stdout) == (code, ""), done
    for word in words:
        assert word in done.stderr, done


def totals(server):
    done = run("list", "--json", "--url", f"http://127.0.0.1:{server.port}", home=server.directory)
    assert done.returncode == OK, done
    return {line["key"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}


def test_the_demonstrations_table_is_added_once_or_set(server, postgres):
    rows = {"home": 41, 'quo"te\\\n': -7, "é\U0010ffff": 2**31 - 1}
    postgres.execute(DEMONSTRATION)
    for key, value in rows.items():
        postgres.execute('INSERT INTO "values" VALUES (?, ?)', (key.encode(), value))
    server.increment("home", 1)
    done = load(server, postgres.url, DEMONSTRATION_QUERY)
    assert (done.returncode, done.stderr) == (OK, "") and "the query: 3 of 3 counters added" in done.stdout
    assert totals(server) == rows | {"home": 42}
    again = json.loads(load(server, postgres.url, DEMONSTRATION_QUERY + ";", "--json").stdout)
    assert (again["counted"], again["replayed"]) == (0, 3), "the same rows are counted once"
    assert load(server, postgres.url, DEMONSTRATION_QUERY, "--set").returncode == OK
    assert totals(server) == rows


def test_a_counters_table_of_any_types_is_read_in_batches(server, postgres):
    query = "SELECT 'k' || i, sum(i)::numeric FROM generate_series(12000, 1, -1) i GROUP BY i -- all"
    told = json.loads(load(server, postgres.url, query, "--batch", "1000", "--json").stdout)
    assert told["counters"] == told["counted"] == 12000
    assert totals(server) == {f"k{number}": number for number in range(1, 12001)}


def test_a_name_guards_against_rows_that_changed_in_between(server, postgres):
    """The service knows the batch's key with other content: nothing of it is counted."""
    arguments = (postgres.url, "SELECT name, n FROM old", "--id", "move-1")
    postgres.execute("CREATE TABLE old (name text, n bigint)")
    postgres.execute("INSERT INTO old VALUES ('a', 1), ('b', 2)")
    assert load(server, *arguments).returncode == OK
    assert load(server, *arguments).returncode == OK
    postgres.execute("UPDATE old SET n = 5 WHERE name = 'b'")
    refused(load(server, *arguments), "lines 1 to 2", code=REFUSED)
    assert totals(server) == {"a": 1, "b": 2}


def test_a_resume_file_tells_that_all_is_counted(server, postgres, tmp_path):
    arguments = (postgres.url, "SELECT 'a', 1", "--resume-file", str(tmp_path / "place"))
    assert load(server, *arguments).returncode == OK
    again = load(server, *arguments)
    assert again.returncode == OK and "1 were counted before" in again.stdout and "--id" in again.stderr
    assert totals(server) == {"a": 1}


NO_COUNTERS = (
    ("SELECT 'a', 1, 2", USAGE, ["3 columns"]),
    ("SELECT 'a', 1 UNION ALL SELECT 'b', NULL", USAGE, ["row 2", "the value is NULL"]),
    ("SELECT NULL::bytea, 1", USAGE, ["row 1", "the key is NULL"]),
    (r"SELECT '\xff'::bytea, 1", USAGE, ["row 1", "UTF-8"]),
    ("SELECT repeat('k', 513), 1", REFUSED, ["the query: line 1", "512"]),
    ("SELECT '', 1", REFUSED, ["the query: line 1", "key"]),
    (f"SELECT 'a', {MAX} + 1::numeric", USAGE, ["row 1", str(MAX)]),
    ("SELECT 'a', 0.5::float8", USAGE, ["::bigint"]),
    ("SELECT 7, 7", USAGE, ["::text"]),
    ("SELECT k, n FROM nowhere", USAGE, ["nowhere", "does not exist"]),
    ("DROP TABLE witness", USAGE, ["syntax error"]),
)


def test_rows_that_are_no_counters_are_named_and_nothing_is_sent(server, postgres):
    postgres.execute("CREATE TABLE witness ()")
    for query, code, words in NO_COUNTERS:
        refused(load(server, postgres.url, query), *words, code=code)
    assert totals(server) == {} and postgres.query("SELECT count(*) FROM witness") == [(0,)], "DROP did nothing"


def test_a_database_that_is_not_there_is_named_without_its_password(server, tmp_path):
    url = f"postgres://someone:secret@127.0.0.1:{free_port()}/gone"
    done = load(server, url, "SELECT 'a', 1")
    refused(done, "127.0.0.1", "refused", code=UNREACHABLE)
    assert "secret" not in done.stderr
    refused(load(server, f"sqlite:{tmp_path}/counters.db", "SELECT 'a', 1"), "simple-request export")


def test_the_url_may_come_from_a_file_and_only_one_source_is_meant(server, postgres, tmp_path):
    def command(*arguments, env=None):
        return run("import", *arguments, "--url", f"http://127.0.0.1:{server.port}", home=server.directory, env=env)

    path = tmp_path / "url"
    path.write_text(postgres.url + "\n")
    query = ("--query", "SELECT 'a', 1")
    assert command("--from-postgres-file", str(path), *query).returncode == OK
    assert command(*query, "--id", "again", env={"SIMPLE_REQUEST_FROM_POSTGRES": postgres.url}).returncode == OK
    assert totals(server) == {"a": 2}
    refused(command(), "FILE is missing", "--from-postgres")
    refused(command(*query), "--from-postgres URL is missing")
    refused(command("--from-postgres", postgres.url), "--query is missing")
    refused(command("-", "--from-postgres", postgres.url, *query), "one of them is meant")
    refused(command("--from-postgres-file", str(path), "--from-postgres", postgres.url, *query), "one of them is meant")
    path.write_text("\n")
    refused(command("--from-postgres-file", str(path), *query), "first line is empty")
