"""A million keys in PostgreSQL: flushing them against the bare statement, requests during that flush, first touch."""

import json
import re
import shutil
import statistics
import time

from harness import postgres
from harness.loads import OwnLoad, fill, run_process
from harness.metrics import scrape
from harness.session import say
from harness.servers import find_program

KEYS = 1_000_000
TOUCHED = 200_000  # of them in one round
CHUNKS = (1000, 2500, 5000)
INTERVAL_S = 8
RATE = 4000  # requests a second while a flush runs, and while none does
WINDOW_S = 1
MEMORY = "/dev/shm"
IN_MEMORY = ", database in memory"


def bare(env, cluster, what, table, first, count, chunk):
    """Seconds that bench/sql takes."""
    words = [what, cluster.url(postgres.DATABASE), table, first, count, chunk]
    output, _ = run_process([find_program("bench/sql", env.build), *map(str, words)], env.load_cpu)
    env.note(f"taskset -c {env.load_cpu} build/bench/sql {what} URL {table} FIRST {count} {chunk}")
    return json.loads(output)["seconds"]


def best_chunk(env, cluster):
    return min(CHUNKS, key=lambda chunk: bare(env, cluster, "upsert", "bare", 1, KEYS // 5, chunk))


def start(env, cluster):
    more = f"--sync-interval {INTERVAL_S}s --memory-limit 8GiB --database-url {cluster.url(postgres.DATABASE)}"
    return env.ours(more, cpu=env.load_cpu)


def flushed(port):
    """(rows in the database so far, seconds that their flushes took, flushes whose rows are told and whose time is not yet)"""
    metrics = scrape(port)
    waiting = metrics["simple_request_flush_size_rows_count"] - metrics["simple_request_flush_duration_seconds_count"]
    return metrics["simple_request_flush_size_rows_sum"], metrics["simple_request_flush_duration_seconds_sum"], waiting


def wait_flushed(port, rows, while_waiting):
    """Until so many rows were flushed in all; what is called meanwhile may take a second."""
    deadline = time.monotonic() + 120
    while flushed(port)[0] < rows:
        if time.monotonic() > deadline:
            raise RuntimeError("flush: the rows did not reach the database")
        while_waiting()


def flush_seconds(env, running):
    """Of the flush, or the two, that bring KEYS changed keys to the database."""
    rows, seconds, waiting = flushed(running.port)
    fill(running, env.build, KEYS, env.load_cpu)
    wait_flushed(running.port, rows + KEYS, lambda: time.sleep(0.1))
    while flushed(running.port)[2] != waiting:
        time.sleep(0.01)
    taken = flushed(running.port)[1] - seconds
    if taken <= 0:
        raise RuntimeError("flush: rows in no time")
    return taken


def study_flush(env):
    """Both tables have the rows before, so that each round updates them."""
    cluster = postgres.cluster(env.data_root, env.server_cpu)
    running = start(env, cluster)
    try:
        postgres.ask(cluster, postgres.TABLE.format(name="bare"))
        say("flush: the first time, into empty tables")
        flush_seconds(env, running)
        bare(env, cluster, "upsert", "bare", 1, KEYS, CHUNKS[-1])
        chunk = best_chunk(env, cluster)
        ours_s, bare_s = [], []
        for index in range(env.rounds):
            bare_s.append(bare(env, cluster, "upsert", "bare", 1, KEYS, chunk))
            ours_s.append(flush_seconds(env, running))
            say(f"round {index + 1}/{env.rounds}  flush {ours_s[-1]:.2f} s, bare SQL by {chunk} rows {bare_s[-1]:.2f} s")
        return {"flush": {"seconds": ours_s}, "bare SQL": {"seconds": bare_s}}
    finally:
        running.stop()
        cluster.close()


def commits_by_time(port):
    """[(seconds, commits of the journal so far that took at most that)], ascending."""
    prefix = "simple_request_journal_commit_duration_seconds_bucket"
    found = [(re.search(r'le="([^"]+)"', name), value) for name, value in scrape(port).items() if name.startswith(prefix)]
    return sorted((float(bound.group(1)), count) for bound, count in found)


def slowest_commits_ms(before, after):
    """The histogram's bound that 99.9 % of the commits between two looks were within."""
    counts = [(bound, late - early) for (bound, early), (_, late) in zip(before, after)]
    return next(bound * 1000 for bound, count in counts if count >= 0.999 * counts[-1][1])


def window(env, running, seconds):
    """Of a hot key's requests at a fixed rate: p99, counted from when each was due, and of their commits p99.9."""
    words = f"--port {running.port} --connections 32 --rate {RATE} --seconds {seconds} --json"
    before = commits_by_time(running.port)
    output, _ = run_process([find_program(OwnLoad.name, env.build), *words.split()], env.load_cpu)
    env.note(f"taskset -c {env.load_cpu} build/bench/load {words.replace(str(running.port), 'PORT')}")
    said = json.loads(output)
    if set(said["statuses"]) != {"200"}:
        raise RuntimeError(f"not all answered 200: {said['statuses']}")
    return {"p99_us": said["latency_us"]["p99"], "commit_ms": slowest_commits_ms(before, commits_by_time(running.port))}


def windows_within(env, running, rows):
    """The windows that a flush had begun before and did not end in."""
    within = []

    def look():
        if scrape(running.port)["simple_request_pending_epochs"] == 0:
            time.sleep(0.02)
            return
        seen = window(env, running, WINDOW_S)
        if scrape(running.port)["simple_request_pending_epochs"] > 0 and flushed(running.port)[0] < rows:
            within.append(seen)

    wait_flushed(running.port, rows, look)
    if not within:
        raise RuntimeError("the flush was over before a window of one second")
    return {figure: statistics.median(one[figure] for one in within) for figure in within[0]}


def by_figure(rounds):
    return {figure: [one[figure] for one in rounds] for figure in rounds[0]}


def latency_beside(env, root, where):
    """With the database's files below root."""
    cluster = postgres.cluster(root, env.server_cpu)
    running = start(env, cluster)
    try:
        flush_seconds(env, running)
        without, within = [], []
        for index in range(env.rounds):
            without.append(window(env, running, 2 * WINDOW_S))
            rows, _, _ = flushed(running.port)
            fill(running, env.build, KEYS, env.load_cpu)
            within.append(windows_within(env, running, rows + KEYS))
            say(f"round {index + 1}/{env.rounds}  p99 without a flush {without[-1]['p99_us']:,.0f} us, within "
                f"{within[-1]['p99_us']:,.0f} us{where}")
        return {f"within a flush{where}": by_figure(within), f"without a flush{where}": by_figure(without)}
    finally:
        running.stop()
        cluster.close()


def study_latency(env):
    """Beside a database on the journal's disk, and beside one whose files are in memory, which tells the disk's part."""
    return latency_beside(env, env.data_root, "") | latency_beside(env, MEMORY, IN_MEMORY)


def fill_table(cluster):
    """The rows as other instances left them."""
    postgres.ask(cluster, f"""INSERT INTO counters (key, value)
        SELECT 'bench-key-' || lpad(n::text, 10, '0'), n FROM generate_series(1, {KEYS}) AS n""")
    postgres.ask(cluster, "ANALYZE counters")


def touch(env, cluster, first):
    """Keys a second of a new instance that knows none of them."""
    running = start(env, cluster)
    try:
        words = f"--port {running.port} --connections 4 --batch 1000 --sequential --keys {TOUCHED} --first-key {first}"
        words += f" --requests {TOUCHED // 1000} --json"
        output, _ = run_process([find_program(OwnLoad.name, env.build), *words.split()], env.load_cpu)
        env.note(f"taskset -c {env.load_cpu} build/bench/load {words.replace(str(running.port), 'PORT')}")
        said = json.loads(output)
        if said["successful"] * 1000 != TOUCHED:
            raise RuntimeError(f"first touch: {said['statuses']}")
        return TOUCHED / said["seconds"]
    finally:
        running.process.kill()
        shutil.rmtree(running.directory, ignore_errors=True)


def study_touch(env):
    cluster = postgres.cluster(env.data_root, env.server_cpu)
    try:
        start(env, cluster).stop()  # makes the tables
        fill_table(cluster)
        ours, sql = [], []
        for index in range(env.rounds):
            first = 1 + index % (KEYS // TOUCHED) * TOUCHED
            sql.append(TOUCHED / bare(env, cluster, "select", "counters", first, TOUCHED, 1000))
            ours.append(touch(env, cluster, first))
            say(f"round {index + 1}/{env.rounds}  first touch {ours[-1]:,.0f} keys/s, key = ANY {sql[-1]:,.0f} keys/s")
        return {"first touch": {"per_second": ours}, "key = ANY": {"per_second": sql}}
    finally:
        cluster.close()
