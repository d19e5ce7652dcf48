"""Stepping back, also where the kernel shares the cores among sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, sys
from pathlib import Path
from tagger.priority import step_back, step_back_behind_all
if sys.argv[1] == "leader":
    os.setsid()
step_back(7)
print(os.nice(0), Path("/proc/self/autogroup").read_text().split()[-1])
step_back_behind_all()
print(os.sched_getscheduler(0) == os.SCHED_IDLE)
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group by session")
@pytest.mark.parametrize("leader", [True, False])
def test_the_session_steps_back_with_its_leader_and_with_nobody_else(leader: bool) -> None:
    session = Path("/proc/self/autogroup").read_text().split()[-1]
    command = [sys.executable, "-c", PROGRAM, "leader" if leader else "guest"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    nice = min(19, os.nice(0) + 7)
    assert done.stdout.split() == [str(nice), str(nice) if leader else session, "True"]
