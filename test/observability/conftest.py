"""The service among Prometheus, Alertmanager and postgres_exporter. They use the end-to-end tests' harness."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from lib.fixtures import *  # noqa: E402,F403 (pytest finds fixtures and hooks by name)
