"""A device that promises more than it has: an image on a tmpfs of its own. Blocks of zeros are given back to the tmpfs
and the tmpfs is filled; from then on a write to such a block is a real I/O error of the device, everything else works."""

import contextlib
import fcntl
import os
import struct
import subprocess
import tempfile
from pathlib import Path

from images import BLOCK, mounted, require_loop_devices, run
from lib.disk import fill

FIBMAP = 1
ZEROS = bytes(BLOCK)


class Thin:
    """Around a mounted image. Files are broken while nobody writes to them."""

    def __init__(self, image, folder):
        self.image, self.point, self.filler = image, image.point, folder / "filler"

    def break_files(self, paths):
        """Writes to what is all zero in these files fail from run_out on; what they hold stays."""
        os.sync()
        for path in paths:
            for begin, end in extents(path):
                run("fallocate", "--punch-hole", "--offset", begin, "--length", end - begin, self.image.file)

    def break_free_space(self):
        """The same for everything that the file system has not given to a file yet."""
        rest = self.point / "rest"
        fill(rest)
        self.break_files([rest])
        rest.unlink()
        os.sync()

    def run_out(self):
        fill(self.filler)

    def give_back(self):
        self.filler.unlink()


def extents(path):
    """Where the file's zero blocks lie on the device: (begin, end) in bytes, neighbours joined."""
    found = []
    with open(path, "rb") as file:
        for index in range(os.fstat(file.fileno()).st_size // BLOCK):
            if file.read(BLOCK) != ZEROS:
                continue
            block = struct.unpack("i", fcntl.ioctl(file, FIBMAP, struct.pack("i", index)))[0]
            assert block, f"{path}: block {index} is not on the device"
            if found and found[-1][1] == block * BLOCK:
                found[-1][1] += BLOCK
            else:
                found.append([block * BLOCK, (block + 1) * BLOCK])
    return found


@contextlib.contextmanager
def thin_device(megabytes=96):
    """An ext4 file system on such a device, mounted for a while."""
    require_loop_devices()
    folder = Path(tempfile.mkdtemp(prefix="simple-request-thin-"))
    run("mount", "-t", "tmpfs", "-o", f"size={megabytes + 8}m", "tmpfs", folder)
    try:
        (folder / "device").mkdir()
        with mounted("ext4-ordered", megabytes, folder / "device") as image:
            yield Thin(image, folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()
