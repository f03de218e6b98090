"""Each system call that journal, server and stores make, failing at its n-th time: a clear error or a right result."""

from errno import (EADDRINUSE, EAGAIN, ECONNABORTED, ECONNRESET, EINTR, EIO, EMFILE, ENFILE, ENOBUFS, ENOLCK, ENOMEM,
                   ENOSPC, EOPNOTSUPP, EPIPE, ETIMEDOUT)

import pytest

from faults import SHORT, Lanes
from lib import settings

# (call, what it is made on, errors it may give by its manual page). A connection to PostgreSQL counts as database.
FILES = [
    ("open", "journal", (EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EINTR)),
    ("openat", "journal", (EIO, EMFILE, ENFILE, ENOMEM, ENOSPC, EINTR)),
    ("pread", "journal", (EIO, EINTR, SHORT)),
    ("pwrite", "journal", (EIO, ENOSPC, EINTR, SHORT)),
    ("fsync", "journal", (EIO, ENOSPC, EINTR)),
    ("fdatasync", "journal", (EIO, ENOSPC, EINTR)),
    ("ftruncate", "journal", (EIO, ENOSPC, EINTR)),
    ("fstat", "journal", (EIO, ENOMEM)),
    ("flock", "journal", (EINTR, ENOLCK)),
    ("renameat", "journal", (EIO, ENOSPC, ENOMEM)),
    ("unlinkat", "journal", (EIO, ENOMEM)),
    ("fdopendir", "journal", (ENOMEM,)),
    ("readdir", "journal", (EIO, ENOMEM)),
]
SERVER = [
    ("socket", "other", (EMFILE, ENFILE, ENOMEM, ENOBUFS)),
    ("bind", "other", (EADDRINUSE, ENOMEM)),
    ("listen", "other", (EADDRINUSE,)),
    ("accept4", "listener", (EMFILE, ENFILE, ENOMEM, ENOBUFS, EINTR, ECONNABORTED)),
    ("recv", "client", (EINTR, ENOMEM, ECONNRESET, ETIMEDOUT, SHORT)),
    ("send", "client", (EINTR, ENOMEM, EPIPE, ECONNRESET, SHORT)),
    ("epoll_create1", "other", (EMFILE, ENFILE, ENOMEM)),
    ("epoll_ctl", "listener", (ENOMEM, ENOSPC)),
    ("epoll_ctl", "client", (ENOMEM, ENOSPC)),
    ("epoll_ctl", "wake", (ENOMEM, ENOSPC)),
    ("epoll_wait", "other", (EINTR,)),
    ("eventfd", "other", (EMFILE, ENFILE, ENOMEM)),
    ("pthread_create", "other", (EAGAIN,)),
    ("getrandom", "other", (EINTR, SHORT)),
    ("write", "log", (EIO, ENOSPC, EINTR, EPIPE, SHORT)),
]
SQLITE = [
    ("open", "database", (EIO, EMFILE, ENOMEM, ENOSPC, EINTR)),
    ("pread", "database", (EIO, EINTR)),
    ("pwrite", "database", (EIO, ENOSPC, EINTR, SHORT)),
    ("fdatasync", "database", (EIO, ENOSPC)),
    ("ftruncate", "database", (EIO, ENOSPC, EINTR)),
    ("fcntl", "database", (EIO, EINTR, ENOLCK)),
    ("fstat", "database", (EIO, ENOMEM)),
    ("mmap", "database", (ENOMEM,)),
]
POSTGRES = [
    ("connect", "database", (EINTR, ENOMEM)),
    ("send", "database", (EINTR, ENOMEM, EPIPE, SHORT)),
    ("recv", "database", (EINTR, ENOMEM, ECONNRESET, SHORT)),
    ("fcntl", "other", (EMFILE,)),
    ("poll", "other", (EINTR, ENOMEM)),
]
# Calls of an instance's first start alone.
FIRST = [
    pytest.param("fallocate", "journal", (EIO, ENOSPC, EINTR, EOPNOTSUPP), False, id="fallocate-journal"),
    pytest.param("fallocate", "journal", (EIO, ENOSPC, EOPNOTSUPP), True, id="fallocate-journal-lasting"),
]
# Faults that stay: whatever is done about the first one meets the next.
LASTING = [
    ("openat", "journal", (EMFILE, EIO)),
    ("pwrite", "journal", (ENOSPC, EIO, SHORT)),
    ("fdatasync", "journal", (EIO,)),
    ("recv", "client", (SHORT,)),
    ("send", "client", (SHORT,)),
    ("pwrite", "database", (ENOSPC, EIO)),
]


def cases():
    """In the short form PostgreSQL has its own calls alone, since the others are the same code."""
    for store, faults in (("sqlite", FILES + SERVER + SQLITE), ("postgres", POSTGRES + (FILES + SERVER) * settings.LONG)):
        for call, target, errors in faults:
            yield pytest.param(store, call, target, errors, False, id=f"{store}-{call}-{target}")
    for call, target, errors in LASTING:
        yield pytest.param("sqlite", call, target, errors, True, id=f"sqlite-{call}-{target}-lasting")


def sweep(lanes, figures, call, target, errors, **more):
    lanes.sweep(call, target, errors, **more)
    lanes.finish()
    assert lanes.injected.total() > 0, "no such call was made"
    if settings.LONG:
        assert len(lanes.injected) == len(set(errors)), f"of {len(errors)} errors only {dict(lanes.injected)} were met"
    figures(call=call, target=target, runs=lanes.count, injected=dict(lanes.injected), outcomes=dict(lanes.outcomes))


@pytest.mark.parametrize("store, call, target, errors, lasting", list(cases())[:: 1 if settings.LONG else 2])
def test_a_failing_call_loses_nothing(request, memory_dir, make_server, shim, figures, progress, store, call, target, errors,
                                      lasting):
    lanes = Lanes(request, memory_dir, make_server, shim, store)
    sweep(lanes, figures, call, target, errors, from_on=lasting, progress=progress)


@pytest.mark.parametrize("call, target, errors, lasting", FIRST)
def test_a_failing_call_of_the_first_start_loses_nothing(request, memory_dir, make_server, shim, figures, progress, call, target,
                                                         errors, lasting):
    lanes = Lanes(request, memory_dir, make_server, shim, "sqlite")
    sweep(lanes, figures, call, target, errors, from_on=lasting, fresh=True, progress=progress)
