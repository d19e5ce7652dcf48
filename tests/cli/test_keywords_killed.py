"""Whatever happens while keywords are written, every photo is the old one or the new one."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tagger.core.hashing import content_hash
from tests.cli.labelled import label_all
from tests.cli.runner import COMMAND, Tagger


def make_photos(folder: Path, count: int, size: int) -> None:
    folder.mkdir(exist_ok=True)
    chance = random.Random(count)
    for number in range(count):
        picture = Image.new("RGB", (64, 48), (number % 256, 80, 90))
        picture.save(folder / f"{number:03}.jpg", "JPEG")
        with (folder / f"{number:03}.jpg").open("ab") as file:
            file.write(chance.randbytes(size).replace(b"\xff", b"\0"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, temporary ones, too."""
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


def known_as(tagger: Tagger) -> dict[str, bytes]:
    """The content hash that the library has of each photo whose last write is not pending."""
    with sqlite3.connect(f"file:{tagger.database}?mode=ro", uri=True, timeout=30) as connection:
        pending = "SELECT photo_id FROM writes WHERE state = 'pending'"
        return dict(connection.execute(f"SELECT path, content_hash FROM photos WHERE id NOT IN ({pending})"))


class Library:
    """Photos with labels, whose old and new bytes are known."""

    def __init__(self, tmp_path: Path, folder: Path) -> None:
        self.folder = folder
        settings = {"TAGGER_KEYWORDS_MODE": "embed", "TAGGER_KEYWORDS_FOR": '["windows", "immich"]'}
        self.tagger = Tagger(tmp_path, settings)
        label_all(self.tagger.data, folder, ["tiger", "beach"])
        self.old = contents(folder)
        self.tagger("write")
        self.new = contents(folder)
        self.tagger("undo", "--all")
        assert contents(folder) == self.old
        assert all(self.new[name] != self.old[name] for name in self.old)

    def check(self) -> None:
        """Every photo is whole, and nothing is said to be done that is not."""
        now = contents(self.folder)
        assert set(self.old) <= set(now)
        for name, data in now.items():
            if name.startswith(".tagger-"):
                continue
            assert data in (self.old[name], self.new[name]), name
        for name, known in known_as(self.tagger).items():
            assert known == content_hash(now[name]), name

    def command(self, undo: bool) -> list[str]:
        return ["undo", "--all"] if undo else ["write", "--again"]

    def finish(self, undo: bool) -> None:
        """Let it run to its end: all photos are done then, and nothing is left lying about."""
        for command in (["retry"], self.command(undo)):
            self.tagger(*command)
        assert contents(self.folder) == (self.old if undo else self.new)


@pytest.mark.slow
def test_kills_at_any_moment_leave_every_photo_old_or_new(tmp_path: Path) -> None:
    kills = 60
    make_photos(tmp_path / "photos", 120, 300_000)
    library = Library(tmp_path, tmp_path / "photos")
    chance = random.Random(kills)
    undo = False
    met = 0
    # As they are started below, not forked from a process that has imported everything.
    started = time.monotonic()
    library.tagger.start("history", tmp_path / "photos" / "000.jpg").communicate()
    starting = time.monotonic() - started
    library.tagger.start(*library.command(undo)).communicate()
    working = time.monotonic() - started - 2 * starting
    undo = True
    for _ in range(kills):
        running = library.tagger.start(*library.command(undo))
        try:
            running.wait(starting + chance.uniform(-0.1, 1.0) * working)
        except subprocess.TimeoutExpired:
            running.kill()
        running.communicate()
        before = contents(library.folder)
        library.check()
        met += any(name.startswith(".tagger-") for name in before) or before not in (library.old, library.new)
        if running.returncode == 0:
            assert before == (library.old if undo else library.new)
            undo = not undo
        if chance.random() < 0.05:
            library.finish(undo)
            undo = not undo
    library.finish(undo)
    assert met >= kills // 20, "the kills met no write at work"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_harms_nothing(tmp_path: Path, small_disk: Path) -> None:
    make_photos(small_disk, 8, 1_000_000)
    library = Library(tmp_path, small_disk)
    filling = small_disk / "filling.bin"
    filling.write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 300_000))
    library.old["filling.bin"] = library.new["filling.bin"] = filling.read_bytes()
    done = library.tagger("write", "--again", code=4)
    assert "full" in done.stderr
    assert str(small_disk) in done.stderr
    assert not [name for name in os.listdir(small_disk) if name.startswith(".tagger")]
    library.check()
    filling.unlink()
    del library.old["filling.bin"], library.new["filling.bin"]
    assert library.tagger.json("write")["files"] == 8
    assert contents(small_disk) == library.new


FAULTS = [
    *(("write", error) for error in ("EIO", "ENOSPC", "EROFS")),
    *(("fsync", error) for error in ("EIO", "EROFS")),
    *(("rename", error) for error in ("EIO", "EROFS")),
    *(("renameat2", error) for error in ("EIO", "EROFS", "EINVAL")),
    *(("unlink", error) for error in ("EIO", "EROFS")),
    *(("fdatasync", error) for error in ("EIO",)),
    *(("pwrite64", error) for error in ("EIO", "ENOSPC")),
]
# Of the database's own writes some stand for all; of the files' every one fails once.
_SAMPLE = 8


def inject(tagger: Tagger, words: list[str], call: str, error: str, when: str, log: Path) -> int:
    """Run a command in which one system call fails; returns its exit code."""
    command = [
        "strace",
        "-f",
        # Stops at the calls that are traced only.
        "--seccomp-bpf",
        "-qq",
        "-o",
        str(log),
        "-e",
        f"trace={call}",
        "-e",
        f"inject={call}:error={error}:when={when}",
    ]
    done = subprocess.run(
        [*command, str(COMMAND), *words], check=False, capture_output=True, text=True, env=tagger.environment()
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(("call", "error"), FAULTS)
def test_a_failing_system_call_harms_nothing(tmp_path: Path, call: str, error: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (Debian: apt install strace)")
    make_photos(tmp_path / "photos", 2, 2_000)
    library = Library(tmp_path, tmp_path / "photos")
    log = tmp_path / "strace.log"
    # No call is the 60,000th: this one counts them.
    assert inject(library.tagger, library.command(False), call, error, "60000", log) == 0
    calls = sum(f"{call}(" in line for line in log.read_text().splitlines())
    library.finish(True)
    assert calls > 0
    step = max(1, calls // _SAMPLE) if call == "pwrite64" else 1
    for when in range(1, calls + 1, step):
        for undo in (False, True):
            code = inject(library.tagger, library.command(undo), call, error, str(when), log)
            library.check()
            if code == 0:
                named = {name for name in contents(library.folder) if not name.startswith(".tagger")}
                wanted = library.old if undo else library.new
                assert {name: contents(library.folder)[name] for name in named} == wanted
            library.finish(undo)
