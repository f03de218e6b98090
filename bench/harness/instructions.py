"""Instructions in user space per request, counted by callgrind: a figure that does not depend on the day.

N requests go through one connection, once few and once many; the difference of the two runs over the difference of
requests leaves out start and end."""

import re
import subprocess
import tempfile
from pathlib import Path

from harness import servers
from harness.loads import LoadFailed
from harness.servers import find_program

FEW, MANY = 1600, 11200  # multiples of both depths below
DEPTHS = (1, 16)
SERVERS = ("floor", "ours-none", "ours-write", "ours-fsync")


def prime(program, port):
    """Counts once more until the total is known: under valgrind the first look at the database may take too long for it."""
    for _ in range(30):
        load = subprocess.run([program, "--port", str(port), "--connections", "1", "--requests", "1"],
                              capture_output=True, text=True, timeout=300, check=False)
        if "200: 1\n" in load.stdout:
            return
    raise LoadFailed(f"the total stays unknown: {load.stdout}{load.stderr}")


# Functions whose instructions count, with all they call: the loop of a worker and that of the journal. What the other
# threads do goes by the clock.
LOOPS = {"floor": ("main",)}
OUR_LOOPS = ("worker_run", "commit_main")


def without_debug_information(program, folder):
    """A copy: valgrind does not read every compiler's."""
    copy = Path(folder) / "program"
    subprocess.run(["objcopy", "--strip-debug", program, str(copy)], check=True)
    return str(copy)


def one_run(server, build, data_root, depth, requests):
    """What the loops of a server executed from its start to its end."""
    loops = (f"--toggle-collect={name}" for name in LOOPS.get(server.name, OUR_LOOPS))
    wrapper = ("valgrind", "--tool=callgrind", "--callgrind-out-file=DIR/callgrind", "--quiet", "--collect-atstart=no", *loops)
    with tempfile.TemporaryDirectory() as folder:
        program = without_debug_information(find_program(server.program, build), folder)
        running = servers.start(server, build, data_root, wrapper=wrapper, program=program)
    try:
        prime(find_program("bench/load", build), running.port)
        words = f"--port {running.port} --connections 1 --depth {depth} --requests {requests}"
        command = [find_program("bench/load", build), *words.split()]
        load = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if load.returncode != 0 or f"200: {requests}\n" not in load.stdout:
            raise LoadFailed(f"{server.name} under callgrind: {load.stdout}{load.stderr}")
        running.process.stop(seconds=120)
        text = (running.directory / "callgrind").read_text(encoding="utf-8", errors="replace")
        return int(re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE).group(1))
    finally:
        running.stop()


def per_request(name, build, data_root, depth, few=FEW, many=MANY):
    runs = [one_run(servers.SERVERS[name], build, data_root, depth, requests) for requests in (few, many)]
    return (runs[1] - runs[0]) / (many - few)


def points(pattern):
    """The (server, depth) whose name, such as `ours-none/16`, matches."""
    return [(name, depth) for name in SERVERS for depth in DEPTHS if re.search(pattern, f"{name}/{depth}")]


def count_all(chosen, build, data_root):
    """{(server, depth): instructions per request}"""
    return {(name, depth): per_request(name, build, data_root, depth) for name, depth in chosen}
