"""Why a target is missed: bench/gaps.md has a section for each target of which that is known, headed by the target's words,
with the contestants whose profiles show it. RESULTS.md gets those of the targets that a run missed."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness import profile, tables
from harness.measure import Spread
from harness.targets import TARGETS

TEXT = Path(__file__).resolve().parents[1] / "gaps.md"
PROFILES = re.compile(r"^Profiles: (.+)$\n*", re.MULTILINE)


@dataclass(frozen=True)
class Gap:
    text: str
    profiles: tuple  # names of contestants


def read(path=TEXT):
    """{a target's words: its Gap}"""
    sections = re.split(r"^## (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = {}
    for what, text in zip(sections[::2], sections[1::2]):
        names = PROFILES.search(text)
        profiles = tuple(names.group(1).split(", ")) if names else ()
        found[what] = Gap(PROFILES.sub("", text).strip(), profiles)
    return found


def profiled():
    """The contestants whose profiles the sections name."""
    return {name for gap in read().values() for name in gap.profiles}


def section_of(target, results, gap, profiles):
    median = tables.number(Spread.of(target.values(results)).median)
    shown = [profiles[name] for name in gap.profiles if name in profiles] if gap else []
    return "\n\n".join([
        f"### {target.what}: {median}, target {tables.bound(target)}",
        gap.text if gap else "Not explained yet.",
        *([profile.table(shown)] if shown else []),
    ])


def text_of(results, profiles):
    """What RESULTS.md says of the targets that were missed; profiles: {contestant: Profile}."""
    known = read()
    missed = [target for target in TARGETS if target.values(results) and target.verdict(results) == "missed"]
    return "\n\n".join(section_of(target, results, known.get(target.what), profiles) for target in missed)
