"""File systems in image files: made, mounted, cut off as by a power loss, unmounted. Needs root and loop devices.

The images lie in memory where they can: what a power loss takes is what the file system above has not yet sent down, so
that the device below may be as fast as it likes."""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, uint32_t)
NO_LOG_FLUSH = 2  # the file system's own log is not written either
MEMORY = "/dev/shm"
BLOCK = 4096

# name: mkfs command, mount options, least MiB
KINDS = {
    "ext4-ordered": (["mkfs.ext4", "-q", "-F", "-b", str(BLOCK), "-E", "lazy_itable_init=0"], "loop,data=ordered", 1),
    "ext4-writeback": (["mkfs.ext4", "-q", "-F", "-b", str(BLOCK), "-E", "lazy_itable_init=0"], "loop,data=writeback", 1),
    "xfs": (["mkfs.xfs", "-q", "-f"], "loop", 304),
}


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"
    return done.stdout


def require_loop_devices():
    """Skips where the machine (or the container) does not let a test mount images; that is no pass."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount images")
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("no loop devices here (/dev/loop-control)")


@contextlib.contextmanager
def mounted(kind, megabytes=192, folder=None):
    """An image of its own, mounted for a while. Whatever happens nothing of it stays."""
    require_loop_devices()
    folder = folder or tempfile.mkdtemp(prefix="simple-request-image-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    image = Image(Path(folder), kind, megabytes)
    try:
        try:
            image.mount()
        except AssertionError as error:
            pytest.skip(f"{kind} cannot be mounted here: {error}")
        yield image
    finally:
        image.close()
        shutil.rmtree(folder)


class Image:
    """One file system; mount and unmount in turn, close at the end whatever happened."""

    def __init__(self, folder, kind, megabytes=192):
        self.kind = kind
        self.file = folder / "image"
        self.point = folder / "mounted"
        self.point.mkdir()
        self.bytes = max(megabytes, KINDS[kind][2]) << 20
        self.mounted = False
        self.make()

    def make(self):
        """An empty file system, every byte of its device there."""
        with open(self.file, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.bytes)
        run(*KINDS[self.kind][0], self.file)
        with open(self.file, "r+b") as file:  # mkfs trims
            os.posix_fallocate(file.fileno(), 0, self.bytes)

    def mount(self):
        run("mount", "-o", KINDS[self.kind][1], self.file, self.point)
        self.mounted = True

    def unmount(self):
        """The loop device goes with it."""
        run("umount", self.point)
        self.mounted = False

    def cut(self):
        """From here on nothing reaches the device any more, and what was not there by now never will."""
        directory = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(directory)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.point], check=True)
            self.mounted = False
