"""The data directory: read-only, full, taken, copied. A clear word and nothing lost in each case."""

import resource
import shutil

import pytest

from lib.child import respect_permissions
from lib.disk import fill
from lib.server import StartFailed
from lib.store import SqliteStore
from lib.waiting import equal_eventually, eventually


def test_a_read_only_directory_is_refused_by_name(make_server, tmp_path):
    directory = tmp_path / "readonly"
    directory.mkdir(mode=0o555)
    server = make_server(data_dir=directory, preexec=respect_permissions)
    with pytest.raises(StartFailed) as failure:
        server.start()
    assert failure.value.exit_code > 0
    assert str(directory) in failure.value.log


def test_a_file_in_the_directorys_place_is_refused_by_name(make_server, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(StartFailed) as failure:
        make_server(data_dir=path).start()
    assert failure.value.exit_code > 0 and str(path) in failure.value.log


def test_a_missing_directory_is_made_with_its_parents(make_server, tmp_path):
    directory = tmp_path / "a" / "b" / "c"
    server = make_server(data_dir=directory).start()
    assert server.increment("a", 1) == 1
    assert directory.stat().st_mode & 0o007 == 0, "counts are nobody else's business"


def test_a_second_start_on_the_same_directory_is_refused(start_server, make_server):
    first = start_server()
    second = make_server(data_dir=first.data_dir)
    with pytest.raises(StartFailed) as failure:
        second.start()
    assert failure.value.exit_code > 0
    assert str(first.data_dir) in failure.value.log
    assert first.increment("a", 1) == 1


def test_the_directory_is_free_again_after_a_kill(start_server, make_server):
    first = start_server()
    first.increment("a", 1)
    first.kill()
    second = make_server(data_dir=first.data_dir).start()
    assert second.total("a") == 1


def test_a_port_that_another_instance_holds_is_refused(start_server, make_server):
    first = start_server()
    second = make_server("--port", str(first.port))
    with pytest.raises(StartFailed) as failure:
        second.start()
    assert str(first.port) in failure.value.log
    assert first.increment("a", 1) == 1


def test_a_disk_without_room_for_the_journal_refuses_to_start(make_server, small_disk, postgres):
    fill(small_disk / "filler")
    server = make_server(store=postgres, data_dir=small_disk / "data")
    with pytest.raises(StartFailed) as failure:
        server.start()
    assert failure.value.exit_code > 0 and str(small_disk) in failure.value.log
    (small_disk / "filler").unlink()
    assert server.start().increment("a", 1) == 1


def test_a_file_size_limit_is_an_error_and_not_a_death_by_signal(make_server, postgres):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))

    server = make_server(store=postgres, preexec=limited)
    with pytest.raises(StartFailed) as failure:
        server.start()
    assert failure.value.exit_code > 0 and str(server.data_dir) in failure.value.log


def test_a_copied_directory_is_stopped_by_the_fence(start_server, make_server, store, tmp_path):
    first = start_server("--sync-interval", "200ms", store=store)
    first.increment("a", 1)
    assert first.terminate() == 0
    shutil.copytree(first.data_dir, tmp_path / "copy")
    first.start()
    assert first.increment("a", 1) == 2
    copy = make_server("--sync-interval", "200ms", store=store, data_dir=tmp_path / "copy")
    copy.start(wait="listening")
    response = eventually(lambda: not_ready(copy), 10, "the copy is not ready")
    assert response.message()
    assert copy.get("/livez").status == 200
    with copy.connect() as connection:
        connection.increment("a", 100)
    assert first.increment("a", 1) == 3
    equal_eventually(store.totals, {"a": 3}, 5, "the first goes on")
    copy.terminate()
    first.increment("a", 1)
    assert first.terminate() == 0
    assert store.totals() == {"a": 4}


def not_ready(server):
    response = server.get("/readyz")
    return response if response.status == 503 else None


def test_a_directory_moved_elsewhere_goes_on(start_server, make_server, tmp_path, sqlite):
    first = start_server(store=sqlite)
    first.increment("a", 1)
    first.kill()
    moved = shutil.move(first.data_dir, tmp_path / "moved")
    second = make_server(data_dir=moved, store=SqliteStore(sqlite.path)).start()
    assert second.increment("a", 1) == 2
