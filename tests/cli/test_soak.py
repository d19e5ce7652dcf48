"""Idle for a while, and busy for a while: what the service costs, and whether it keeps its books."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.runner import Tagger
from tests.cli.service import Photos, known_tree, photo_states, running, tree_of, wait_for
from tests.cli.test_service import QUICK

pytestmark = pytest.mark.slow


def test_an_idle_service_touches_nothing(tagger: Tagger, tmp_path: Path) -> None:
    """No file operation below the roots, none in the data directory, no child: strace sees it all."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (Debian: apt install strace)")
    tagger.environ |= QUICK | {"TAGGER_SERVICE_IDLE_SECONDS": "1"}
    root = tmp_path / "photos"
    for number in range(20):
        Photos(number).write(root / f"{number % 4}" / f"{number}.png")
    with running(tagger, root) as service:
        service.wait_until_done(20)
        service.wait_for_log("the model's process ended")
        time.sleep(2)
        trace = tmp_path / "trace"
        strace = subprocess.Popen(
            [
                "strace",
                "-f",
                "-q",
                "-e",
                "trace=file,read,pread64,write,pwrite64,fsync",
                "-o",
                trace,
                "-p",
                str(service.process.pid),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        # Parts of the service look again every half minute while they have something to wait for.
        time.sleep(45)
        if strace.poll() is not None:
            pytest.skip(f"strace may not look at processes here: {strace.stderr.read() if strace.stderr else ''}")
        strace.send_signal(signal.SIGINT)
        strace.communicate()
        calls = [line for line in trace.read_text().splitlines() if "(" in line and "resumed" not in line]
        assert calls == []
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024
        # Of these, 5 are rich's, which structlog imports where it is installed, as here beside schemathesis.
        assert resident < 113
        # And it is awake at once when something arrives.
        Photos(99).write(root / "new.png")
        service.wait_until_done(21)


@pytest.mark.parametrize("seconds", [pytest.param(int(os.environ.get("TAGGER_SOAK", "150")), id="soak")])
def test_the_library_is_the_tree_after_a_busy_time(tagger: Tagger, tmp_path: Path, seconds: int) -> None:
    """Arrivals, slow copies, deletions, renames, bad files, ignored folders, restarts: then everything is compared."""
    tagger.environ |= QUICK
    root = tmp_path / "photos"
    root.mkdir()
    photos = Photos()
    chance = random.Random(seconds)
    number = 0

    def a_file() -> Path | None:
        files = sorted(path for path in root.rglob("*.png") if "@eaDir" not in path.parts)
        return chance.choice(files) if files else None

    def a_folder() -> Path:
        return root / f"{chance.randrange(6)}" / f"{chance.randrange(6)}"

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with running(tagger, root) as service:
            stint = min(end, time.monotonic() + chance.uniform(20, 60))
            while time.monotonic() < stint:
                number += 1
                what = chance.randrange(12)
                file = a_file()
                if what < 5 or file is None:
                    photos.write(a_folder() / f"{number}.png")
                elif what == 5:
                    photos.write_slowly([a_folder() / f"slow{number}{i}.png" for i in range(3)], 0.3)
                elif what == 6:
                    file.unlink()
                elif what == 7:
                    file.rename(file.with_name(f"renamed{number}.png"))
                elif what == 8:
                    bad = file.with_name(f"bad{number}.png")
                    bad.write_bytes(b"no picture " * number)
                elif what == 9:
                    target = root / f"moved{number}"
                    shutil.move(file.parent, target)
                elif what == 10:
                    file.write_bytes(photos.content())
                else:
                    photos.write(file.parent / "@eaDir" / f"{number}.png")
                time.sleep(chance.uniform(0, 0.2))
            if chance.random() < 0.5:
                assert service.stop() == 0
    with running(tagger, root) as service:
        expected = {path for path in tree_of(root) if "@eaDir" not in path}
        service.wait_until_done(len(expected), 180)
        known = known_tree(tagger, root)
        assert set(known) == expected
        bad = {path for path in expected if (root / path).read_bytes().startswith(b"no picture")}
        assert {path for path, state in known.items() if state == "failed"} == bad
        assert service.stop() == 0
    assert photo_states(tagger.database)["waiting"] == 0
    connection = sqlite3.connect(tagger.database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    wait_for(lambda: not (tagger.data / "service.sock").exists(), 5)
