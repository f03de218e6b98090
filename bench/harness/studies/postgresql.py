"""A million keys in PostgreSQL: flushing them against the bare statement, requests during that flush, first touch."""

import json
import shutil
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


def window(env, running, seconds):
    """Percentiles of a hot key's requests at a fixed rate, counted from when each was due."""
    words = f"--port {running.port} --connections 32 --rate {RATE} --seconds {seconds} --json"
    output, _ = run_process([find_program(OwnLoad.name, env.build), *words.split()], env.load_cpu)
    env.note(f"taskset -c {env.load_cpu} build/bench/load {words.replace(str(running.port), 'PORT')}")
    said = json.loads(output)
    if set(said["statuses"]) != {"200"}:
        raise RuntimeError(f"not all answered 200: {said['statuses']}")
    return said["latency_us"]


def windows_within(env, running, rows):
    """The windows that a flush had begun before and did not end in."""
    within = []

    def look():
        if scrape(running.port)["simple_request_pending_epochs"] == 0:
            time.sleep(0.02)
            return
        latency = window(env, running, WINDOW_S)
        if scrape(running.port)["simple_request_pending_epochs"] > 0 and flushed(running.port)[0] < rows:
            within.append(latency["p99"])

    wait_flushed(running.port, rows, look)
    return within


def study_latency(env):
    cluster = postgres.cluster(env.data_root, env.server_cpu)
    running = start(env, cluster)
    try:
        flush_seconds(env, running)
        without_us, within_us = [], []
        for index in range(env.rounds):
            without_us.append(window(env, running, 2 * WINDOW_S)["p99"])
            rows, _, _ = flushed(running.port)
            fill(running, env.build, KEYS, env.load_cpu)
            within = windows_within(env, running, rows + KEYS)
            if not within:
                raise RuntimeError("the flush was over before a window of one second")
            within_us.append(sorted(within)[len(within) // 2])
            say(f"round {index + 1}/{env.rounds}  p99 without a flush {without_us[-1]:,.0f} us, within {within_us[-1]:,.0f} us")
        return {"within a flush": {"p99_us": within_us}, "without a flush": {"p99_us": without_us}}
    finally:
        running.stop()
        cluster.close()


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
