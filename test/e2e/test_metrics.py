"""/metrics: the text format to the letter, and figures that follow what happened."""

from lib.load import Load
from lib.metrics import scrape
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
    assert len(scrape(server).samples) <= before + 100  # the buckets of a few new statuses


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
