"""The service's image: small, without root, on a read-only root; what it counts outlives its containers."""

import json
import subprocess
import threading
from pathlib import Path

from daemon import Container
from lib.http import Closed, Connection
from lib.waiting import eventually

PASSWORD = "a-password"


def curl(address, *arguments):
    host, port = address
    done = subprocess.run(["curl", "-sS", "--max-time", "10", f"http://{host}:{port}{arguments[0]}", *arguments[1:]],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def increment(address, key, value):
    body = json.dumps({"key": key, "value": value})
    return curl(address, "/increment", "-H", "Content-Type: application/json", "-d", body)["data"]["value"]


def total(address, key):
    return curl(address, f"/counters/{key}")["data"]["value"]


class Load:
    """Clients that count 1 to a key, one request at a time each, until the connection ends or refuses."""

    def __init__(self, address, key, clients=4):
        self.address, self.key = address, key
        self.acknowledged = [0] * clients
        self.threads = [threading.Thread(target=self._count, args=(number,)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def _count(self, number):
        try:
            with Connection(self.address) as connection:
                while connection.increment(self.key, 1).status == 200:
                    self.acknowledged[number] += 1
        except (OSError, Closed):
            pass

    def sum(self):
        return sum(self.acknowledged)

    def join(self):
        for thread in self.threads:
            thread.join()
        return self.sum()


def test_the_image_is_small(daemon, base, image, figures):
    mine, below = daemon.inspect(image)["Size"], daemon.inspect(base)["Size"]
    figures(image_mb=round((mine - below) / 1e6, 1), base_mb=round(below / 1e6, 1))
    assert 0 < mine - below < 100e6


def test_curl_gets_an_answer_through_the_published_port(start_service):
    address = start_service().address()
    assert [increment(address, "test1", 2) for _ in range(3)] == [2, 4, 6]
    assert curl(address, "/readyz") and total(address, "test1") == 6


def test_the_process_has_neither_root_nor_capabilities(start_service):
    container = start_service()
    status = Path(f"/proc/{container.state()['Pid']}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == set(fields["Gid"].split()) == {"10001"}
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0 and fields["NoNewPrivs"].strip() == "1"


def test_the_root_file_system_is_read_only_and_the_data_is_in_the_volume(start_service):
    container = start_service()
    mounts = [line.split() for line in Path(f"/proc/{container.state()['Pid']}/mounts").read_text().splitlines()]
    options = {point: options.split(",") for _, point, _, options, *_ in mounts}
    assert "ro" in options["/"] and "rw" in options["/data"]
    increment(container.address(), "a", 1)
    files = container.execute("ls", "/data").split()
    assert "counters.db" in files and len(files) > 2


def test_the_health_check_fails_where_nobody_answers(daemon, image):
    deaf = Container(daemon, image, "--health-interval=1s", "-e", "LISTEN=unix:/data/socket",
                     "--health-cmd=simple-request healthcheck --listen 127.0.0.1", "--health-start-period=1s")
    eventually(lambda: deaf.state()["Health"]["Status"] == "unhealthy", 60, "nobody answers there", interval=0.2)


def test_the_image_keeps_no_package_lists(daemon, image):
    listing = daemon.docker("run", "--rm", "--entrypoint=find", image, "/var/lib/apt/lists", "/source", "-type", "f", check=False)
    assert listing == ""


def test_what_it_counted_outlives_stop_kill_and_the_container(daemon, start_service, image):
    flags = ("-v", "kept:/data")
    first = start_service(*flags)
    assert increment(first.address(), "a", 5) == 5
    assert first.stop() == 0
    first.start().await_healthy()
    assert increment(first.address(), "a", 1) == 6
    daemon.docker("kill", first.id)
    daemon.docker("rm", first.id)
    second = start_service(*flags)
    assert increment(second.address(), "a", 1) == 7
    assert second.stop() == 0
    daemon.docker("run", "--rm", *flags, image, "verify")


def test_docker_stop_under_load_loses_nothing_on_postgresql(daemon, start_service, postgres_image, figures):
    """Whatever was acknowledged is in the table when the container has stopped, and no more than was sent."""
    daemon.docker("network", "create", "backend")
    database = Container(daemon, postgres_image, "--network=backend", "--network-alias=postgres", "-e", "POSTGRES_USER=counter",
                         "-e", f"POSTGRES_PASSWORD={PASSWORD}", "-e", "POSTGRES_DB=counter", "--health-interval=1s",
                         "--health-cmd=pg_isready -q -h 127.0.0.1 -U counter").await_healthy()
    service = start_service("--network=backend", "-e", f"DATABASE_URL=postgres://counter:{PASSWORD}@postgres/counter")
    load = Load(service.address(), "stopped")
    eventually(lambda: load.sum() > 1000, 60, "the load is under way")
    assert service.stop() == 0, service.logs()[-3000:]
    acknowledged = load.join()
    stored = int(database.execute("psql", "-h", "/var/run/postgresql", "-U", "counter", "-Atc", "SELECT value FROM counters"))
    figures(acknowledged=acknowledged, stored=stored)
    assert acknowledged <= stored <= acknowledged + len(load.threads)
    service.start().await_healthy()
    assert total(service.address(), "stopped") == stored
