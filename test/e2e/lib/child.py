"""What a child process does between fork and exec."""

import ctypes
import signal

PR_SET_PDEATHSIG, PR_CAPBSET_DROP = 1, 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(number=signal.SIGKILL):
    """The kernel sends the child this signal when the test run dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def respect_permissions():
    """Even root then obeys a directory's mode bits."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
