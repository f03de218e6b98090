"""One daemon and one set of images for all tests; each test's containers go with it. CONTAINERS_KEEP names a directory that
keeps root and images for the next run, which is then a matter of seconds."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
KEEP = os.environ.get("CONTAINERS_KEEP")
sys.path.insert(0, str(HERE.parent / "e2e"))

from base import import_base  # noqa: E402
from daemon import CannotRun, Container, Daemon  # noqa: E402
from lib import settings  # noqa: E402


@pytest.fixture(scope="session")
def session_daemon():
    with tempfile.TemporaryDirectory(prefix="simple-request-docker-", ignore_cleanup_errors=True) as directory:
        daemon = Daemon(f"{KEEP}/docker" if KEEP else directory)
        try:
            daemon.start()
        except CannotRun as why:
            pytest.skip(f"no dockerd here: {why}")
        yield daemon
        daemon.close()


@pytest.fixture(scope="session")
def base(session_daemon):
    return import_base(session_daemon, "base", KEEP)


@pytest.fixture(scope="session")
def image(session_daemon, base):
    """The service's image, by the Dockerfile as it is."""
    return session_daemon.build("simple-request", settings.ROOT, BASE=base)


@pytest.fixture(scope="session")
def postgres_image(session_daemon, base):
    return session_daemon.build("stand-in-postgres", HERE / "images" / "postgres", BASE=base)


@pytest.fixture(scope="session")
def stand_ins(session_daemon, base, postgres_image):
    """What the compose file names and nobody can fetch here: image by service."""
    names = {"postgres": postgres_image}
    for name in ("prometheus", "postgres-exporter"):
        names[name] = session_daemon.build(f"stand-in-{name}", HERE / "images" / name, BASE=base)
    return names


@pytest.fixture
def daemon(session_daemon):
    yield session_daemon
    session_daemon.remove_everything()


CONFINED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@pytest.fixture
def start_service(daemon, image):
    """A function that runs the service's image as docs/STACK.md says and waits until it is healthy."""

    def start(*flags):
        return Container(daemon, image, *CONFINED, "-p", "127.0.0.1::3333", *flags).await_healthy()

    return start


@pytest.fixture
def figures(capsys, request):
    """figures(image_mb=13): printed as one line."""

    def tell(**values):
        with capsys.disabled():
            print(f"\nfigures {request.node.name}: " + ", ".join(f"{name} {value}" for name, value in values.items()), flush=True)

    return tell
