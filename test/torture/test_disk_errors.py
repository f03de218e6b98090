"""Disks that fail and disks that are full, for the journal and for the SQLite store: what was acknowledged is kept, what was
refused is not applied, and readiness says why."""

import signal

import pytest

from campaign import freeze, journal_files, newest_file, stop_and_compare, totals_over_http
from images import mounted
from lib.disk import fill
from lib.load import Load, keys_at_random
from lib.metrics import scrape
from lib.server import StartFailed
from lib.store import PostgresStore, SqliteStore
from lib.waiting import eventually
from thin import thin_device

pytestmark = pytest.mark.power_loss
KEYS = [f"key{n}".ljust(500, "k") for n in range(100)]  # long ones, to fill the journal soon
DURABILITIES = ("fsync", "write")  # the error of a direct write, and of a sync


@pytest.fixture
def thin():
    with thin_device() as thin:
        yield thin


@pytest.fixture(params=["ext4-ordered", "xfs"])
def small_image(request):
    with mounted(request.param, megabytes=96) as image:
        yield image


def load(server, seed=1, connections=16, depth=16, **more):
    return Load(server.address, keys_at_random(KEYS, seed=seed), connections=connections, depth=depth, **more).start()


def failures(server):
    return scrape(server).sum("simple_request_journal_failures_total")


def break_while_frozen(server, thin, *breaks):
    """Nothing is written meanwhile."""
    freeze(server)
    for one in breaks:
        one()
    thin.run_out()
    server.signal(signal.SIGCONT)


def check_refusal(server):
    with server.connect() as connection:
        response = connection.increment(KEYS[0], 1)
        assert response.status == 503 and response.message() and int(response.header("retry-after")) >= 1, response
        assert connection.request("GET", "/livez").status == 200


def cut_power(server, image):
    """What the page cache still shows of what never reached the device goes with it."""
    if server.alive():
        freeze(server)
    image.cut()
    server.kill()
    image.unmount()


def lose_power(server, image):
    cut_power(server, image)
    image.mount()


def end_of_life(server, image, durability):
    """The worst that nothing acknowledged may be lost by."""
    if durability == "fsync":
        lose_power(server, image)
    else:
        server.kill()


def takes(server, ledger):
    with server.connect() as connection:
        response = connection.increment(KEYS[0], 1)
    if response.status in (200, 202):
        ledger.acknowledged[KEYS[0]] += 1
    return response.status == 200


def start_on_thin(start_server, thin, store, durability):
    server = start_server("--sync-interval", "1h", "--hold-timeout", "1s", "--durability", durability, store=store,
                          data_dir=thin.point / "data")
    ledger = load_some(server)
    eventually(lambda: scrape(server).sum("simple_request_journal_files", kind="spare") >= 2, 10, "spares are there")
    return server, ledger


def load_some(server):
    """So that every key's total is known from here on."""
    source = keys_at_random(KEYS)
    ledger = Load(server.address, (next(source) for _ in range(2000)), connections=8, depth=16).run()
    ledger.check_exact(totals_over_http(server, KEYS))
    return ledger


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_journal_file_that_cannot_be_written_is_replaced_and_never_used_again(thin, start_server, postgres, durability):
    server, ledger = start_on_thin(start_server, thin, postgres, durability)
    files = journal_files(server.data_dir)
    broken, path = max(files), files[max(files)]
    break_while_frozen(server, thin, lambda: thin.break_files([path]))
    assert server.increment(KEYS[0], 1) == ledger.acknowledged[KEYS[0]] + 1  # alone: nobody comes after it
    ledger.acknowledged[KEYS[0]] += 1
    running = load(server)
    eventually(lambda: failures(server) >= 1, 20, "the write fails")
    eventually(lambda: newest_file(server.data_dir) > broken, 20, "another file is begun")
    eventually(lambda: server.get("/readyz").status == 200, 20, "ready")
    ledger.add(running.stop())
    assert not ledger.unanswered and set(ledger.statuses) <= {200, 503}, dict(ledger.statuses)
    assert failures(server) == 1
    after = journal_files(server.data_dir)
    assert broken not in after or after[broken] == path
    assert all(number <= broken for number, other in after.items() if other == path), "the failed file is in use again"
    ledger.settle(totals_over_http(server, KEYS))
    end_of_life(server, thin.image, durability)
    server.start()
    stop_and_compare(server, ledger, KEYS)


def break_everything(server, thin):
    break_while_frozen(server, thin, lambda: thin.break_files(server.data_dir.glob("raw-*")), thin.break_free_space)


def load_until_failed(server, ledger):
    """Load meets the broken disk; every line ends with an answer or, at --hold-timeout, without one (with --durability write
    only new work may be met, and be refused)."""
    running = load(server, reconnect=True)
    eventually(lambda: scrape(server).sum("simple_request_journal_failed") == 1, 20, "the journal has failed")
    ledger.add(running.stop())
    assert (ledger.unanswered or "write" in server.options) and set(ledger.statuses) <= {200, 503}, dict(ledger.statuses)
    ready = server.get("/readyz")
    assert ready.status == 503 and "the journal cannot be written" in ready.message(), ready
    check_refusal(server)


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_disk_that_fails_altogether_is_waited_for(thin, start_server, postgres, durability):
    server, ledger = start_on_thin(start_server, thin, postgres, durability)
    break_everything(server, thin)
    load_until_failed(server, ledger)
    thin.give_back()
    eventually(lambda: server.get("/readyz").status == 200, 20, "ready again, by itself")
    ledger.settle(totals_over_http(server, KEYS))
    ledger.add(load_some_more(server))
    end_of_life(server, thin.image, durability)
    server.start()
    ledger.settle(totals_over_http(server, KEYS))
    stop_and_compare(server, ledger, KEYS)


