"""A Docker daemon of the tests' own, started by hand: root, socket and pid file in one directory, no rule of the firewall
touched. Ports are published by its userland proxy; its containers reach each other and nothing outside."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from lib import child
from lib.waiting import eventually

# The distribution's own client, which builds without plugins; another one may stand in front of it on the PATH.
DOCKER = "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else "docker"
BRIDGE = Path("/sys/class/net/docker0")


class CannotRun(Exception):
    """Why there is no daemon here."""


class Daemon:
    def __init__(self, directory):
        self.directory = Path(directory)
        self.socket = f"unix://{self.directory}/docker.sock"
        self.log = self.directory / "dockerd.log"
        self.process, self.had_bridge = None, True

    def start(self):
        if os.geteuid() != 0:
            raise CannotRun("dockerd needs root")
        if not shutil.which("dockerd", path="/usr/sbin:/usr/bin:/usr/local/bin"):
            raise CannotRun("there is no dockerd: scripts/install-deps containers")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.had_bridge = BRIDGE.exists()
        command = ["dockerd", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--storage-driver=overlay2",
                   f"--data-root={self.directory}/data", f"--exec-root={self.directory}/exec",
                   f"--pidfile={self.directory}/docker.pid", f"--host={self.socket}"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            preexec_fn=lambda: child.end_with_parent(signal.SIGTERM))
        try:
            eventually(self._answers, 60, "dockerd answers", interval=0.2)
        except AssertionError as error:
            self.close()
            raise CannotRun(f"{error}: {self.last_words()}") from None
        return self

    def _answers(self):
        if self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            raise CannotRun(f"dockerd ended with {code}: {self.last_words()}")
        return subprocess.run([DOCKER, "version"], env=self.environment(), capture_output=True).returncode == 0

    def last_words(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def environment(self, **more):
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "DOCKER_HOST": self.socket, "DOCKER_BUILDKIT": "0"} | more

    def docker(self, *arguments, timeout=120, check=True, **more):
        """Runs the client to its end; returns what it printed without the last newline."""
        done = subprocess.run([DOCKER, *map(str, arguments)], env=self.environment(), capture_output=True, text=True,
                              timeout=timeout, stdin=more.pop("stdin", subprocess.DEVNULL), **more)
        assert not check or done.returncode == 0, f"docker {' '.join(map(str, arguments))}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
        return done.stdout.rstrip("\n")

    def build(self, tag, context, **arguments):
        """The builder shares the machine's network, since a bridge of this daemon leads nowhere."""
        flags = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        self.docker("build", "--network=host", *flags, "-t", tag, context, timeout=1800)
        return tag

    def inspect(self, what):
        return json.loads(self.docker("inspect", what))[0]

    def remove_everything(self):
        """Containers, volumes and networks; images stay."""
        containers = self.docker("ps", "-aq").split()
        if containers:
            self.docker("rm", "-fv", *containers)
        self.docker("volume", "prune", "-f")
        self.docker("network", "prune", "-f")

    def close(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        if not self.had_bridge and BRIDGE.exists():
            subprocess.run(["ip", "link", "delete", BRIDGE.name], check=False)


class Container:
    """A container of the service (or another one) on a daemon."""

    def __init__(self, daemon, image, *flags, command=()):
        self.daemon = daemon
        self.id = daemon.docker("run", "-d", *flags, image, *command)

    def state(self):
        return self.daemon.inspect(self.id)["State"]

    def await_healthy(self, timeout=90):
        def healthy():
            state = self.state()
            assert state["Running"], self.logs()
            return state["Health"]["Status"] == "healthy"

        eventually(healthy, timeout, "the container is healthy", interval=0.2)
        return self

    def address(self, port=3333):
        host, _, number = self.daemon.docker("port", self.id, f"{port}/tcp").splitlines()[0].rpartition(":")
        return host, int(number)

    def logs(self):
        done = subprocess.run([DOCKER, "logs", self.id], env=self.daemon.environment(), capture_output=True, text=True)
        return done.stdout + done.stderr

    def stop(self):
        """docker stop with its default patience; returns the exit code."""
        self.daemon.docker("stop", self.id)
        return self.state()["ExitCode"]

    def start(self):
        self.daemon.docker("start", self.id)
        return self

    def execute(self, *command, check=True):
        return self.daemon.docker("exec", self.id, *command, check=check)
