"""The dashboards' queries as Grafana would send them: variables filled in."""

import json
import re

from lib.settings import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def dashboards():
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def regex_of(values):
    """All chosen values as Grafana writes them into a regular expression within a quoted string."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"


def variables(dashboard, prometheus):
    """Each variable's value with everything chosen, as Grafana's queries for them find it."""
    chosen = {"__rate_interval": f"{4 * prometheus.scrape_interval}s"}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = LABEL_VALUES.fullmatch(filled(variable["definition"], chosen)).groups()
            found = sorted(labels[label] for labels, _ in prometheus.query(f"group by ({label}) ({selector})"))
            assert found, f"{dashboard['title']}: variable {variable['name']} has no value"
            chosen[variable["name"]] = regex_of(found)
    return chosen


def filled(expression, chosen):
    return re.sub(r"\$(\w+)", lambda name: chosen[name[1]], expression)


def panels(prometheus):
    """(dashboard: panel, its filled expressions) of everything that shows data."""
    for dashboard in dashboards():
        chosen = variables(dashboard, prometheus)
        for panel in dashboard["panels"]:
            if panel["type"] != "row":
                name = f"{dashboard['title'].removeprefix('simple-request: ')}: {panel['title']}"
                yield name, [filled(target["expr"], chosen) for target in panel["targets"]]
