"""/metrics: the text format to the letter, and figures that follow what happened."""

import gzip
import shutil
import subprocess
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lib import settings
from lib.load import Load, keys_at_random
from lib.metrics import Metrics, scrape
from lib.waiting import eventually

NAMES = ["simple_request_increments_accepted_total", "simple_request_journal_bytes", "simple_request_keys",
         "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds",
         "process_open_fds", "process_max_fds"]


def test_the_page_is_well_formed_and_has_the_promised_names(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    server.increment("a", 1)
    eventually(lambda: server.counter("a")["synced"] == 1, 5, "a flush")
    metrics = scrape(server)
    for name in NAMES:
        assert metrics.sum(name) >= 0
    assert metrics.types["http_server_request_duration_seconds"] == "histogram"
    assert metrics.types["simple_request_flush_total"] == "counter"


def test_accepted_increments_are_counted_and_refused_ones_are_not(start_server):
    server = start_server()
    before = scrape(server).sum("simple_request_increments_accepted_total")
    ledger = Load(server.address, [(f"k{n % 10}", 1) for n in range(1000)], connections=4).run()
    assert ledger.statuses == {200: 1000}
    with server.connect() as connection:
        assert connection.increment("bad", 1.5).status == 422
    assert scrape(server).sum("simple_request_increments_accepted_total") - before == 1000
    assert scrape(server).sum("simple_request_keys") >= 10


def ledger(server):
    metrics = scrape(server)
    names = ("accepted", "synced", "refused", "unsynced", "mismatch")
    return tuple(int(metrics.sum(f"simple_request_ledger_{name}")) for name in names)


def test_the_ledger_balances(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    for value in (5, -12, 0, 3):
        server.increment(f"k{value}", value)
    eventually(lambda: ledger(server) == (-4, -4, 0, 0, 0), 5, "everything is synced")
    Load(server.address, [(f"k{n % 10}", 1) for n in range(5000)], connections=8).run()
    accepted, synced, refused, unsynced, mismatch = ledger(server)
    assert accepted == 4996 and refused == mismatch == 0 and synced + unsynced == accepted
    eventually(lambda: ledger(server) == (4996, 4996, 0, 0, 0), 5, "everything is synced")


def test_requests_are_counted_by_route_and_status_not_by_key(start_server):
    server = start_server()
    name = "http_server_request_duration_seconds_count"
    before = scrape(server).sum(name, http_response_status_code="404")
    server.increment("secret-key-name", 1)
    server.counter("secret-key-name")
    server.get("/nothing-like-this")
    with server.connect() as connection:
        connection.increment("secret-key-name", "x")
    text = server.get("/metrics").body
    assert b"secret-key-name" not in text and b"nothing-like-this" not in text
    metrics = scrape(server)
    labels = {"http_request_method": "POST", "http_route": "/increment"}
    assert metrics.sum(name, **labels, http_response_status_code="200") == 1
    assert metrics.sum(name, **labels, http_response_status_code="422") == 1
    assert metrics.sum(name, http_route="/counters/{key}", http_response_status_code="200") == 1
    assert metrics.sum(name, http_response_status_code="404") == before + 1


def test_strange_keys_and_methods_never_become_labels(start_server):
    server = start_server()
    for key in ('a"} 1\nfake 1', "\\", "\x1b[2J", "é" * 200):
        server.increment(key, 1)
        server.counter(key)
    before = len(scrape(server).samples)
    with server.connect() as connection:
        for n in range(200):
            connection.request("GET", f"/unknown{n}")
            connection.increment(f"key{n}", 1)
            connection.request("PATCH", f"/counters/{n}")
    assert len(scrape(server).samples) <= before + 150  # the buckets of a few new statuses


def test_flushes_are_counted_by_result(start_server, store):
    server = start_server("--sync-interval", "100ms", store=store)
    server.increment("a", 1)
    eventually(lambda: server.counter("a")["synced"] == 1, 5, "a flush")
    assert scrape(server).sum("simple_request_flush_total") >= 1


def test_counters_never_go_down(start_server):
    server = start_server("--sync-interval", "100ms")
    previous = scrape(server)
    for round_ in range(5):
        server.increment("a", round_)
        now = scrape(server)
        for name, labels, value in previous.samples:
            if previous.types.get(name) == "counter":
                assert now.value(name, **labels) >= value, name
        previous = now


def test_the_escaped_log_has_one_line_an_event(start_server):
    server = start_server("--log-level", "debug")
    server.increment("line\nbreak\r\n{\"event\":\"forged\"}\x1b[2J", 1)
    assert server.terminate() == 0
    lines = server.log().splitlines()
    assert lines and all(line.startswith("{") and line.endswith("}") for line in lines)
    assert len(server.events()) == len(lines)
    assert not any(event.get("event") == "forged" for event in server.events())
    assert "\x1b" not in server.log()


OPENMETRICS = [("Accept", "application/openmetrics-text; version=1.0.0")]
CPU_PER_SCRAPE = 0.005  # seconds


def under_load(server, look):
    """What `look` gives while increments, refused requests and lists are answered."""
    load = Load(server.address, keys_at_random([f"k{n}" for n in range(500)]), connections=8).start()
    try:
        eventually(lambda: scrape(server).sum("simple_request_flush_total", result="applied") >= 2, 20, "two flushes")
        server.get("/counters?limit=10")
        server.get("/nothing")
        return look()
    finally:
        load.stop()


def test_promtool_finds_nothing_under_load(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    page = under_load(server, lambda: server.get("/metrics").body)
    check = subprocess.run([shutil.which("promtool"), "check", "metrics"], input=page, capture_output=True, timeout=60, check=False)
    assert check.returncode == 0 and not check.stdout + check.stderr, check.stdout + check.stderr


def test_openmetrics_is_read_by_its_own_strict_parser_and_tells_the_same(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    response = under_load(server, lambda: server.get("/metrics", OPENMETRICS))
    assert response.header("content-type").startswith("application/openmetrics-text; version=1.0.0")
    families = list(text_string_to_metric_families(response.body.decode()))
    names = {sample.name for family in families for sample in family.samples}
    assert names == {name for name, _, _ in scrape(server).samples}
    assert {family.type for family in families} == {"counter", "gauge", "histogram", "info"}


def test_the_page_is_packed_for_whoever_takes_gzip(start_server):
    server = start_server()
    packed = server.get("/metrics", [("Accept-Encoding", "gzip, deflate")])
    assert packed.header("content-encoding") == "gzip"
    assert packed.header("vary") == "Accept, Accept-Encoding"
    text = gzip.decompress(packed.body)
    assert len(packed.body) < len(text) / 5
    assert Metrics(text.decode()).sum("simple_request_workers") >= 1
    for refused in ("identity", "gzip;q=0", "br"):
        plain = server.get("/metrics", [("Accept-Encoding", refused)])
        assert plain.header("content-encoding") is None and plain.body.startswith(b"# HELP")


def test_a_scrape_under_load_costs_little(start_server):
    """By the thread's own clock: what else the machine does is not in it. The median, since a page is cold at times."""
    server = start_server("--sync-interval", "200ms")

    def costs():
        server.get("/metrics")
        return sorted(scrape(server).sum("simple_request_scrape_duration_seconds") for _ in range(21))

    assert 0 < under_load(server, costs)[10] < CPU_PER_SCRAPE * settings.TIME_SCALE


def test_the_database_is_told_by_operation_and_connection(start_server, store):
    server = start_server("--sync-interval", "200ms", store=store)
    ages = "simple_request_key_age_seconds_count"
    under_load(server, lambda: eventually(lambda: scrape(server).sum(ages) >= 500, 20, "500 changed keys were flushed"))
    metrics = scrape(server)
    operations = {"apply": "counters", "load": "counters", "list": "counters", "claim": "counter_writers"}
    for name, table in operations.items():
        labels = {"db_operation_name": name, "db_collection_name": table}
        assert metrics.sum("db_client_operation_duration_seconds_count", **labels) >= 1, name
    for pool in ("flusher", "loader", "lister"):
        for kind in ("db_client_connection_wait_time", "db_client_connection_use_time", "simple_request_database_idle",
                     "simple_request_database_decode"):
            assert metrics.sum(f"{kind}_seconds_count", db_client_connection_pool_name=pool) >= 1, (pool, kind)
    assert metrics.sum("db_client_connection_max") == 3
    assert metrics.sum("simple_request_journal_sync_duration_seconds_count") >= 1
    assert metrics.sum("simple_request_reply_hold_seconds_count") >= 1
    assert metrics.sum("simple_request_loop_delay_seconds_count") >= 1


def test_a_database_that_fails_is_counted(start_server, proxied):
    store, proxy = proxied
    server = start_server("--sync-interval", "100ms", store=store)
    proxy.refuse()
    with server.connect() as connection:
        assert connection.increment("a", 1).status in (200, 202)
    eventually(lambda: scrape(server).sum("simple_request_database_failures_total") >= 1, 20, "a failure")


def test_sizes_of_bodies_are_counted(start_server):
    server = start_server()
    body = server.get("/openapi.yaml").body
    metrics = scrape(server)
    assert metrics.sum("http_server_response_body_size_bytes_sum", http_route="/openapi.yaml") == len(body)
    assert metrics.sum("http_server_response_body_size_bytes_count", http_route="/openapi.yaml") == 1


def test_program_machine_and_place_are_told(start_server, store):
    server = start_server(store=store)
    metrics = scrape(server)
    versions = {labels["name"] for name, labels, _ in metrics.samples if name == "simple_request_dependency_info"}
    assert versions >= {"libpq", "sqlite", "llhttp", "yyjson", "openssl", "zlib", "libc", "kernel", "compiler"}
    assert metrics.sum("simple_request_listener_info", port=str(server.port)) == 1
    assert metrics.sum("simple_request_cores", kind="allowed") >= 1
    assert metrics.sum("simple_request_memory_bytes", owner="counter_table") > 0
    assert metrics.sum("simple_request_shared_objects") > 5


def test_every_thread_has_a_name(start_server):
    server = start_server("--workers", "2")
    names = [path.read_text().strip() for path in Path(f"/proc/{server.pid}/task").glob("*/comm")]
    assert set(names) == {"flusher", "journal", "journal-keeper", "lister", "loader", "simple-request", "worker-0", "worker-1"}
    assert scrape(server).value("process_threads") == len(names)
