"""The text of RESULTS.md."""

from harness import gaps, instructions, tables

INTRODUCTION = """# Benchmark results

Written by `bench/run` (`make bench`). POST /increment, the load on one core, the server with all its threads on another
unless the commands say otherwise. CPU per request is utime + stime of the server's process over the requests answered.
Every contestant is measured once a round, in turns; figures are medians of the rounds with the smallest and largest in
brackets. A ratio is the median of the rounds' ratios. At the end the total of every hot counter was compared with what had
been acknowledged. A name is server / connections x requests in one write; `batch` is four connections that post arrays of
1,000 increments, and its requests are their items; `2x32` are two processes with 32 connections each. Where no number of
keys is named all requests go to one hot key. Any row can be had alone: `bench/run --only NAME`, names by `--list`."""

LOAD_NOTE = """A closed loop: each connection sends when its replies are there. Where the load's core is at 100 % and the server's is
not, requests/s is the load's limit; CPU per request holds all the same. `others, worst` is the CPU that neither server
nor load used, of one core, in the worst round: with much of it a figure is not to be trusted. `floor/64` and
`floor/64/wrk` compare two load generators on one server."""

INSTRUCTIONS_NOTE = """User-space instructions per POST /increment, counted by callgrind: one connection, the difference of a run with
{few:,} and one with {many:,} requests. The kernel's part is not in it."""

GAPS_NOTE = """Why, with profiles of this run by `perf`: microseconds of CPU of a request by the system call that asked for it, or
the function in user space. Sending on loopback runs the receiver's half of TCP too, and wakes it, within `sendto` or
`write`. Threads named `simple-request` are those behind the workers: journal, flusher, loader. `bench/profile
NAME...` prints such a table of any contestants. With `perf` at work all is slower by some percent."""


def section(title, *parts):
    parts = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *parts]) if parts else ""


def run_text(rounds, seconds, minutes, pinned):
    pinning = "server and load on a core each" if pinned else "not pinned, as there is only one core"
    few = "" if rounds >= 5 else " Too few rounds for a result to be quoted."
    return f"{rounds} rounds of {seconds:g} s, {pinning}; {minutes:.1f} minutes in all.{few}"


def whole(facts, about, run):
    """about: what run_text says; run: what was measured."""
    results, loads, counts = run.results, run.loads, run.counts
    note = INSTRUCTIONS_NOTE.format(few=instructions.FEW, many=instructions.MANY)
    missed = gaps.text_of(results, run.profiles)
    sections = [
        INTRODUCTION,
        section("Machine and versions", tables.table(["what", "value"], facts, left=2), about),
        section("Targets", tables.targets_table(results)),
        section("Missed targets", GAPS_NOTE, missed) if missed else "",
        section("POST /increment", tables.contestants_table(results)),
        section("Other measurements", tables.studies_table(results)),
        section("Is the load the limit?", LOAD_NOTE, tables.load_table(results, loads)) if loads else "",
        section("Instructions", note, tables.instructions_table(counts)) if counts else "",
        section("Commands", "```\n" + "\n".join(dict.fromkeys(run.commands)) + "\n```"),
    ]
    return "\n\n".join(part for part in sections if part)
