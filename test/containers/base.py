"""The base image without a registry: Debian by debootstrap, from this machine's own archive and with its settings of apt."""

import subprocess
import tempfile
from pathlib import Path

SUITE = "trixie"  # the release that the Dockerfile's BASE is of
WANTED = "Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until", "Acquire::Check-Date"


def own_mirror():
    """Where apt gets Debian itself from; the origin stands in the signed Release file."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(REPO_URI)", "Created-By: Packages"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    uris = [line.split("|")[2] for line in targets if line.startswith("Debian|main|")]
    assert uris, "apt has no Debian archive among its sources (apt-get update)"
    return uris[0]


def settings_of_apt():
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(WANTED))


def script():
    """An older debootstrap does not know a newer suite by name, but they are all made alike."""
    scripts = Path("/usr/share/debootstrap/scripts")
    return [] if (scripts / SUITE).exists() else [str(scripts / "sid")]


def make_root(directory):
    """A minimal Debian in `directory`."""
    done = subprocess.run(["debootstrap", "--variant=minbase", SUITE, directory, own_mirror(), *script()],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"debootstrap failed: {done.stdout[-3000:]}{done.stderr[-1000:]}"
    (Path(directory) / "etc/apt/apt.conf.d/80machine").write_text(settings_of_apt())


def import_base(daemon, tag, kept=None):
    """`kept` is a directory for a root that serves the next run too."""
    if kept and daemon.docker("images", "-q", tag):
        return tag  # by another name nothing built on it would be found again
    with tempfile.TemporaryDirectory(prefix="simple-request-root-") as temporary:
        root = Path(kept or temporary) / "root"
        if not (root / "etc/os-release").exists():
            make_root(root)
        with subprocess.Popen(["tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*_*",
                               "-c", "."], stdout=subprocess.PIPE) as tar:
            daemon.docker("import", "-", tag, stdin=tar.stdout, timeout=600)
        assert tar.returncode == 0
    return tag
