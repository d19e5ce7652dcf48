from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.core.errors import BusyError
from tagger.store.lock import WRITE_LOCK, holder, work_lock

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


def lock_id(owner: str) -> str:
    return owner.partition(":")[0]


def test_every_holder_has_a_name_of_its_own_that_tells_the_lock(tmp_path: Path) -> None:
    with work_lock(tmp_path, "run") as first, work_lock(tmp_path, "write", WRITE_LOCK) as writing:
        assert lock_id(first) != lock_id(writing)
    with work_lock(tmp_path, "run") as second:
        assert second != first
        assert lock_id(second) == lock_id(first)
    shutil.copytree(tmp_path, tmp_path / "copy")
    with work_lock(tmp_path / "copy", "run") as copied:
        assert lock_id(copied) != lock_id(first), "a copied data directory is another lock"


@pytest.mark.parametrize(
    "content", ["", "{", '{"pid": 1, "command": "run", "since": 0}', '{"lock": {"id": "x"}}', "[]"]
)
def test_a_lock_file_of_any_content_can_be_held(tmp_path: Path, content: str) -> None:
    (tmp_path / "work.lock").write_text(content)
    with work_lock(tmp_path, "run") as first:
        pass
    with work_lock(tmp_path, "run") as second:
        assert lock_id(first) == lock_id(second)


def test_nobody_holds_what_does_not_exist(tmp_path: Path) -> None:
    assert holder(tmp_path / "nothing") == ""
