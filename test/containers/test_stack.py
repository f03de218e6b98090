"""deploy/compose.yaml: a program for compose files takes it, and the stack runs, with what cannot be fetched replaced by
images of Debian's packages under the same names. Grafana, which Debian does not have, is not started."""

import json
import shutil
import subprocess
import urllib.request

import pytest
import yaml

from lib import settings
from lib.waiting import eventually
from test_image import increment, total

FILE = settings.ROOT / "deploy" / "compose.yaml"
KEEPING = ("simple-request", "postgres", "prometheus")
RUN = (*KEEPING, "postgres-exporter")  # which keeps nothing and ends at once when it is told to


@pytest.fixture(scope="session")
def compose():
    if not shutil.which("docker-compose"):
        pytest.skip("there is no docker-compose: scripts/install-deps containers")
    return ["docker-compose", "--project-name", "stack", "--project-directory", str(FILE.parent)]


@pytest.fixture
def stack(daemon, compose, image, stand_ins, tmp_path):
    """A function that runs docker-compose on the file as it is, but for the host's ports: any that are free."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    for name, service in document["services"].items():
        if name in stand_ins:
            daemon.docker("tag", stand_ins[name], service["image"])
        service["ports"] = [f"127.0.0.1::{port.rpartition(':')[2]}" for port in service.get("ports", [])]
    copy = tmp_path / "compose.yaml"
    copy.write_text(yaml.safe_dump(document))

    def try_to(*arguments):
        return subprocess.run([*compose, "--file", str(copy), *arguments], env=daemon.environment(), capture_output=True, text=True,
                              timeout=600)

    def run(*arguments):
        done = try_to(*arguments)
        assert done.returncode == 0, done.stderr[-3000:] + try_to("logs", "--no-color", "--tail=20").stdout

    yield run
    run("down", "--volumes")


def container_of(daemon, name):
    return daemon.docker("ps", "-aq", "--filter", f"label=com.docker.compose.service={name}")


def address(daemon, name, port):
    host, _, number = daemon.docker("port", container_of(daemon, name), f"{port}/tcp").splitlines()[0].rpartition(":")
    return host, int(number)


def ask(place, path):
    with urllib.request.urlopen(f"http://{place[0]}:{place[1]}{path}", timeout=20) as answer:
        return json.load(answer)


def up_targets(place):
    targets = ask(place, "/api/v1/targets")["data"]["activeTargets"]
    return {target["labels"]["job"] for target in targets if target["health"] == "up"}


def test_the_compose_file_is_taken_as_it_is(compose):
    done = subprocess.run([*compose, "--file", str(FILE), "config", "--quiet"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_stack_starts_by_health_counts_and_keeps_what_it_counted(daemon, stack):
    stack("up", "-d", *RUN)
    for name in RUN:
        eventually(lambda: daemon.inspect(container_of(daemon, name))["State"].get("Health", {}).get("Status") == "healthy", 120,
                   f"{name} is healthy", interval=0.3)
    service = address(daemon, "simple-request", 3333)
    assert [increment(service, "test1", 2) for _ in range(3)] == [2, 4, 6]
    eventually(lambda: {"simple-request", "postgresql", "prometheus"} <= up_targets(address(daemon, "prometheus", 9090)), 90,
               "Prometheus reads the service and the exporter", interval=0.5)
    for name in RUN:
        assert daemon.inspect(container_of(daemon, name))["HostConfig"]["ReadonlyRootfs"], name
        processes = daemon.docker("top", container_of(daemon, name), "-eo", "pid,uid").splitlines()[1:]
        assert processes and "0" not in {line.split()[1] for line in processes}, (name, processes)
    stack("stop")
    assert {name: daemon.inspect(container_of(daemon, name))["State"]["ExitCode"] for name in KEEPING} == dict.fromkeys(KEEPING, 0)
    stack("up", "-d", *RUN)
    assert total(address(daemon, "simple-request", 3333), "test1") == 6
    table = daemon.docker("exec", container_of(daemon, "postgres"), "psql", "-U", "simple_request", "-Atc",
                          "SELECT key, value FROM counters")
    assert table == "test1|6"
