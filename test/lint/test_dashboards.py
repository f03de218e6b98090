"""The gate of the dashboards must be able to fail: it is fed the repository's own with one thing spoilt at a time."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "deploy/grafana/dashboards"


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "DASHBOARDS.md", tmp_path / "docs")
    return tmp_path


def findings(root):
    done = subprocess.run([ROOT / "scripts" / "lint" / "dashboards", root], capture_output=True, text=True, timeout=60)
    assert done.stderr == "", done.stderr
    assert (done.returncode != 0) == bool(done.stdout), (done.returncode, done.stdout)
    return done.stdout.splitlines()


def spoil(root, change, name="http"):
    """Applies change to a dashboard and writes it in the usual layout."""
    path = root / FOLDER / f"{name}.json"
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    change(dashboard)
    path.write_text(json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return findings(root)


def panel(dashboard, title):
    return next(one for one in dashboard["panels"] if one["title"] == title)


def replaced(old, new, title="Requests by route"):
    """A change of the expression of a panel's first query."""
    def change(dashboard):
        target = panel(dashboard, title)["targets"][0]
        assert old in target["expr"]
        target["expr"] = target["expr"].replace(old, new)
    return change


def test_the_repositorys_own_are_clean(tree):
    assert findings(tree) == []


def no_unit(d): panel(d, "Status classes")["fieldConfig"]["defaults"].pop("unit")
def no_description(d): panel(d, "Status classes")["description"] = ""
def no_title(d): panel(d, "Status classes")["title"] = " "
def no_query(d): panel(d, "Status classes")["targets"] = []
def retired_type(d): panel(d, "Status classes")["type"] = "graph"
def fixed_datasource(d): panel(d, "Status classes")["datasource"] = {"type": "prometheus", "uid": "P1809F7CD0C75ACF3"}
def fixed_datasource_of_a_query(d): panel(d, "Status classes")["targets"][0].pop("datasource")
def same_id(d): d["panels"][3]["id"] = d["panels"][2]["id"]
def same_title(d): panel(d, "Apdex 1h")["title"] = "Apdex 24h"
def overlapping(d): d["panels"][3]["gridPos"]["x"] -= 1
def beyond_the_grid(d): panel(d, "Response size")["gridPos"]["w"] = 13
def no_instance(d): d["templating"]["list"].pop()
def newer_schema(d): d["schemaVersion"] = 42
def key_in_legend(d): panel(d, "Requests by route")["targets"][0]["legendFormat"] = "{{key}}"


@pytest.mark.parametrize("change, words", [
    (no_unit, "Status classes: has no unit"),
    (no_description, "Status classes: has no description"),
    (no_title, "has no title"),
    (no_query, "Status classes: has no query"),
    (retired_type, "type graph is not in all of Grafana 10 to 13"),
    (fixed_datasource, "Status classes: does not use the datasource variable"),
    (fixed_datasource_of_a_query, "a query does not ask the datasource variable"),
    (same_id, "stands twice"),
    (same_title, "title Apdex 24h stands twice"),
    (overlapping, "lies on"),
    (beyond_the_grid, "leaves the grid"),
    (no_instance, "its variables are not datasource, job, instance"),
    (newer_schema, "schemaVersion is not 38"),
    (key_in_legend, "has the counter key as a label"),
    (replaced("by (http_request_method, http_route)", "by (key)"), "has the counter key as a label"),
    (replaced("[$__rate_interval]", "[5m]"), "[5m] is not [$__rate_interval]"),
    (replaced(',instance=~"$instance"', ""), "http_server_request_duration_seconds_count is not selected by $job and $instance"),
    (replaced('{job=~"$job",instance=~"$instance"}', ""), "http_server_request_duration_seconds_count is not selected by $job and $instance"),
], ids=lambda value: getattr(value, "__name__", None))
def test_a_departure_from_the_conventions_is_refused(tree, change, words):
    assert any(words in finding for finding in spoil(tree, change))


def test_another_layout_of_the_file_is_refused(tree):
    path = tree / FOLDER / "http.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=4) + "\n", encoding="utf-8")
    assert any("laid out" in finding for finding in findings(tree))


def test_two_dashboards_of_one_uid_are_refused(tree):
    assert any("uid simple-request-http stands twice" in finding
               for finding in spoil(tree, lambda d: d.update(uid="simple-request-http"), "store"))


def test_a_stale_file_is_refused(tree):
    shutil.copytree(ROOT / "deploy" / "grafana" / "panels", tree / "deploy" / "grafana" / "panels")
    shutil.copy(ROOT / "deploy" / "grafana" / "generate", tree / "deploy" / "grafana")
    assert findings(tree) == []
    assert f"{FOLDER}/store.json is not what deploy/grafana/generate writes" in spoil(tree, lambda d: d.update(refresh="1m"), "store")
    (tree / FOLDER / "another.json").write_text((tree / FOLDER / "store.json").read_text(encoding="utf-8"), encoding="utf-8")
    assert f"{FOLDER}/another.json is not what deploy/grafana/generate writes" in findings(tree)


@pytest.mark.parametrize("old, new, words", [
    ("| Locks | Locks |", "| Locks | Keys |", "there is no panel 'Keys'"),
    ("| 20 | Locks |", "| 21 | Locks |", "not numbered 1 to 22"),
    ("`pg_locks_count`", "`pg_locks`", "'Locks' asks for `pg_locks_count`"),
    ("| Ledger mismatch | `", "| Ledger | `", "Correctness: 'Ledger mismatch' is not named"),
    ("## Store", "## Storage", "Store: the demonstration's panels are not numbered 1 to 13"),
])
def test_a_page_that_does_not_fit_is_refused(tree, old, new, words):
    page = tree / "docs" / "DASHBOARDS.md"
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new), encoding="utf-8")
    assert any(words in finding for finding in findings(tree))


def test_no_dashboards_prove_nothing(tree):
    shutil.rmtree(tree / FOLDER)
    assert "nothing to look at" in findings(tree)
