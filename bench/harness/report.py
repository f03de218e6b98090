"""The text of RESULTS.md."""

from harness import instructions, servers, tables

INTRODUCTION = """# Benchmark results

Written by `bench/run` (`make bench`). POST /increment on one hot key, the load on one core, the server with all its
threads on another. CPU per request is utime + stime of the server's process over the requests answered. Every
contestant is measured once a round, in turns; figures are medians of the rounds with the smallest and largest in
brackets. A ratio is the median of the rounds' ratios. At the end the total of every counter was compared with what had
been acknowledged. A name is server / connections x requests in one write; `batch` is one connection that posts batches of
10,000 increments on as many keys, and its requests are their items."""

LOAD_NOTE = """A closed loop: each connection sends when its replies are there. Where the load's core is at 100 % and the server's is
not, requests/s is the load's limit; CPU per request holds all the same. `others, worst` is the CPU that neither server
nor load used, of one core, in the worst round: with much of it a figure is not to be trusted. `floor/64` and
`floor/64/wrk` compare two load generators on one server."""

INSTRUCTIONS_NOTE = """User-space instructions per POST /increment, counted by callgrind: one connection, the difference of a run with
{few:,} and one with {many:,} requests. The kernel's part is not in it."""


def commands(session, seconds):
    """One line for each server and each load."""
    used = dict.fromkeys(contestant.server for contestant in session.contestants)
    lines = [servers.command_line(servers.SERVERS[name], session.server_cpu) for name in used]
    prefix = "" if session.load_cpu is None else f"taskset -c {session.load_cpu} "
    for contestant in session.contestants:
        lines.append(prefix + session.loads[contestant.load].shown(contestant.shape, seconds))
    return "\n".join(dict.fromkeys(lines))


def section(title, *parts):
    parts = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *parts]) if parts else ""


def run_text(session, rounds, seconds):
    pinned = session.server_cpu is not None
    pinning = "server and load on a core each" if pinned else "not pinned, as there is only one core"
    few = "" if rounds >= 5 else " Too few rounds for a result to be quoted."
    return f"{rounds} rounds of {seconds:g} s, {pinning}.{few}"


def whole(facts, session, rounds, seconds, counts):
    """counts: instructions per request, empty where they were not counted."""
    results = session.results
    loads = {contestant.name: contestant.load.name for contestant in session.contestants}
    note = INSTRUCTIONS_NOTE.format(few=instructions.FEW, many=instructions.MANY)
    sections = [
        INTRODUCTION,
        section("Machine and versions", tables.table(["what", "value"], facts, left=2), run_text(session, rounds, seconds)),
        section("POST /increment", tables.contestants_table(results)),
        section("Beside the floor and Redis", tables.against_table(results)),
        section("Targets", tables.targets_table(results)),
        section("Is the load the limit?", LOAD_NOTE, tables.load_table(results, loads)),
        section("Instructions", note, tables.instructions_table(counts)) if counts else "",
        section("Commands", f"```\n{commands(session, seconds)}\n```"),
    ]
    return "\n\n".join(part for part in sections if part)