def load_some_more(server):
    source = keys_at_random(KEYS, seed=2)
    ledger = Load(server.address, (next(source) for _ in range(2000)), connections=8, depth=16).run()
    assert set(ledger.statuses) == {200} and not ledger.unanswered, dict(ledger.statuses)
    return ledger


def mounts(image):
    """False where ext4 finds metadata in its log that belongs to blocks which still fail: it has put some there since they
    broke, at times. Then a disk that fails has no file system at all until somebody mends it."""
    try:
        image.mount()
    except AssertionError as refused:
        assert "can't read superblock" in str(refused), refused  # what mount says when the log cannot be played
        return False
    return True


def test_power_loss_while_the_disk_fails_takes_nothing_that_was_acknowledged(thin, start_server, postgres):
    server, ledger = start_on_thin(start_server, thin, postgres, "fsync")
    break_everything(server, thin)
    load_until_failed(server, ledger)
    cut_power(server, thin.image)
    if mounts(thin.image):
        with pytest.raises(StartFailed) as refused:
            server.start()
        assert refused.value.exit_code not in (0, None) and str(thin.point) in refused.value.log, refused.value
        thin.give_back()
    else:
        thin.give_back()
        thin.image.mount()
    server.start()
    ledger.settle(totals_over_http(server, KEYS))
    stop_and_compare(server, ledger, KEYS)


def test_a_full_disk_refuses_until_there_is_space_and_a_power_loss_then_takes_nothing(
        small_image, start_server, own_cluster):
    own_cluster.start()
    store = PostgresStore(own_cluster)
    server = start_server("--sync-interval", "500ms", store=store, data_dir=small_image.point / "data")
    ledger = load_some(server)
    own_cluster.stop()
    fill(small_image.point / "filler")
    running = load(server, connections=8, depth=64)
    eventually(lambda: running.ledger.statuses[503] > 2000, 60, "the journal is full")
    ledger.add(running.stop())
    assert set(ledger.statuses) <= {200, 202, 503} and not ledger.unanswered, dict(ledger.statuses)
    check_refusal(server)
    (small_image.point / "filler").unlink()
    eventually(lambda: takes(server, ledger), 20, "increments are taken again")
    lose_power(server, small_image)
    own_cluster.start()
    server.start()
    ledger.settle(totals_over_http(server, KEYS))
    stop_and_compare(server, ledger, KEYS)


def sqlite_with_a_file_on(point, start_server, tmp_path):
    """The journal's disk is another one."""
    return start_server("--sync-interval", "100ms", store=SqliteStore(point / "counters.db"), data_dir=tmp_path / "journal")


def test_an_sqlite_file_that_cannot_be_written_stops_flushing_until_an_operator_acts(thin, start_server, tmp_path):
    server = sqlite_with_a_file_on(thin.point, start_server, tmp_path)
    ledger = load_some(server)
    break_while_frozen(server, thin, thin.break_free_space, lambda: thin.break_files(thin.point.glob("counters.db*")))
    running = load(server)
    ready = eventually(lambda: not_ready(server), 30, "an I/O error is met")
    assert "flushing has stopped" in ready.message() and "check the disk, then restart" in ready.message(), ready
    thin.give_back()
    retired = scrape(server).sum("simple_request_journal_retired_files_total")
    ledger.add(running.stop())
    assert set(ledger.statuses) <= {200} and not ledger.unanswered, dict(ledger.statuses)
    ledger.settle(totals_over_http(server, KEYS))
    assert not_ready(server), "good disk or not: nobody acted"
    assert scrape(server).sum("simple_request_journal_retired_files_total") == retired
    assert server.terminate() == 0
    server.start()
    ledger.settle(totals_over_http(server, KEYS))
    lose_power(server, thin.image)
    server.start()
    stop_and_compare(server, ledger, KEYS)


def not_ready(server):
    response = server.get("/readyz")
    return response if response.status == 503 else None


def test_a_full_disk_below_sqlite_is_an_outage_that_ends_by_itself(small_image, start_server, tmp_path):
    server = sqlite_with_a_file_on(small_image.point, start_server, tmp_path)
    ledger = load_some(server)
    fill(small_image.point / "filler")
    running = Load(server.address, new_keys(), connections=8, depth=64).start()
    eventually(lambda: scrape(server).sum("simple_request_flush_total", result="failed") >= 1, 30, "a flush fails")
    ledger.add(running.stop())
    assert set(ledger.statuses) <= {200, 202} and not ledger.unanswered, dict(ledger.statuses)
    assert server.get("/readyz").status == 200
    (small_image.point / "filler").unlink()
    keys = sorted(ledger.acknowledged)
    eventually(lambda: scrape(server).sum("simple_request_keys_dirty") == 0, 20, "flushed by itself")
    stop_and_compare(server, ledger, keys)


def new_keys():
    """So that the table grows."""
    number = 0
    while True:
        number += 1
        yield f"new{number}".ljust(500, "n"), 1
