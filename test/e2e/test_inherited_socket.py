"""LISTEN_FDS: the socket is the supervisor's, and the next process waits for the one before it."""

import signal
import threading

import pytest

from lib.http import Connection
from lib.server import StartFailed
from lib.supervisor import Supervisor
from lib.waiting import eventually


@pytest.fixture
def supervisor(make_server, sqlite):
    supervisor = Supervisor(make_server, "--drain-timeout", "4s", store=sqlite)
    yield supervisor
    supervisor.close()


def test_it_serves_on_the_socket_it_is_given(supervisor):
    server = supervisor.start().server
    assert server.address == supervisor.address
    assert server.increment("a", 1) == 1
    assert server.terminate() == 0


def test_a_connection_made_between_two_lives_is_answered_by_the_second(supervisor):
    first = supervisor.start().server
    first.increment("a", 1)
    assert first.terminate() == 0
    with Connection(supervisor.address) as waits:
        answers = []
        asks = threading.Thread(target=lambda: answers.append(waits.increment("a", 1)))
        asks.start()
        supervisor.start(wait="listening")
        asks.join()
    assert answers[0].status == 200 and answers[0].json()["data"]["value"] == 2


def test_the_next_process_waits_until_the_one_before_it_has_drained(supervisor):
    first = supervisor.start().server
    with first.connect() as idle:
        assert idle.increment("a", 1).json()["data"]["value"] == 1
        second = supervisor.successor()
        first.signal(signal.SIGTERM)
        eventually(lambda: "server.draining" in first.log(), 10, "the first drains")
        last = idle.increment("a", 1)
        assert last.json()["data"]["value"] == 2 and last.header("connection") == "close"
    assert first.wait() == 0
    second.await_listening()
    assert second.increment("a", 1) == 3
    assert second.terminate() == 0


def test_a_signal_ends_the_wait_and_nothing_else(supervisor):
    first = supervisor.start().server
    second = supervisor.successor()
    assert second.terminate(5) == 0
    assert first.increment("a", 1) == 1


@pytest.mark.long
def test_a_process_that_is_never_told_to_end_is_not_waited_for_without_end(supervisor, make_server, sqlite):
    first = supervisor.start().server
    second = make_server("--drain-timeout", "0s", store=sqlite, data_dir=first.data_dir, inherited=supervisor.socket)
    with pytest.raises(StartFailed) as failure:
        second.start(timeout=20)
    assert failure.value.exit_code > 0 and f"process {first.pid}" in failure.value.log
    assert first.increment("a", 1) == 1
