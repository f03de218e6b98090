"""A control group with a memory limit, of version 1 or 2, for one test's processes."""

import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class MemoryGroup:
    """None of its processes may use more than `limit` bytes together, page cache included. OSError where that cannot be."""

    def __init__(self, name, limit):
        self.version = 2 if (ROOT / "cgroup.controllers").exists() else 1
        self.path = self._parent() / f"{name}-{os.getpid()}"
        self.path.mkdir()
        self._write("memory.max" if self.version == 2 else "memory.limit_in_bytes", limit)

    def _parent(self):
        if self.version == 2:
            (ROOT / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
            return ROOT
        for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                own = ROOT / "memory" / path.lstrip("/")
                return own if own.is_dir() else ROOT / "memory"
        raise OSError("no memory controller")

    def _write(self, name, value):
        (self.path / name).write_text(str(value), encoding="ascii")

    def _read(self, name):
        return (self.path / name).read_text(encoding="ascii")

    def enter(self):
        """For a child between fork and exec."""
        self._write("cgroup.procs", os.getpid())

    def used(self):
        return int(self._read("memory.current" if self.version == 2 else "memory.usage_in_bytes"))

    def page_cache(self):
        wanted = "file" if self.version == 2 else "cache"
        return next(int(line.split()[1]) for line in self._read("memory.stat").splitlines() if line.split()[0] == wanted)

    def kills(self):
        """Processes that the kernel killed for want of memory."""
        lines = self._read("memory.events" if self.version == 2 else "memory.oom_control").splitlines()
        return next(int(line.split()[1]) for line in lines if line.split()[0] == "oom_kill")

    def close(self):
        """Its processes must have ended; the kernel may need a moment to see it."""
        for _ in range(100):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.05)
        return self.path.rmdir()
