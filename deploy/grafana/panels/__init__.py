"""The six dashboards, each a module of panels; layout.py turns them into Grafana's JSON."""

from . import application, correctness, http, postgresql, process, store

DASHBOARDS = [module.DASHBOARD for module in (application, process, store, http, postgresql, correctness)]
