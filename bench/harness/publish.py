"""What is drawn from bench/results.json: the plot, and the short table of README.md."""

import json
from html import escape
from pathlib import Path

from harness import tables
from harness.measure import Spread
from harness.targets import TARGETS

BEGIN, END = "<!-- bench/publish: begin -->", "<!-- bench/publish: end -->"

SHOWN = ("floor/64", "ours-none/64", "ours-write/64", "ours-fsync/64", "redis-no/64", "redis-everysec/64", "redis-always/64",
         "nginx-lua/64")
WIDTH, LEFT, RIGHT, ROW, TOP = 720, 170, 60, 26, 56
STYLE = "text{font:13px sans-serif;fill:#444}.title{font-size:15px;font-weight:bold}.ours{fill:#2a7f62}.other{fill:#9aa5b1}"
STYLE += ".spread{stroke:#222;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#ccc}.spread{stroke:#eee}}"


def bar(index, name, values, scale):
    """One contestant: its median as a bar, smallest to largest as a line."""
    spread, y = Spread.of(values), TOP + index * ROW
    kind = "ours" if name.startswith("ours") else "other"
    middle, low, high, end = y + ROW / 2 - 3, *(LEFT + value * scale for value in (spread.low, spread.high, spread.median))
    return (
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(name.partition("/")[0])}</text>'
        f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{ROW - 8}"/>'
        f'<line class="spread" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text x="{max(end, high) + 6:.1f}" y="{middle + 4}">{spread.median:.1f}</text>'
    )


def plot(said):
    """An SVG of CPU per request at 64 connections; "" where none of it was measured."""
    results = {name: said["results"][name]["cpu_us"] for name in SHOWN if name in said["results"]}
    if not results:
        return ""
    scale = (WIDTH - LEFT - RIGHT) / max(max(values) for values in results.values())
    height = TOP + len(results) * ROW + 12
    note = f"median and range of {said['rounds']} rounds, {said['facts']['processor']}, {said['facts']['date']}"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
        '<text class="title" x="10" y="20">Server CPU per request, microseconds: one increment, 64 connections</text>',
        f'<text x="10" y="40">{escape(note)}</text>',
        *(bar(index, name, values, scale) for index, (name, values) in enumerate(results.items())),
        "</svg>",
        "",
    ])


def short_table(said):
    """Every target with its figure: no spread, no commands."""
    rows = [
        [target.what, tables.number(Spread.of(target.values(said["results"])).median), tables.bound(target)]
        for target in TARGETS
        if target.values(said["results"])
    ]
    return tables.table(["figure", "measured", "target"], rows)


def with_table(readme, said):
    """README's text with the table between its marks renewed."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"README.md has no place for the table: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{short_table(said)}\n\n{END}{after}"


def publish(folder):
    """folder: where results.json lies and the plot goes; README.md is in the one above."""
    said = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (folder / "results.svg").write_text(plot(said), encoding="utf-8")
    readme = Path(folder).resolve().parent / "README.md"
    if readme.is_file():
        readme.write_text(with_table(readme.read_text(encoding="utf-8"), said), encoding="utf-8")
