"""What lies in deploy/prometheus, read."""

import re

import yaml

from lib.settings import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
TESTS = FOLDER / "tests" / "alerts.yml"
COMPARISON = re.compile(r"^(.*)\s(?:>|<|==|!=)\s-?[\d.]+$", re.DOTALL)


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules(kind):
    """All rules of a kind, 'alert' or 'record', as {name: rule}."""
    found = [rule for path in sorted((FOLDER / "rules").glob("*.yml")) for group in read(path)["groups"] for rule in group["rules"]]
    return {rule[kind]: rule for rule in found if kind in rule}


def measured(alert):
    """What an alert compares to a number: this has data whether the alert fires or not."""
    return COMPARISON.match(alert["expr"].strip())[1]
