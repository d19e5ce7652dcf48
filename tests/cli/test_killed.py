"""kill -9 of the parent and of the child at random moments: nothing is lost and nothing is done twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.runner import BUILT_IN, Tagger

pytestmark = pytest.mark.slow


def children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(folder.name))
    return found


def worker_of(running: subprocess.Popen[str]) -> int | None:
    """The child process that looks at photos, if it runs."""
    for child in children(running.pid):
        with contextlib.suppress(OSError):
            if b"tagger.inference.processes.feature_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    return None


def make_copies(shared: Path, root: Path, count: int) -> None:
    """Copies that differ by a few pixels, so that each must be looked at."""
    root.mkdir()
    photos = sorted((shared / "photos" / "labelled").iterdir())
    for number in range(count):
        with Image.open(photos[number % len(photos)]) as picture:
            shift = number // len(photos)
            picture.convert("RGB").crop((shift, shift, *picture.size)).save(root / f"{number:03}.jpg")


@pytest.mark.parametrize("model", ["tensorflow", "package"])
def test_after_any_number_of_kills_every_photo_is_done_exactly_once(
    tagger: Tagger, tmp_path: Path, shared: Path, model: str
) -> None:
    # Where TensorFlow starts each time, fewer times.
    kills, count, pause = (4, 150, 4.0) if model == "tensorflow" else (12, 400, 0.6)
    if model == "package":
        tagger.environ = dict(BUILT_IN)
    make_copies(shared, tmp_path / "photos", count)
    chance = random.Random(kills)
    tagger.environ["TAGGER_ENGINE_BATCH_SIZE"] = "8"
    log = []
    for number in range(kills):
        running = tagger.start("backfill", tmp_path / "photos")
        deadline = time.monotonic() + 60
        while worker_of(running) is None and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        # Some moments lie before and in the loading of the model, most between any two batches.
        if number % 4 == 0:
            time.sleep(chance.uniform(0.0, pause))
        else:
            wait_for(running, tagger, done_so_far(tagger) + chance.randint(1, 3 * count // (4 * kills)))
            time.sleep(chance.uniform(0.0, 0.3))
        worker = worker_of(running)
        if number % 2 and worker is not None:
            os.kill(worker, signal.SIGKILL)
            time.sleep(chance.uniform(0.0, pause))
            worker = worker_of(running)
        log.append((number, running.poll(), done_so_far(tagger)))
        running.kill()
        running.communicate()
        if worker is not None:
            # The child goes when its parent has gone.
            deadline = time.monotonic() + 30
            while Path(f"/proc/{worker}/cmdline").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not Path(f"/proc/{worker}/cmdline").exists()
    print(log)
    assert [code for _, code, _ in log] == [None] * kills  # every kill met a run at work
    tagger("backfill", tmp_path / "photos")
    status = tagger.json("status")
    assert (status["photos"], status["labelled"], status["queued"], status["failed"]) == (count, count, 0, 0)
    assert len({photo["path"] for photo in tagger.export() if photo["state"] == "labelled"}) == count
    with sqlite3.connect(tagger.database) as connection:
        # Each run's counts are stored together with the labels that they count.
        assert connection.execute("SELECT sum(labelled), sum(failed) FROM runs").fetchone() == (count, 0)
        # Each network's once for each photo.
        assert set(connection.execute("SELECT count(*) FROM features GROUP BY model_id")) == {(count,)}
        assert connection.execute("SELECT count(*) FROM boxes").fetchone() == (count,)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    connection.close()


def wait_for(running: subprocess.Popen[str], tagger: Tagger, done: int) -> None:
    while running.poll() is None and done_so_far(tagger) < done:
        time.sleep(0.02)


def done_so_far(tagger: Tagger) -> int:
    with contextlib.suppress(sqlite3.Error), sqlite3.connect(f"file:{tagger.database}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM photos WHERE labelled_by IS NOT NULL").fetchone()[0])
    return 0


def test_ctrl_c_finishes_the_batch_and_the_next_run_goes_on(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    make_copies(shared, tmp_path / "photos", 200)
    tagger.environ["TAGGER_ENGINE_BATCH_SIZE"] = "8"
    running = tagger.start("backfill", tmp_path / "photos")
    while done_so_far(tagger) == 0 and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopping after the photos in hand" in errors
    assert "still queued; go on with: tagger backfill" in output
    assert "Traceback" not in errors
    done = done_so_far(tagger)
    assert 0 < done < 200
    with sqlite3.connect(tagger.database) as connection:
        assert connection.execute("SELECT count(*) FROM jobs WHERE state = 'leased'").fetchone() == (0,)
    connection.close()
    assert f"{200 - done} photos labelled" in tagger("backfill").stdout


def test_a_second_ctrl_c_stops_at_once_and_loses_nothing(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    make_copies(shared, tmp_path / "photos", 20)
    running = tagger.start("backfill", tmp_path / "photos")
    while worker_of(running) is None and running.poll() is None:
        time.sleep(0.02)
    for _ in range(2):
        running.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in errors
    assert "20 photos labelled" in tagger("backfill").stdout


def test_a_second_backfill_says_that_one_is_at_work(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    make_copies(shared, tmp_path / "photos", 20)
    running = tagger.start("backfill", tmp_path / "photos")
    while worker_of(running) is None and running.poll() is None:
        time.sleep(0.02)
    done = tagger("backfill", code=5)
    assert f"backfill, process {running.pid}" in done.stderr
    assert "At work" in tagger("status").stdout
    assert tagger("search", "animal", code=None).returncode in (0, 1)
    running.communicate(timeout=120)
    assert running.returncode == 0


def test_a_child_that_hangs_is_replaced(tagger: Tagger, tmp_path: Path, shared: Path) -> None:
    make_copies(shared, tmp_path / "photos", 60)
    tagger.environ |= {"TAGGER_ENGINE_BATCH_SIZE": "8", "TAGGER_ENGINE_STALL_SECONDS": "3"}
    running = tagger.start("backfill", tmp_path / "photos")
    wait_for(running, tagger, 1)
    worker = worker_of(running)
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    output, _ = running.communicate(timeout=200)
    assert running.returncode == 0
    assert "60 photos labelled" in output
    assert not Path(f"/proc/{worker}").exists()
