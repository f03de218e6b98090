"""What PostgreSQL 17 and postgres_exporter renamed gives the same lines under both names; no such server is needed for that."""

import subprocess

import panels
import pytest
import yaml

# Per second: what each line must then show. New name, old name.
COUNTERS = {
    "buffers_written_total": ("buffers_checkpoint_total", 30), "num_timed_total": ("checkpoints_timed_total", 2),
    "num_requested_total": ("checkpoints_req_total", 5), "write_time_total": ("checkpoint_write_time_total", 400),
    "sync_time_total": ("checkpoint_sync_time_total", 100),
}
LINES = {"Buffers": {"by checkpoints": 30}, "Checkpoints": {"timed": 2, "forced": 5}, "Checkpoint time": {"write": 0.4, "sync": 0.1}}


def series(major):
    for new, (old, speed) in COUNTERS.items():
        name = f"pg_stat_checkpointer_{new}" if major >= 17 else f"pg_stat_bgwriter_{old}"
        yield {"series": f'{name}{{job="postgresql",instance="exporter:9187"}}', "values": f"0+{speed}x60"}


def expressions():
    dashboard = next(one for one in panels.dashboards() if one["uid"] == "simple-request-postgresql")
    chosen = {"job": "(postgresql)", "instance": r"(exporter:9187)", "__rate_interval": "20s"}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            value = LINES.get(panel["title"], {}).get(target["legendFormat"])
            if value is not None:
                yield panels.filled(target["expr"], chosen), value


@pytest.mark.parametrize("major", [16, 17])
def test_checkpoints_are_shown_by_either_name(tmp_path, major):
    wanted = [{"expr": expression, "eval_time": "50s", "exp_samples": [{"labels": "{}", "value": value}]} for expression, value in expressions()]
    assert len(wanted) == 5
    path = tmp_path / "test.yml"
    document = {"evaluation_interval": "1s",
                "tests": [{"interval": "1s", "input_series": list(series(major)), "promql_expr_test": wanted}]}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    assert done.returncode == 0, done.stdout
