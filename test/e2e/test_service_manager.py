"""NOTIFY_SOCKET: what a service manager of type notify is told, and when."""

import signal
import socket
import time

import pytest

from lib import settings


class Manager:
    """The manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hears(self, timeout=20):
        """The next message as a dictionary."""
        self.socket.settimeout(timeout * settings.TIME_SCALE)
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def hears_but_watchdog(self):
        while True:
            message = self.hears()
            if message != {"WATCHDOG": "1"}:
                return message


@pytest.fixture
def manager(tmp_path_factory):
    manager = Manager(tmp_path_factory.mktemp("manager") / "notify")
    yield manager
    manager.socket.close()


def test_a_manager_hears_of_readiness_reload_and_end(manager, make_server):
    server = make_server(env={"NOTIFY_SOCKET": manager.path}).start(wait=None)
    ready = manager.hears()
    server.await_listening()
    assert ready == {"READY": "1", "STATUS": f"http://127.0.0.1:{server.port}"}
    assert server.increment("a", 1) == 1
    before = time.monotonic_ns() // 1000
    server.signal(signal.SIGHUP)
    reloading = manager.hears()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) >= before
    assert manager.hears() == ready
    server.signal(signal.SIGTERM)
    assert manager.hears()["STOPPING"] == "1"
    assert server.wait() == 0


def test_its_watchdog_is_told_again_and_again(manager, make_server):
    server = make_server(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "30000000"}).start(wait=None)
    assert manager.hears_but_watchdog()["READY"] == "1"
    assert [manager.hears(), manager.hears()] == [{"WATCHDOG": "1"}] * 2
    assert server.terminate() == 0


def test_a_failed_start_is_never_called_ready(manager, make_server, tmp_path):
    (tmp_path / "file").write_text("no directory")
    server = make_server(data_dir=tmp_path / "file" / "data", env={"NOTIFY_SOCKET": manager.path}).start(wait=None)
    assert server.wait() == 1
    with pytest.raises(TimeoutError):
        manager.hears(timeout=0.1)


def test_a_manager_that_cannot_be_reached_is_a_warning(make_server):
    server = make_server(env={"NOTIFY_SOCKET": "vsock:2:1234"}).start()
    assert "server.not_notifying" in server.log()
    assert server.terminate() == 0
