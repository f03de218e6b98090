"""Prometheus' and Alertmanager's own tools find nothing in deploy/prometheus, and every alert was seen to fire and not to."""

import re
import shutil
import subprocess

import pytest
import rules
from lib.settings import ROOT


def run(*command, **more):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, **more)
    return done.returncode, done.stdout


def assert_clean(*command, **more):
    code, said = run(*command, **more)
    assert code == 0, said


def test_the_configuration_is_valid():
    assert_clean("promtool", "check", "config", "--lint=all", "--lint-fatal", rules.FOLDER / "prometheus.yml")


def test_the_rules_are_valid():
    assert_clean("promtool", "check", "rules", "--lint=all", "--lint-fatal", *sorted((rules.FOLDER / "rules").glob("*.yml")))


def test_the_example_for_alertmanager_is_valid():
    assert_clean("amtool", "check-config", rules.FOLDER / "alertmanager.yml")


def test_the_rules_pass_their_tests():
    assert_clean("promtool", "test", "rules", rules.TESTS)


@pytest.mark.parametrize("alert", rules.rules("alert"))
def test_every_alert_is_tested_before_while_and_after_it_fires(alert):
    tests = [test for group in rules.read(rules.TESTS)["tests"] for test in group["alert_rule_test"] if test["alertname"] == alert]
    assert [bool(test["exp_alerts"]) for test in tests] == [False, True, False], tests


def test_alerts_that_cannot_fire_fail_their_tests(tmp_path):
    """The tests of the rules can fail: with all bounds out of reach each alert's own does."""
    shutil.copytree(rules.FOLDER, tmp_path / "prometheus")
    path = tmp_path / "prometheus" / "rules" / "alerts.yml"
    text, count = re.subn(r"(\n +expr: .*) (?:>|<|==|!=) -?[\d.]+\n", r"\1 > 1e18\n", path.read_text(encoding="utf-8"))
    assert count == len(rules.rules("alert"))
    path.write_text(text, encoding="utf-8")
    code, said = run("promtool", "test", "rules", tmp_path / "prometheus" / "tests" / "alerts.yml")
    assert code != 0 and set(re.findall(r"alertname: (\w+),", said)) == set(rules.rules("alert")), said


def test_the_page_lists_every_alert_as_it_is():
    page = (ROOT / "docs" / "DASHBOARDS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| `(.+)` \| ([\w ]+) \|$", page, re.MULTILINE)
    shipped = [(name, rule["expr"].strip().replace("|", r"\|"), rule.get("for", "at once")) for name, rule in rules.rules("alert").items()]
    assert rows == shipped
