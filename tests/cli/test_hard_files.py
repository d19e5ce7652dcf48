"""Files that cameras, fuzzers and file systems make, in one backfill."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.runner import COMMAND, Tagger, use_light

NAMES = [
    b"new\nline.jpg",
    b"quote'\".jpg",
    b"latin-1 \xe9.jpg",
    "emoji 🐅.jpg".encode(),
    b"x" * 251 + b".jpg",
    b"-p.jpg",
]


@pytest.fixture
def tagger(tagger: Tagger, exported: Path) -> Tagger:
    return use_light(tagger, exported)


def copy_all(source: Path, target: Path) -> int:
    target.mkdir(parents=True)
    for path in source.iterdir():
        shutil.copy(path, target)
    return len(list(source.iterdir()))


@pytest.fixture
def hard_library(tmp_path: Path, shared: Path) -> Path:
    """Good photos between everything that can be wrong with a file."""
    root = tmp_path / "photos"
    for name in ("camera", "broken", "bombs"):
        copy_all(shared / "photos" / name, root / name)
    good = sorted((shared / "photos" / "labelled").iterdir())
    for number, folder in enumerate(("camera", "broken", "bombs")):
        shutil.copy(good[number], root / folder / f"good_{number}.jpg")
    strange = root / "strange"
    strange.mkdir()
    for number, name in enumerate(NAMES):
        shutil.copyfile(os.fsencode(good[10 + number]), os.path.join(os.fsencode(strange), name))
    os.mkfifo(strange / "x.jpg")
    (strange / "dangling.jpg").symlink_to("nowhere.jpg")
    (strange / "loop.jpg").symlink_to("loop.jpg")
    (strange / "empty.jpg").touch()
    return root


def memory_mb(process: int) -> int:
    """Resident memory of a process and all below it, in MB (proc_pid_statm(5))."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            pages = int((folder / "statm").read_text().split()[1])
        except (OSError, ValueError):
            continue
        if int(folder.name) == process or parent == process:
            total += pages
    return total * resource.getpagesize() >> 20


@pytest.mark.slow
def test_everything_is_labelled_or_failed_with_its_reason(tagger: Tagger, hard_library: Path) -> None:
    peak = 0
    done = threading.Event()

    def watch(process: int) -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, memory_mb(process))

    running = tagger.start("backfill", hard_library)
    watcher = threading.Thread(target=watch, args=(running.pid,))
    watcher.start()
    _, errors = running.communicate(timeout=500)
    done.set()
    watcher.join()
    assert running.returncode == 1  # some photos failed
    assert "Traceback" not in errors
    assert 100 < peak < 2000

    status = tagger.json("status")
    reasons = {os.path.basename(failure["path"]): failure["reason"] for failure in status["failures"]}
    assert status["queued"] == 0
    assert status["photos"] == status["labelled"] + status["failed"]
    assert all(reasons.values())
    photos = {photo["path"]: photo for photo in tagger.export()}
    labelled = {os.path.basename(path) for path, photo in photos.items() if photo["state"] == "labelled"}
    assert {path for path, photo in photos.items() if photo["state"] not in ("labelled", "failed")} == set()

    # All 60 from cameras, the good ones in between, and those with strange names.
    camera = {path.name for path in (hard_library / "camera").iterdir()}
    assert camera - set(reasons) <= labelled
    assert not camera & set(reasons)
    assert {"good_0.jpg", "good_1.jpg", "good_2.jpg"} <= labelled
    strange = {path: photo for path, photo in photos.items() if "/strange/" in path and photo["state"] == "labelled"}
    assert len(strange) == len(NAMES)
    # Every broken file is accounted for.
    recorded = {os.path.basename(path) for path in photos}
    broken = [path.name for path in (hard_library / "broken").iterdir()]
    assert len(broken) == 488
    assert len([name for name in broken if name in recorded]) > 480
    for path in (hard_library / "bombs").iterdir():
        assert path.name in reasons or path.name.startswith("good_")
    assert "pipe" in reasons["x.jpg"]
    assert "does not exist" in reasons["dangling.jpg"]
    assert "leads nowhere" in reasons["loop.jpg"]
    assert "empty" in reasons["empty.jpg"]

    # Names come out of a search byte for byte.
    searched = subprocess.run(
        [COMMAND, "search", "-0", "path:strange/"], check=True, stdout=subprocess.PIPE, env=tagger.environment()
    ).stdout
    assert {os.path.basename(path) for path in searched.split(b"\0")[:-1]} >= set(NAMES)

    # The next backfill opens none of them again.
    trace = tagger.home / "trace"
    code = (
        "import sys, runpy\n"
        "root = sys.argv.pop(1)\n"
        f"log = open({str(trace)!r}, 'w')\n"
        "def hook(event, args):\n"
        "    if event == 'open' and isinstance(args[0], str) and args[0].startswith(root): log.write(repr(args[0]))\n"
        "sys.addaudithook(hook)\n"
        "sys.argv[0] = 'tagger'\n"
        "from tagger.cli.main import main\n"
        "try: main()\n"
        "finally: log.close()\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", code, str(hard_library), "backfill"],
        check=True,
        capture_output=True,
        text=True,
        env=tagger.environment(),
    )
    assert "Nothing to do" in again.stdout
    assert trace.read_text() == ""


