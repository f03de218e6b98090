"""The rate limit per client address, through the real binary."""

import threading
import time

import pytest

from lib import settings
from lib.http import Connection, increment_bytes
from lib.metrics import Metrics
from lib.server import run


def hammer(server, stop_at, passed, headers=()):
    """Asks without pause on one connection; counts what passed."""
    count = 0
    with server.connect() as connection:
        while time.monotonic() < stop_at:
            response = connection.request("GET", "/counters/none", headers=headers)
            assert response.status in (404, 429), response
            count += response.status == 404
    passed.append(count)


def test_over_seconds_what_passes_is_rate_times_time_and_the_burst(start_server):
    seconds = 10 if settings.LONG else 3
    server = start_server("--rate-limit", "200/s", "--rate-limit-burst", "50", wait="ready")
    passed = []
    begin = time.monotonic()
    threads = [threading.Thread(target=hammer, args=(server, begin + seconds, passed)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begin
    allowed = 200 * took + 50
    assert sum(passed) <= allowed
    assert sum(passed) >= 0.99 * (200 * seconds + 50) or settings.SANITIZER


def test_two_addresses_do_not_influence_each_other(start_server):
    server = start_server("--rate-limit", "1/m", "--rate-limit-burst", "5", wait="ready",
                          *("--trusted-proxies", "127.0.0.1"))
    with server.connect() as connection:
        def ask(address):
            return connection.request("GET", "/counters/none", headers=[("X-Forwarded-For", address)]).status

        assert [ask("203.0.113.1") for _ in range(7)] == [404] * 5 + [429] * 2
        assert [ask("203.0.113.2") for _ in range(6)] == [404] * 5 + [429]
        assert [ask("2001:db8:0:1::1"), ask("2001:db8:0:1::2")] == [404] * 2
        assert [ask("2001:db8:0:1:ffff::3") for _ in range(4)] == [404] * 3 + [429]
        assert ask("2001:db8:0:2::1") == 404


def test_a_refused_request_says_when_to_come_back_and_counts_nothing(start_server):
    server = start_server("--rate-limit", "2/s", "--rate-limit-burst", "2", "--trusted-proxies", "127.0.0.1")
    with server.connect() as connection:
        assert connection.increment("limited", 1).status == 200
        assert connection.increment("limited", 1).status in (200, 429)
        response = connection.increment("limited", 1)
        while response.status != 429:
            response = connection.increment("limited", 1)
        assert response.message()
        assert response.header("retry-after") == "1"
        assert response.header("ratelimit-policy") == '"address";q=2;w=1'
        assert response.header("ratelimit").startswith('"address";r=0;t=1')
        assert connection.request("GET", "/readyz").status == 200
        page = Metrics(connection.request("GET", "/metrics").body.decode())
    assert page.value("simple_request_requests_declined_total", reason="rate_limit") >= 1


def test_a_forged_x_forwarded_for_is_ignored(start_server):
    server = start_server("--rate-limit", "1/m", "--rate-limit-burst", "3", wait="ready")
    with server.connect() as connection:
        statuses = [connection.request("GET", "/counters/none",
                                       headers=[("X-Forwarded-For", f"203.0.113.{i}")]).status for i in range(5)]
    assert statuses == [404] * 3 + [429] * 2


def test_a_million_addresses_cost_a_fixed_table(start_server):
    """Each address asks once; the proxy is trusted, so that one client can play them all."""
    count = 1_000_000 if settings.LONG else 100_000
    server = start_server("--rate-limit", "1/d", "--rate-limit-burst", "1", "--trusted-proxies", "127.0.0.1",
                          wait="ready")
    statuses = {404: 0, 429: 0}
    with Connection(server.address) as connection:
        def round_of(first, size):
            connection.send(b"".join(
                b"GET /counters/none HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.%d.%d.%d\r\n\r\n"
                % (i >> 16, i >> 8 & 255, i & 255) for i in range(first, first + size)))
            for response in connection.read_responses(size):
                statuses[response.status] += 1

        for first in range(0, 50_000, 1000):
            round_of(first, 1000)  # what any 50,000 requests take
        before = server.memory()
        for first in range(50_000, count, 1000):
            round_of(first, 1000)
        grown = server.memory() - before
    assert sum(statuses.values()) == count
    if settings.LONG:
        # 114,688 have a place of their own; in each of the 16,384 sets the others share one request.
        assert statuses[404] == 114_688 + 16_384
    if not settings.SANITIZER:
        # The table's 2 MiB and the 8 MiB of buffers that a worker keeps; a million entries of any kind would be more.
        assert grown < 12 << 20


@pytest.mark.parametrize("options, word", [
    (["--rate-limit", "100"], "100/s"),
    (["--rate-limit", "0/s"], "100/s"),
    (["--rate-limit", "5/w"], "100/s"),
    (["--rate-limit", "-1/s"], "100/s"),
    (["--rate-limit", "1/d", "--rate-limit-burst", "1000"], "30 days"),
    (["--trusted-proxies", "10.0.0.1/8"], "10.0.0.1/8"),
    (["--trusted-proxies", "proxy.example"], "proxy.example"),
    (["--proxy-header", "via"], "forwarded"),
])
def test_a_slip_in_an_option_is_named(tmp_path, options, word):
    done = run(*options, home=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr and options[0] in done.stderr
