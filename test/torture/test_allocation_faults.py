"""Memory that is not there: the n-th allocation of start or load fails, those of SQLite and libpq included."""

from errno import ENOMEM

import pytest

from faults import OPTIONS, Runs, sweep
from lib.store import SqliteStore


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("armed_by", ["start", "load"])
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_failing_allocation_loses_nothing(request, memory_dir, make_server, shim, figures, store, armed_by, lasting):
    chosen = SqliteStore(memory_dir / "counters.db") if store == "sqlite" else request.getfixturevalue(store)
    runs = Runs(make_server(*OPTIONS, directory=memory_dir, store=chosen), shim, seed=1)
    sweep(runs, "alloc", "", (ENOMEM,), armed_by, from_on=lasting)
    runs.finish()
    assert runs.injected.total() > 0, "nothing was allocated"
    figures(runs=runs.count, injected=dict(runs.injected), outcomes=dict(runs.outcomes))
