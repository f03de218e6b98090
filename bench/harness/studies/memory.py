"""Memory of Redis with as many keys as ours held."""

import re
import subprocess
from pathlib import Path

from harness import servers
from harness.contest import MOST
from harness.servers import SERVERS, find_program

FILL = "for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call('INCRBY', string.format('bench-key-%010d', n), 1) end"
STEP = 500_000


def resident_bytes(running):
    status = Path(f"/proc/{running.process.child.pid}/status").read_text(encoding="ascii", errors="replace")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def study(env):
    running = servers.start(SERVERS["redis-memory"], env.build, env.data_root, env.server_cpu)
    try:
        client = [find_program("redis-cli", env.build), "-p", str(running.port)]
        for first in range(1, MOST, STEP):
            command = [*client, "EVAL", FILL, "0", str(first), str(first + STEP - 1)]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        size = subprocess.run([*client, "DBSIZE"], check=True, capture_output=True, text=True, timeout=60).stdout
        if int(size) != MOST:
            raise RuntimeError(f"Redis holds {size} keys")
        return {"redis memory": {"bytes_per_key": [resident_bytes(running) / MOST]}}
    finally:
        running.stop()