@pytest.mark.slow
def test_a_failed_photo_is_tried_again_when_it_changes_or_on_demand(
    tagger: Tagger, tmp_path: Path, shared: Path
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "a.jpg").write_text("not yet a photo")
    (root / "b.jpg").write_text("never a photo")
    tagger("backfill", root, code=1)
    assert len(tagger.json("status")["failures"]) == 2
    assert "Nothing to do" in tagger("backfill").stdout
    shutil.copy(next((shared / "photos" / "labelled").iterdir()), root / "a.jpg")
    assert "1 photo labelled" in tagger("backfill").stdout
    [failure] = tagger.json("status")["failures"]
    assert failure["path"].endswith("b.jpg")
    assert "not a picture" in failure["reason"]
    assert "1 failed photo queued again" in tagger("retry", root / "b.jpg").stdout
    assert "1 failed" in tagger("backfill", code=1).stdout


@pytest.mark.slow
def test_copies_moves_and_metadata_cost_no_inference(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    tiger = shared / "photos" / "labelled" / "n02129604_tiger.JPEG"
    for name in ("a.jpg", "copy in the same run.jpg"):
        shutil.copy(tiger, root / name)
    assert tagger.json("backfill", root)["classified"] == 1
    shutil.copy(tiger, root / "copy in a later run.jpg")
    later = tagger.json("backfill")
    assert (later["labelled"], later["classified"]) == (1, 0)
    assert len(tagger.found("tiger")) == 3
    # A rename.
    (root / "a.jpg").rename(root / "b.jpg")
    moved = tagger.json("backfill")
    assert (moved["moved"], moved["labelled"], moved["gone"]) == (1, 0, 0)
    assert "b.jpg" in tagger.found("tiger")
    # Another program writes a keyword: other bytes, the same pixels.
    with Image.open(root / "b.jpg") as picture:
        exif = picture.getexif()
    exif[0x010E] = "a description"
    data = (root / "b.jpg").read_bytes()
    block = b"Exif\x00\x00" + exif.tobytes().removeprefix(b"Exif\x00\x00")
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    (root / "b.jpg").write_bytes(data[:2] + segment + data[2:])
    written = tagger.json("backfill")
    assert (written["changed"], written["labelled"], written["classified"]) == (1, 1, 0)
    assert "b.jpg" in tagger.found("tiger")


@pytest.mark.slow
def test_a_vanished_disk_takes_nothing_away(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    root = tmp_path / "disk" / "photos"
    root.mkdir(parents=True)
    for path in sorted((shared / "photos" / "labelled").iterdir())[:60]:
        shutil.copy(path, root)
    tagger("backfill", root)
    root.rename(tmp_path / "disk" / "elsewhere")
    done = tagger("backfill", code=1)
    assert "left alone" in done.stderr
    root.mkdir()
    assert "is its disk mounted" in tagger("backfill", code=1).stderr
    (root / "new.txt").touch()
    assert "60 of its 60 photos are gone at once" in tagger("backfill", code=1).stderr
    assert tagger.json("status")["missing"] == 0
    root.joinpath("new.txt").unlink()
    root.rmdir()
    (tmp_path / "disk" / "elsewhere").rename(root)
    assert "Nothing to do" in tagger("backfill").stdout
    # A few that are really gone are noticed, and keep their labels in case they come back.
    lost = root / "n02129604_tiger.JPEG"
    if not lost.exists():
        lost = next(root.iterdir())
    lost.rename(tmp_path / "kept.JPEG")
    assert tagger.json("backfill")["gone"] == 1
    assert tagger.json("status")["missing"] == 1
    (tmp_path / "kept.JPEG").rename(root / "back again.JPEG")
    back = tagger.json("backfill")
    assert back["classified"] == 0
    assert tagger.json("status")["missing"] == 0


@pytest.mark.slow
def test_a_file_that_is_still_being_copied_is_not_read(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    data = next((shared / "photos" / "labelled").iterdir()).read_bytes()
    with (root / "a.jpg").open("wb", buffering=0) as file:
        file.write(data[: len(data) // 2])
        running = tagger.start("backfill", root, environ={"TAGGER_INTAKE_SETTLE_SECONDS": "3"})
        time.sleep(1.5)
        file.write(data[len(data) // 2 :])
    output, _ = running.communicate(timeout=120)
    assert "1 photo labelled" in output
    assert tagger.json("status")["failed"] == 0
