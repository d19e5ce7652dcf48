"""The process beside the service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tagger.service.supervisor import Supervisor
from tests.cli.service import wait_for

# Writes its number, and ends when its standard input does, as `tagger web --beside-service` does.
CHILD = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); os.read(0, 1)"


def started(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_is_started_again_when_it_dies_and_ends_with_the_service(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Supervisor("child", [sys.executable, "-c", CHILD, str(log)]):
        [first] = wait_for(lambda: started(log), 10)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: len(started(log)) == 2, 10)
        second = started(log)[1]
        assert alive(second)
    assert not alive(second)


def test_it_ends_when_the_service_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    service = (
        "import sys, time; from tagger.service.supervisor import Supervisor\n"
        f"with Supervisor('child', [sys.executable, '-c', {CHILD!r}, {str(log)!r}]): time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", service]) as process:
        [child] = wait_for(lambda: started(log), 10)
        process.kill()
    wait_for(lambda: not alive(child), 10)


def test_refused_settings_are_not_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    refuses = "import sys; open(sys.argv[1], 'a').write('1\\n'); sys.exit(2)"
    with Supervisor("child", [sys.executable, "-c", refuses, str(log)]) as supervisor:
        wait_for(lambda: not supervisor._thread.is_alive(), 10)
    assert started(log) == [1]
