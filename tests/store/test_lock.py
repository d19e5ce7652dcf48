from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.core.errors import BusyError
from tagger.store.lock import holder, work_lock

HOLD = (
    "import sys, time; from pathlib import Path; from tagger.store.lock import work_lock\n"
    "with work_lock(Path(sys.argv[1]), 'backfill'):\n    print('held', flush=True); time.sleep(60)"
)


def test_only_one_works_at_a_time(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert holder(tmp_path) == f"backfill, process {other.pid}"
        with pytest.raises(BusyError, match=rf"backfill, process {other.pid}") as caught, work_lock(tmp_path, "x"):
            pass
        assert caught.value.exit_code == 5
        other.send_signal(signal.SIGKILL)
        other.wait()
    # The operating system freed it.
    assert holder(tmp_path) == ""
    with work_lock(tmp_path, "relabel"):
        assert "relabel" in holder(tmp_path)
    assert holder(tmp_path) == ""


def test_nobody_holds_what_does_not_exist(tmp_path: Path) -> None:
    assert holder(tmp_path / "nothing") == ""
