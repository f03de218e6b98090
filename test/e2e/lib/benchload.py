"""bench/load, the load generator in C, as a process: for loads that Python cannot make, and latencies it cannot measure."""

import json
import signal
import subprocess

from lib import child, settings

PROGRAM = settings.binary().parent / "bench" / "load"


class BenchLoad:
    """words: its options as one string. It ends by itself (--seconds, --requests) or by stop()."""

    def __init__(self, server, directory, words):
        BenchLoad.made = getattr(BenchLoad, "made", 0) + 1
        self.file = directory / f"load-{BenchLoad.made}.txt"
        command = [PROGRAM, "--port", str(server.port), "--json", "--ledger", self.file, *words.split()]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=child.end_with_parent)

    def wait(self, timeout):
        """Its report. A connection that broke is a failure."""
        output, _ = self.process.communicate(timeout=timeout * settings.TIME_SCALE)
        assert self.process.returncode == 0, output
        self.report = json.loads(output)
        return self.report

    def stop(self, timeout=60):
        """Ends it; what is in flight is still answered."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def acknowledged(self):
        """{key: increments of one that were acknowledged}."""
        ledger = {}
        for line in self.file.read_text(encoding="ascii").splitlines():
            key, acknowledged, unanswered = line.split()
            assert unanswered == "0", line
            ledger[key] = int(acknowledged)
        return ledger

    def statuses(self):
        return {int(status): number for status, number in self.report["statuses"].items()}
