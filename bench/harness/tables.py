"""Results as Markdown: the same text goes to the terminal and to RESULTS.md."""

from harness.contest import RATIOS
from harness.measure import Spread


def table(header, rows, left=1):
    """A Markdown table whose columns line up; all columns but the first `left` are figures."""
    lines = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]

    def line_of(cells):
        padded = [cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths))]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i < left else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line_of(header), rule, *map(line_of, lines[1:])])


def number(value):
    """Three figures that matter, thousands grouped."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def with_spread(values):
    spread = Spread.of(values)
    return f"{number(spread.median)} ({number(spread.low)}-{number(spread.high)})"


def median_of(samples, figure):
    return Spread.of(getattr(sample, figure) for sample in samples).median


def ratio_of(results, figure, over, under):
    """Ratios of the same round, so that what changes with the hour cancels out; None where one side is missing."""
    if over not in results or under not in results:
        return None
    pairs = zip(results[over], results[under])
    return Spread.of(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def contestants_table(results):
    header = ["contestant / connections", "server CPU us/request", "of it user", "requests/s", "p50 us", "p99 us"]
    rows = [
        [
            name,
            with_spread(sample.cpu_us for sample in samples),
            number(median_of(samples, "user_us")),
            with_spread(sample.per_second for sample in samples),
            number(median_of(samples, "p50_us")),
            number(median_of(samples, "p99_us")),
        ]
        for name, samples in results.items()
    ]
    return table(header, rows)


def load_table(results, loads):
    """Who was the limit: a server at 100 % of its core is, a load at 100 % of its own hides the server's best rate."""
    header = ["contestant / connections", "load", "its CPU us/request", "load's core", "server's core", "others, worst"]
    rows = [
        [
            name,
            loads[name],
            number(median_of(samples, "load_us")),
            f"{median_of(samples, 'load_share'):.0%}",
            f"{median_of(samples, 'server_share'):.0%}",
            f"{max(sample.others_share for sample in samples):.0%}",
        ]
        for name, samples in results.items()
    ]
    return table(header, rows, left=2)


def against_table(results):
    """Every contestant of 64 connections beside the floor and the Redis mode that promises as much."""
    partners = {
        "ours-none/64": "redis-no/64",
        "ours-write/64": "redis-everysec/64",
        "ours-fsync/64": "redis-always/64",
    }
    rows = []
    for name, partner in partners.items():
        columns = [("cpu_us", "floor/64"), ("cpu_us", partner), ("per_second", partner)]
        ratios = [ratio_of(results, figure, name, under) for figure, under in columns]
        if any(ratios):
            rows.append([f"{name} (and {partner})", *map(ratio_text, ratios)])
    return table(["contestant (and its Redis)", "CPU / floor", "CPU / Redis", "requests/s / Redis"], rows) if rows else ""


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def targets_table(results):
    figures = {"cpu_us": "CPU per request", "per_second": "requests/s"}
    rows = []
    for row in RATIOS:
        ratio = ratio_of(results, row.figure, row.over, row.under)
        if ratio is not None:
            verdict = "met" if row.is_met(ratio.median) else "missed"
            what = f"{row.what}, {figures[row.figure]}"
            rows.append([what, ratio_text(ratio), f"{row.relation} {row.target:.2f}", verdict])
    return table(["ratio", "median (min-max)", "target", ""], rows) if rows else ""


def instructions_table(counts):
    """counts: {(server, depth): instructions per request}."""
    depths = sorted({depth for _, depth in counts})
    names = list(dict.fromkeys(name for name, _ in counts))
    header = ["server", *(f"{depth} request{'s' if depth > 1 else ''} a write" for depth in depths)]
    return table(header, [[name, *(f"{counts[name, depth]:,.0f}" for depth in depths)] for name in names])
