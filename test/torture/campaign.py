"""What campaigns of process faults share: all totals over HTTP, instances at rest, the operator's verify."""

import json

from lib.http import request_bytes
from lib.metrics import scrape
from lib.waiting import eventually


def totals_over_http(server, keys):
    """Every key's total as the service names it; keys that were never counted are left out."""
    with server.connect() as connection:
        connection.send(b"".join(request_bytes("GET", f"/counters/{key}") for key in keys))
        responses = connection.read_responses(len(keys))
    totals = {}
    for key, response in zip(keys, responses):
        assert response.status in (200, 404), response
        if response.status == 200:
            data = json.loads(response.body)["data"]
            assert data["key"] == key, response
            totals[key] = data["value"]
    return totals


def come_to_rest(servers, timeout=20):
    """Waits until everything that these instances counted is in the database."""
    for server in servers:
        eventually(lambda: scrape(server).sum("simple_request_keys_dirty") == 0, timeout, "everything is flushed")


def flushes(server):
    """Flushes that succeeded in this life."""
    return scrape(server).sum("simple_request_flush_total", result="applied")


def verify(server):
    """The stopped instance's journal, writer's row and table agree."""
    done = server.command_output("verify")
    assert done.returncode == 0, done.stdout + done.stderr


def stop_and_compare(server, ledger, keys):
    """A stop at rest: the table is what the service said, which is what the clients know; verify agrees."""
    totals = totals_over_http(server, keys)
    ledger.settle(totals)
    assert server.terminate() == 0, server.log()[-2000:]
    assert server.store.totals() == totals
    verify(server)
