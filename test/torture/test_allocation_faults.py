"""Memory that is not there: the n-th allocation of start or load fails, those of SQLite and libpq included."""

from errno import ENOMEM

import pytest

from faults import Lanes


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from-then-on"])
@pytest.mark.parametrize("armed_by", ["start", "load"])
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_failing_allocation_loses_nothing(request, memory_dir, make_server, shim, figures, progress, store, armed_by,
                                            lasting):
    lanes = Lanes(request, memory_dir, make_server, shim, store)
    lanes.sweep("alloc", "", (ENOMEM,), armed_by, from_on=lasting, progress=progress)
    lanes.finish()
    assert lanes.injected.total() > 0, "nothing was allocated"
    figures(runs=lanes.count, injected=dict(lanes.injected), outcomes=dict(lanes.outcomes))
