"""Prometheus, Alertmanager and postgres_exporter as child processes on loopback, with what deploy/prometheus ships.

Targets are rewritten to the test's ports. scale divides every time to wait (`for` of alerts, Alertmanager's waits); with any other
scale than 1 scrapes and evaluations come every second as well. What an expression looks back over is never changed.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import rules
import yaml
from lib import child
from lib.postgres import free_port
from lib.waiting import eventually

SECONDS = {"s": 1, "m": 60, "h": 3600}


def seconds(duration):
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


def get_json(url, **form):
    """The JSON that a URL answers; form: sent as a POST."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=30) as answer:
        return json.load(answer)


class Daemon:
    """A server with a log of its own that is ready when a path answers 200; ends with the test run."""

    ready_path = "/-/ready"

    def __init__(self, directory, command, env=None):
        self.directory, self.port = directory, free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.log = directory / f"{type(self).__name__}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command(self.address), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                                            env=os.environ | (env or {}), preexec_fn=child.end_with_parent)

    def await_ready(self):
        eventually(self._ready, 60, f"{type(self).__name__} is ready")

    def _ready(self):
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        try:
            return urllib.request.urlopen(self.url + self.ready_path, timeout=5).status == 200
        except OSError:
            return False

    def close(self):
        self.process.kill()
        self.process.wait()


class Exporter(Daemon):
    ready_path = "/"

    def __init__(self, directory, database_url):
        super().__init__(directory, lambda address: ["prometheus-postgres-exporter", f"--web.listen-address={address}"],
                         {"DATA_SOURCE_NAME": database_url + "?sslmode=disable"})


class Alertmanager(Daemon):
    def __init__(self, directory, webhook_url, scale=1):
        path = directory / "alertmanager.yml"
        config = rules.read(rules.FOLDER / "alertmanager.yml")
        for receiver in config["receivers"]:
            for webhook in receiver["webhook_configs"]:
                webhook["url"] = webhook_url
        for route in [config["route"], *config["route"]["routes"]]:
            for name in ("group_wait", "group_interval", "repeat_interval"):
                if name in route:
                    route[name] = f"{max(seconds(route[name]) // scale, 1)}s"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        super().__init__(directory, lambda address: [
            "prometheus-alertmanager", f"--config.file={path}", f"--storage.path={directory / 'alertmanager'}",
            f"--web.listen-address={address}", "--cluster.listen-address="])

    def active(self):
        """Names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in get_json(f"{self.url}/api/v2/alerts?active=true")}


class Prometheus(Daemon):
    def __init__(self, directory, targets, alertmanager, scale=1):
        """targets: {job: [address]} for every job of prometheus.yml but its own."""
        self.scale = scale
        self.config = directory / "prometheus"
        shutil.copytree(rules.FOLDER, self.config)
        self._write_alertmanager(alertmanager)
        if scale != 1:
            self._shorten_rules()
        super().__init__(directory, lambda address: self._command(directory, targets | {"prometheus": [address]}, address))

    def _command(self, directory, targets, address):
        self._write_targets(targets)
        return ["prometheus", f"--config.file={self.config / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address={address}"]

    def _write_alertmanager(self, address):
        (self.config / "alertmanagers").mkdir()
        (self.config / "alertmanagers" / "test.yml").write_text(yaml.safe_dump([{"targets": [address]}]), encoding="utf-8")

    def _shorten_rules(self):
        for path in (self.config / "rules").glob("*.yml"):
            document = rules.read(path)
            for rule in [rule for group in document["groups"] for rule in group["rules"] if "for" in rule]:
                rule["for"] = f"{max(seconds(rule['for']) // self.scale, 1)}s"
            path.write_text(yaml.safe_dump(document), encoding="utf-8")

    def _write_targets(self, targets):
        path = self.config / "prometheus.yml"
        config = rules.read(path)
        if self.scale != 1:
            config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        assert {one["job_name"] for one in config["scrape_configs"]} == targets.keys()
        for one in config["scrape_configs"]:
            one["static_configs"] = [{"targets": targets[one["job_name"]]}]
        self.scrape_interval = seconds(config["global"]["scrape_interval"])
        path.write_text(yaml.safe_dump(config), encoding="utf-8")

    def query(self, expression):
        """Series of an expression now, as [(labels, value)]; a value that is no number is no data."""
        try:
            result = get_json(f"{self.url}/api/v1/query", query=expression)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        return [(one["metric"], float(one["value"][1])) for one in result if one["value"][1] != "NaN"]

    def targets(self):
        """{(job, address): health}"""
        active = get_json(f"{self.url}/api/v1/targets?state=active")["data"]["activeTargets"]
        return {(one["labels"]["job"], one["labels"]["instance"]): one["health"] for one in active}

    def firing(self):
        alerts = get_json(f"{self.url}/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


class Webhook:
    """What Alertmanager notifies: keeps (alert's name, 'firing' or 'resolved')."""

    def __init__(self):
        self.told = told = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 (the base class's name)
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.extend((alert["labels"]["alertname"], alert["status"]) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told_of(self, status):
        return {alert for alert, its_status in list(self.told) if its_status == status}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Stack:
    """The shipped stack around a PostgreSQL that runs and services that run. started: when it was all up."""

    def __init__(self, directory, cluster, store, servers, scale):
        self.directory, self.cluster, self.store, self.servers = directory, cluster, store, servers
        self.parts = []
        self.webhook = self._add(Webhook())
        self.exporter = self._add(Exporter(directory, cluster.url(store.database)))
        self.alertmanager = self._add(Alertmanager(directory, self.webhook.url, scale))
        self.addresses = {"simple-request": [f"127.0.0.1:{server.port}" for server in servers], "postgresql": [self.exporter.address]}
        self.prometheus = self._add(Prometheus(directory, self.addresses, self.alertmanager.address, scale))
        for part in self.parts[1:]:
            part.await_ready()
        eventually(self.all_up, 60, "every target is up")

    def _add(self, part):
        self.parts.append(part)
        return part

    def all_up(self):
        found = self.prometheus.targets()
        wanted = {(job, address) for job, addresses in self.addresses.items() for address in addresses}
        return wanted < found.keys() and set(found.values()) == {"up"}

    def close(self):
        for part in reversed(self.parts):
            part.close()
