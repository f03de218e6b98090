"""The benchmark's tables among each other, and its reading of perf: bench/run itself takes ten minutes."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from harness import contest, gaps, profile, targets  # noqa: E402  # pylint: disable=wrong-import-position

CONTESTANTS = {one.name for of in contest.CONTESTS for one in of.contestants}
TARGETS = {target.what: target for target in targets.TARGETS}


def test_every_explanation_is_of_a_target_and_names_contestants():
    for what, gap in gaps.read().items():
        assert TARGETS[what].relation, what
        assert set(gap.profiles) <= CONTESTANTS, what
        assert gap.text and "Profiles:" not in gap.text


def test_every_target_is_named_once():
    assert len(TARGETS) == len(targets.TARGETS)


def test_a_missed_target_is_told_with_its_figure_and_its_profile():
    target = TARGETS["fsync against Redis always, CPU per request"]
    results = {target.over: {"cpu_us": [9.0]}, target.under: {"cpu_us": [10.0]}}
    taken = profile.Profile(target.over, {profile.Place("worker", True, "sendto"): 7.25}, 1e5)
    text = gaps.text_of(results, {target.over: taken})
    assert text.startswith(f"### {target.what}: 0.90, target <= 0.85\n")
    assert "| sendto " in text and "7.25" in text
    results[target.over] = {"cpu_us": [8.0]}
    assert gaps.text_of(results, {}) == ""


SCRIPT = """worker-0 
\tffffffff81000003 tcp_sendmsg+0x12 ([kernel.kallsyms])
\tffffffff81000002 __x64_sys_sendto+0x20 ([kernel.kallsyms])
\tffffffff81000001 do_syscall_64+0x3d ([kernel.kallsyms])
\tffffffff81000000 entry_SYSCALL_64_after_hwframe+0x6e ([kernel.kallsyms])
\t    7f0000001234 __send+0x1 (/usr/lib/x86_64-linux-gnu/libc.so.6)

nginx 
\tffffffff81000002 do_writev ([kernel.kallsyms])
\tffffffff81000001 do_syscall_64 ([kernel.kallsyms])

simple-request 
\tffffffff81000002 schedule ([kernel.kallsyms])
\tffffffff81000002 exit_to_user_mode_loop ([kernel.kallsyms])
\tffffffff81000001 do_syscall_64 ([kernel.kallsyms])

worker-1 
\t    560000001234 counters_find (/x/simple-request)
\t          0 [unknown] ([unknown])

worker-0 
\t    560000001234 [unknown] (/x/libsqlite3.so.0)

worker-0 
\tffffffff81000002 handle_mm_fault ([kernel.kallsyms])
\tffffffff81000002 asm_exc_page_fault ([kernel.kallsyms])
"""


def test_samples_are_counted_for_the_system_call_or_the_function():
    assert profile.read(SCRIPT) == {
        profile.Place("worker", True, "sendto"): 1,
        profile.Place("nginx", True, "writev"): 1,
        profile.Place("simple-request", True, "system call entry and exit"): 1,
        profile.Place("worker", False, "counters_find"): 1,
        profile.Place("worker", False, "libsqlite3.so.0"): 1,
        profile.Place("worker", True, "page faults"): 1,
    }


def test_a_table_has_the_profiles_side_by_side_and_leaves_out_what_costs_nothing():
    places = {name: profile.Place("worker", False, name) for name in ("parse", "count", "trifle")}
    one = profile.Profile("one", {places["parse"]: 1.0, places["trifle"]: 0.01}, 1.0)
    two = profile.Profile("two", {places["parse"]: 1.5, places["count"]: 0.5}, 1.0)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in profile.table([one, two]).splitlines()]
    assert lines[2] == ["all", "", "", "1.01", "2.00"]
    assert lines[3] == ["", "worker", "user", "1.01", "2.00"]
    assert lines[4:] == [["parse", "worker", "user", "1.00", "1.50"], ["count", "worker", "user", "-", "0.50"]]
