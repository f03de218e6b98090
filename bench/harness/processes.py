"""Server processes: started pinned, in their own session, and stopped by their process id."""

import os
import re
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class ServerFailed(Exception):
    pass


def pinned(command, cpu):
    """The command on one core; cpu None: wherever the kernel likes."""
    return command if cpu is None else ["taskset", "-c", str(cpu), *command]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One running server. Its own session keeps a Ctrl-C on the terminal from it, so that its end is ours alone to
    order; the kernel kills it where this program cannot (setpriv)."""

    def __init__(self, name, command, directory, cpu=None):
        self.name = name
        self.log_path = directory / "log"
        with open(self.log_path, "wb") as log:
            self.child = subprocess.Popen(
                pinned(["setpriv", "--pdeathsig", "KILL", *command], cpu),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, pattern, seconds=30):
        """The first match of a pattern in what the server prints."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log())
            if found:
                return found
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        raise ServerFailed(f"{self.name} did not get ready:\n{self.log()[-2000:]}")

    def log(self):
        return self.log_path.read_text(errors="replace")

    def cpu_seconds(self):
        """(utime, stime) of all its threads."""
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND

    def kill(self):
        """As a crash would end it."""
        self.child.kill()
        self.child.wait()

    def stop(self, seconds=30):
        """Asks it to end and returns its exit code; kills it when it does not."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait()
