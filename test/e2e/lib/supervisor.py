"""A supervisor that holds the listening socket and replaces the process behind it, as a systemd socket unit does."""

import signal
import socket

from lib.waiting import eventually


class Supervisor:
    """make_server: the fixture. All lives share the socket and the data directory."""

    def __init__(self, make_server, *options, store, backlog=1024):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.address = self.socket.getsockname()
        self._make, self._options, self._store, self._data_dir = make_server, options, store, None
        self.server = self._life()
        self._data_dir = self.server.data_dir

    def _life(self):
        return self._make(*self._options, store=self._store, data_dir=self._data_dir, inherited=self.socket)

    def start(self, **how):
        self.server.start(**how)
        return self

    def successor(self):
        """The next process, started beside the present one, that waits for it to end."""
        after = self._life()
        after.start(wait=None)
        eventually(lambda: "datadir.waiting" in after.log(), 10, "the successor waits")
        return after

    def roll(self, overlapping):
        """Replaces the process: the next is started before this one is told to end, or after it has ended."""
        before, after = self.server, self.successor() if overlapping else None
        before.signal(signal.SIGTERM)
        assert before.wait() == 0, before.log()[-2000:]
        self.server = after or self._life().start(wait=None)
        self.server.await_listening()

    def close(self):
        self.socket.close()
