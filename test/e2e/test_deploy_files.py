"""Dockerfile and deploy/compose.yaml, as files: what must hold of them without running a container (test/containers does)."""

import re

import pytest
import yaml

from lib import settings
from lib.server import run

DEPLOY = settings.ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
DOCKERFILE = (settings.ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?")


def instructions(word):
    return [line.split(None, 1)[1] for line in DOCKERFILE.splitlines() if line.startswith(word + " ")]


def variable(text, **environment):
    """Compose's ${NAME:-default} filled in."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: environment.get(match[1], match[2]), text)


def understood(variables, home):
    """The service takes each of these environment variables for an option and finds nothing wrong with it."""
    done = run("--print-config", home=home, env=variables)
    assert done.returncode == 0, done.stderr
    from_environment = {line.split()[0].lstrip("-") for line in done.stdout.splitlines() if "env" in line}
    assert {name.lower().replace("_", "-") for name in variables} <= from_environment, done.stdout


def test_the_image_has_two_stages_and_a_pinned_base():
    assert [line.split()[0] for line in instructions("FROM")] == ["${BASE}", "${BASE}"]
    assert PINNED.fullmatch(dict(line.split("=") for line in instructions("ARG"))["BASE"])


def test_the_image_is_not_root_and_ends_by_sigterm():
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", instructions("USER")[-1])
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    assert instructions("ENTRYPOINT") == ['["simple-request"]']
    assert instructions("HEALTHCHECK")[0].endswith('CMD ["simple-request", "healthcheck"]')
    assert instructions("VOLUME") == ["/data"] and instructions("EXPOSE") == ["3333"]


def test_the_images_environment_is_understood(tmp_path):
    variables = dict(word.split("=") for word in instructions("ENV")[0].split())
    assert variables["DATA_DIR"] == "/data" and variables["LISTEN"] == "0.0.0.0"
    understood(variables, tmp_path)


def test_the_stack_is_the_service_postgresql_and_what_watches_them():
    assert set(SERVICES) == {"simple-request", "postgres", "postgres-exporter", "prometheus", "grafana"}
    ports = sorted(variable(port) for service in SERVICES.values() for port in service.get("ports", []))
    assert ports == [f"127.0.0.1:{port}:{port}" for port in (3000, 3333, 9090, 9187)]


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name):
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "cap_add" not in service
    assert service.get("user") not in ("root", "0", 0)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_and_has_a_health_check(name):
    service = SERVICES[name]
    assert "build" in service or PINNED.fullmatch(service["image"]), service["image"]
    check = service["healthcheck"]
    assert check["test"][0] == "CMD" and {"interval", "timeout", "retries", "start_period"} <= set(check)


def test_the_start_order_is_by_health_and_has_no_cycle():
    started = set()
    while set(SERVICES) - started:
        ready = {name for name in set(SERVICES) - started if set(SERVICES[name].get("depends_on", {})) <= started}
        assert ready, f"a cycle among {set(SERVICES) - started}"
        started |= ready
    conditions = {needed["condition"] for service in SERVICES.values() for needed in service.get("depends_on", {}).values()}
    assert conditions == {"service_healthy"}
    assert set(SERVICES["grafana"]["depends_on"]) == {"prometheus"}


def test_what_is_to_be_kept_lies_in_named_volumes():
    named = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", []) if mount[0] != "."}
    assert named == set(COMPOSE["volumes"]) and len(named) == 4


def test_what_is_mounted_from_the_repository_is_there_and_cannot_be_written():
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", []) if mount[0] == "."]
    assert len(mounts) == 3 and all(mode == "ro" and any((DEPLOY / source).rglob("*.*")) for source, _, mode in mounts), mounts
    assert (DEPLOY / "prometheus" / "prometheus.yml").is_file()
    jobs = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    targets = {target.split(":")[0] for job in jobs for config in job["static_configs"] for target in config["targets"]}
    assert targets - {"localhost"} <= set(SERVICES), targets


def test_the_services_environment_is_understood(tmp_path):
    service = SERVICES["simple-request"]
    variables = {name: variable(str(value), POSTGRES_PASSWORD="S3cret") for name, value in service["environment"].items()}
    understood(variables, tmp_path)
    assert variables["DATABASE_URL"].startswith("postgres://simple_request:S3cret@postgres:5432/")


def test_grafanas_password_is_admin_unless_it_is_set():
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_USER"] == "admin"
    assert variable(environment["GF_SECURITY_ADMIN_PASSWORD"]) == "admin"
    assert variable(environment["GF_SECURITY_ADMIN_PASSWORD"], GRAFANA_ADMIN_PASSWORD="x") == "x"


def test_the_database_is_not_published():
    assert "ports" not in SERVICES["postgres"] and "network_mode" not in SERVICES["postgres"]


def test_the_drain_ends_before_docker_kills():
    service = SERVICES["simple-request"]
    assert int(service["environment"]["DRAIN_TIMEOUT"][:-1]) < int(service["stop_grace_period"][:-1])
    assert int(re.search(r"DRAIN_TIMEOUT=(\d+)s", DOCKERFILE)[1]) < 10
