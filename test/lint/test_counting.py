"""scripts/run-tests and .ci/run count right, and count as failures what did not run, crashed or took too long."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run_units(tmp_path):
    """A function that runs the unit suite of a made-up build whose test programs are shell scripts."""
    def run(*scripts, budget=60, timeout=30, protocol="tap"):
        info = tmp_path / "meson-info"
        info.mkdir(exist_ok=True)
        tests = [{"name": f"t{number}", "suite": ["simple-request:core"], "cmd": ["/bin/sh", "-c", script], "env": {},
                  "workdir": str(tmp_path), "timeout": timeout, "protocol": protocol} for number, script in enumerate(scripts)]
        (info / "intro-tests.json").write_text(json.dumps(tests))
        (info / "intro-buildoptions.json").write_text(json.dumps([{"name": "b_sanitize", "value": "none"}]))
        done = subprocess.run([str(ROOT / "scripts" / "run-tests"), "--build", str(tmp_path), "--suite", "unit", "--unit-budget",
                               str(budget)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
        return done.returncode, done.stdout.splitlines()[-1]
    return run


GOOD = "echo 1..2; echo 'ok 1 - a_thing_holds'; echo 'ok 2 - another_holds'"


def test_every_test_function_counts(run_units):
    assert run_units(GOOD, GOOD) == (0, "4 passed, 0 failed")


@pytest.mark.parametrize("script, counts", [
    ("echo 1..2; echo 'ok 1 - a'; echo 'not ok 2 - b'; exit 1", "1 passed, 1 failed"),
    ("echo 1..2; echo 'ok 1 - a'; kill -ABRT $$", "1 passed, 1 failed"),
    ("echo 1..3; echo 'ok 1 - a'; exit 0", "1 passed, 2 failed"),
    ("echo 1..1; echo 'ok 1 - a'; exit 66", "1 passed, 1 failed"),
    ("exit 0", "0 passed, 1 failed"),
    ("echo 1..1; echo 'ok 1 - a # SKIP'; exit 1", "0 passed, 1 failed"),
])
def test_what_did_not_pass_is_a_failure(run_units, script, counts):
    assert run_units(script) == (1, counts)


def test_a_program_that_only_has_an_exit_code_counts_one(run_units):
    assert run_units("true", "exit 3", "kill -SEGV $$", protocol="exitcode") == (1, "1 passed, 2 failed")


def test_a_program_that_only_has_an_exit_code_may_tell_more(run_units):
    assert run_units("echo $CMOCKA_MESSAGE_OUTPUT; " + GOOD, protocol="exitcode") == (0, "2 passed, 0 failed")
    assert run_units(GOOD + "; exit 1", protocol="exitcode") == (1, "2 passed, 1 failed")


def test_a_program_that_is_not_there_is_a_failure(run_units, tmp_path):
    run_units(GOOD)
    intro = tmp_path / "meson-info" / "intro-tests.json"
    intro.write_text(intro.read_text().replace("/bin/sh", "/bin/not-there"))
    done = subprocess.run([str(ROOT / "scripts" / "run-tests"), "--build", str(tmp_path), "--suite", "unit"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 1 failed")


def test_a_suite_that_ran_nothing_is_a_failure(run_units):
    assert run_units() == (1, "0 passed, 1 failed")


def test_skipped_tests_alone_are_no_suite(run_units):
    assert run_units("echo 1..1; echo 'ok 1 - a # SKIP'") == (1, "0 passed, 1 failed")


def test_a_program_over_its_time_is_stopped_and_a_failure(run_units):
    assert run_units(GOOD + "; sleep 50", timeout=1) == (1, "2 passed, 1 failed")


def test_a_suite_over_its_budget_is_stopped_and_a_failure(run_units):
    assert run_units("sleep 50", "sleep 50", "sleep 50", budget=2) == (1, "0 passed, 3 failed")


def test_an_interrupted_run_stops_its_programs_and_has_failed(run_units, tmp_path):
    run_units("true")
    intro = tmp_path / "meson-info" / "intro-tests.json"
    pids = tmp_path / "pids"
    intro.write_text(intro.read_text().replace('"true"', f'"echo $$ >>{pids}; sleep 60; true"'))
    runner = subprocess.Popen([str(ROOT / "scripts" / "run-tests"), "--build", str(tmp_path), "--suite", "unit"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    while not pids.exists() or not pids.read_text().strip():
        assert runner.poll() is None
    runner.terminate()
    output, _ = runner.communicate(timeout=60)
    assert (runner.returncode, output.splitlines()[-1]) == (1, "0 passed, 1 failed")
    assert not Path(f"/proc/{pids.read_text().strip()}").exists()


# ---- .ci/run, with a make of our own ----


def run_ci(tmp_path, make):
    for name in (".ci/run", "scripts/install-deps", "bin/make"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / ".ci/run").write_text((ROOT / ".ci/run").read_text())
    (tmp_path / "scripts/install-deps").write_text("#!/bin/sh\n")
    (tmp_path / "bin/make").write_text("#!/bin/sh\n" + make)
    for name in (".ci/run", "scripts/install-deps", "bin/make"):
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([str(tmp_path / ".ci/run")], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    return done.returncode, done.stdout.splitlines()[-1]


def test_ci_adds_up_all_suites(tmp_path):
    assert run_ci(tmp_path, "echo 3 passed, 0 failed") == (0, "30 passed, 0 failed")


@pytest.mark.parametrize("make, last", [
    ("echo 3 passed, 1 failed; exit 2", "30 passed, 10 failed"),
    ("echo 3 passed, 0 failed; exit 2", "30 passed, 10 failed"),
    ("echo all is well", "0 passed, 10 failed"),
    ("[ $1 != fuzz ] || exit 1; echo 1 passed, 0 failed", "9 passed, 1 failed"),
])
def test_ci_fails_when_one_suite_fails(tmp_path, make, last):
    assert run_ci(tmp_path, make) == (1, last)
