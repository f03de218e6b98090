"""What campaigns of process faults share: all totals over HTTP, instances at rest, the operator's verify."""

import json
import signal
import struct
from pathlib import Path

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


def frozen(pid):
    """Every thread is stopped, or the process has ended by itself."""
    try:
        states = {stat.read_text(encoding="latin-1").rpartition(")")[2].split()[0]
                  for stat in Path(f"/proc/{pid}/task").glob("*/stat")}
    except (FileNotFoundError, ProcessLookupError):
        return False  # a thread ended while it was looked at
    return states <= {"T", "Z", "X"}


def freeze(server):
    """SIGSTOP, and nothing of the process moves any more."""
    server.signal(signal.SIGSTOP)
    eventually(lambda: frozen(server.pid), 20, "every thread is stopped", interval=0.001)


def journal_files(data_dir):
    """{id: path} of the journal's raw files that are or were in use: docs/DISK-FORMAT.md, header. A torn one is none."""
    files = {}
    for path in Path(data_dir).glob("raw-*"):
        with open(path, "rb") as file:
            blocks = file.read(8192)
        for at in range(0, len(blocks) // 4096 * 4096, 4096):
            magic, kind, file_id = struct.unpack_from("<4s8xH10xQ", blocks, at)
            if magic == b"SRJ1" and kind == 2:
                files[file_id] = path
    return files


def newest_file(data_dir):
    return max(journal_files(data_dir), default=0)
