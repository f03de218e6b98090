"""Results as Markdown: the same text goes to the terminal and to RESULTS.md. results: {contestant: {figure: [values]}}."""

from harness.measure import Spread
from harness.targets import TARGETS


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
    return number(spread.median) if len(values) == 1 else f"{number(spread.median)} ({number(spread.low)}-{number(spread.high)})"


def median_text(values):
    return "-" if None in values else number(Spread.of(values).median)


def is_loaded(figures):
    """Whether a load measured it; what a study found has figures of its own."""
    return "cpu_us" in figures


def contestants_table(results):
    header = ["contestant / connections", "server CPU us/request", "of it user", "requests/s", "p50 us", "p99 us"]
    rows = [
        [
            name,
            with_spread(of["cpu_us"]),
            median_text(of["user_us"]),
            with_spread(of["per_second"]),
            median_text(of["p50_us"]),
            median_text(of["p99_us"]),
        ]
        for name, of in results.items()
        if is_loaded(of)
    ]
    return table(header, rows) if rows else ""


def load_table(results, loads):
    """Who was the limit: a server at 100 % of its core is, a load at 100 % of its own hides the server's best rate."""
    header = ["contestant / connections", "load", "its CPU us/request", "load's core", "server's core", "others, worst"]
    rows = [
        [
            name,
            loads[name],
            median_text(of["load_us"]),
            f"{Spread.of(of['load_share']).median:.0%}",
            f"{Spread.of(of['server_share']).median:.0%}",
            f"{max(of['others_share']):.0%}",
        ]
        for name, of in results.items()
        if is_loaded(of)
    ]
    return table(header, rows, left=2) if rows else ""


def studies_table(results):
    units = {
        "seconds": "s",
        "per_second": "per second",
        "p99_us": "us, p99",
        "commit_ms": "ms, p99.9 of commits",
        "ms": "ms",
        "bytes_per_key": "bytes per key",
    }
    rows = [
        [name, units[figure], with_spread(values)]
        for name, of in results.items()
        if not is_loaded(of)
        for figure, values in of.items()
    ]
    return table(["what", "unit", "median (min-max)"], rows, left=2) if rows else ""


def bound(target):
    """A limit as the issue wrote it, such as `<= 1.10` or `>= 2,000,000 records/s`."""
    if not target.relation:
        return "-"
    text = f"{target.target:,.0f}" if target.target >= 5 else f"{target.target:.2f}"
    return f"{target.relation} {text} {target.unit}".strip()


def targets_table(results):
    rows = [
        [target.what, with_spread(target.values(results)), bound(target), target.verdict(results)]
        for target in TARGETS
        if target.values(results)
    ]
    return table(["figure", "median (min-max)", "target", ""], rows) if rows else ""


def instructions_table(counts):
    """counts: {(server, depth): instructions per request}."""
    depths = sorted({depth for _, depth in counts})
    names = list(dict.fromkeys(name for name, _ in counts))
    header = ["server", *(f"{depth} request{'s' if depth > 1 else ''} a write" for depth in depths)]
    return table(header, [[name, *(f"{counts[name, depth]:,.0f}" if (name, depth) in counts else "-" for depth in depths)] for name in names])
