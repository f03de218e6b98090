"""Retiring an instance: everything is in the database, its row is gone, its directory is never used again."""

import subprocess

import pytest

from lib import settings
from lib.server import StartFailed, environment
from lib.waiting import eventually


def rows(store):
    return store.query("SELECT instance FROM counter_writers")


def assert_retired(server, store, totals):
    assert store.totals() == totals and rows(store) == []
    again = server.command_output("retire")
    assert again.returncode == 0 and again.stdout.startswith("retired: ")
    with pytest.raises(StartFailed) as failed:
        server.start()
    assert "was retired" in str(failed.value)
    assert store.totals() == totals and rows(store) == []


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_what_was_counted_is_flushed_and_the_row_goes(start_server, store, how):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    getattr(server, how)()
    done = server.command_output("retire")
    assert done.returncode == 0, done.stderr
    assert_retired(server, store, {"a": 5})


def test_a_running_service_is_not_retired(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    done = server.command_output("retire")
    assert done.returncode == 1 and "in use by another" in done.stderr
    assert server.increment("a", 1) == 6
    assert server.terminate() == 0 and store.totals() == {"a": 6} and len(rows(store)) == 1


def test_what_cannot_be_flushed_is_not_retired(start_server, proxied):
    store, proxy = proxied
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    server.kill()
    proxy.refuse()
    done = server.command_output("retire", "--drain-timeout", "500ms")
    assert done.returncode == 1 and "not retired, nothing is lost" in done.stderr
    proxy.refuse(False)
    server.start()
    assert server.increment("a", 1) in (6, None)
    assert server.terminate() == 0 and store.totals() == {"a": 6}
    assert server.command_output("retire").returncode == 0
    assert_retired(server, store, {"a": 6})


def test_another_copy_of_the_directory_is_not_retired(start_server, store):
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    assert server.terminate() == 0
    owner = "00000000-0000-4000-8000-000000000001"
    store.execute(f"UPDATE counter_writers SET owner = '{owner}'")
    done = server.command_output("retire", "--drain-timeout", "500ms")
    assert done.returncode == 1 and len(rows(store)) == 1


def test_a_retirement_that_is_killed_is_finished_by_the_next(start_server, store):
    """Killed as soon as the directory is marked: before or after the row is gone."""
    server = start_server("--sync-interval", "1h", store=store)
    server.increment("a", 5)
    server.kill()
    with subprocess.Popen([str(settings.binary()), "retire", "--data-dir", str(server.data_dir), "--database-url", store.url],
                          env=environment(server.directory), stdout=subprocess.DEVNULL) as process:
        eventually((server.data_dir / "retired").exists, 30, "the directory is marked", interval=0.001)
        process.kill()
    assert server.command_output("retire").returncode == 0
    assert_retired(server, store, {"a": 5})


def test_one_that_is_killed_before_the_row_is_gone_is_finished_too(start_server, postgres):
    server = start_server("--sync-interval", "1h", store=postgres)
    server.increment("a", 5)
    server.kill()
    postgres.execute("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                     "$$ BEGIN PERFORM pg_sleep(3600); RETURN OLD; END $$")
    postgres.execute("CREATE TRIGGER wait BEFORE DELETE ON counter_writers FOR EACH ROW EXECUTE FUNCTION wait()")
    with subprocess.Popen([str(settings.binary()), "retire", "--data-dir", str(server.data_dir), "--database-url", postgres.url],
                          env=environment(server.directory)) as process:
        eventually(lambda: postgres.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"), 30, "it removes the row")
        process.kill()
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    postgres.execute("DROP TRIGGER wait ON counter_writers")
    assert len(rows(postgres)) == 1
    with pytest.raises(StartFailed):
        server.start()
    assert server.command_output("retire").returncode == 0
    assert_retired(server, postgres, {"a": 5})
