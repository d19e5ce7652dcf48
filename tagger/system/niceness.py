"""Lower the scheduling priority of this process.

If the kernel shares cores among sessions first (sched(7), "The autogroup feature"), a nice value only has an effect
within its session. So the processes of a service stay in one session, and that session's nice value is raised, too.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tagger.core.clock import SystemClock

_TRIES = 5


def step_back(nice: int) -> None:
    """Add `nice` (0 to 19, the lowest priority) to this process's nice value, and raise that of its own session."""
    os.nice(nice)
    # Only if this process leads the session: otherwise other programs are in it.
    if os.getsid(0) == os.getpid():
        # Without autogroups, or without permission, the nice value has to do.
        with suppress(OSError):
            _step_back_session(os.nice(0))


def _step_back_session(nice: int) -> None:
    for _ in range(_TRIES):
        # Without CAP_SYS_ADMIN the kernel allows ten changes a second for the whole machine (kernel/sched/autogroup.c).
        with suppress(BlockingIOError):
            Path("/proc/self/autogroup").write_text(str(nice))
            return
        SystemClock().sleep(0.15)


def step_back_behind_all() -> None:
    """Run only when no other process of the session wants the core."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
