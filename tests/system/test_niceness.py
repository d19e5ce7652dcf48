"""Stepping back, also where the kernel shares the cores among sessions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, sys, time
from pathlib import Path
from tagger.system.niceness import step_back, step_back_behind_all

def session():
    # Empty where the kernel gave the session no group of its own, such as the first session of a container.
    group = Path("/proc/self/autogroup")
    words = group.read_text().split() if group.exists() else []
    return words[-1] if words else "none"

def may_be_set():
    # A container may forbid it.
    for _ in range(10):
        try:
            Path("/proc/self/autogroup").write_text("0")
            return True
        except BlockingIOError:
            time.sleep(0.2)
        except OSError:
            return False
    return False

allowed = "nothing to set"
if sys.argv[1] == "leader":
    os.setsid()
    allowed = may_be_set()
before = session()
step_back(7)
print(before, session(), os.nice(0), allowed is True)
step_back_behind_all()
print(os.sched_getscheduler(0) == os.SCHED_IDLE)
"""


@pytest.mark.parametrize("leader", [True, False])
def test_the_session_steps_back_with_its_leader_and_with_nobody_else(leader: bool) -> None:
    command = [sys.executable, "-c", PROGRAM, "leader" if leader else "guest"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after, nice, allowed, idle = done.stdout.split()
    assert (nice, idle) == (str(min(19, os.nice(0) + 7)), "True")
    assert after == (nice if allowed == "True" and before != "none" else before)
