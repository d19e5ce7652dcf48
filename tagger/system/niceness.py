"""How far this process steps back behind other programs.

Where the kernel shares the cores among sessions first (sched(7), "The autogroup feature"), a nice value counts only
within its session. So the processes of a service stay in one session, and the session itself steps back, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tagger.core.clock import SystemClock

_TRIES = 5


def step_back(nice: int) -> None:
    """Step back behind other programs: 0 not at all, 19 as far as possible. Adds to what this process has already."""
    os.nice(nice)
    # A session that somebody else began holds their programs, too.
    if os.getsid(0) == os.getpid():
        # A kernel without this, or one that does not let us: then the nice value is all there is.
        with suppress(OSError):
            _step_back_session(os.nice(0))


def _step_back_session(nice: int) -> None:
    for _ in range(_TRIES):
        # Without CAP_SYS_ADMIN the whole machine may do this ten times a second (kernel/sched/autogroup.c).
        with suppress(BlockingIOError):
            Path("/proc/self/autogroup").write_text(str(nice))
            return
        SystemClock().sleep(0.15)


def step_back_behind_all() -> None:
    """Work only with what nobody else of the session wants."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
