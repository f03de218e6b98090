"""A private PostgreSQL (test/e2e/lib/postgres.py), with memory and WAL as a machine of this size would be given."""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "e2e"))

from lib.postgres import USER, Cluster  # noqa: E402,F401

from harness.processes import TICKS_PER_SECOND  # noqa: E402
from harness.servers import KEY, POSTGRES_SETTINGS  # noqa: E402

DATABASE = "e2e_1"
TABLE = """CREATE TABLE {name} (
  key text COLLATE "C" PRIMARY KEY, value bigint NOT NULL, inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 90)"""


def start_on(started, cpu):
    """Children inherit their core from the postmaster, and that one from us."""
    usual = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, usual if cpu is None else {cpu})
        started.start()
    finally:
        os.sched_setaffinity(0, usual)


def cluster(data_root, cpu=None):
    """A started cluster with the database DATABASE; whoever asks closes it. On one core, where one is named."""
    tempfile.tempdir = str(data_root)
    started = Cluster()
    try:
        started._configure(''.join(f"{name} = {value}\n" for name, value in POSTGRES_SETTINGS.items()))  # pylint: disable=protected-access
        start_on(started, cpu)
        started.create_database()
    except BaseException:
        started.close()
        raise
    return started


def ask(running, statement):
    """The rows of one statement."""
    connection = running.connect(DATABASE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def times(pid):
    """utime, stime, and those of its children that were waited for, in ticks; zeros where the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0, 0, 0
    return tuple(int(field) for field in text.rpartition(")")[2].split()[11:15])


class Upserts:
    """PostgreSQL as a contestant: a table that clients write to themselves."""

    name = "postgresql"
    counts = True
    protocol = "postgresql"

    def __init__(self, data_root, cpu):
        self.cluster = cluster(data_root, cpu)
        self.port, self.process, self.acknowledged = self.cluster.port, self, 0
        ask(self.cluster, TABLE.format(name="counters"))

    def cpu_seconds(self):
        """Of its children that are there, then of the postmaster and those that were: none is missed that ends between."""
        postmaster, *children = self.cluster.processes()
        own = [times(pid)[:2] for pid in children] + [times(postmaster)[:2], times(postmaster)[2:]]
        return sum(user for user, _ in own) / TICKS_PER_SECOND, sum(system for _, system in own) / TICKS_PER_SECOND

    def count(self, value):
        rows = ask(self.cluster, f"""INSERT INTO counters AS c (key, value) VALUES ('{KEY}', {int(value)})
            ON CONFLICT (key) DO UPDATE SET value = c.value + EXCLUDED.value RETURNING value""")
        self.acknowledged += value
        return rows[0][0], b""

    def stop(self):
        self.cluster.close()
