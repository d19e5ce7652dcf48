"""Labelling on several machines: the same labels, and whatever is killed, nothing lost and nothing twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS
from tests.cli.runner import COMMAND, Tagger
from tests.cluster.machines import two_machines
from tests.postgres import Server

# For a longer trial than CI's: TAGGER_CLUSTER_PHOTOS=2000
AT_LEAST = int(os.environ.get("TAGGER_CLUSTER_PHOTOS", "0"))
PATIENCE = 240 + AT_LEAST
BUILT_IN = {"TAGGER_MODEL_NAME": "efficientnet_lite2", "TAGGER_MODEL_FETCH": "never"}


def make_photos(folder: Path, count: int) -> Path:
    """Photos that differ by some pixels, so that each must be looked at."""
    folder.mkdir()
    originals = sorted(path for path in PHOTOS.iterdir() if path.suffix in {".jpg", ".png", ".webp"})
    for number in range(count):
        with Image.open(originals[number % len(originals)]) as picture:
            small = picture.convert("RGB")
            small.thumbnail((320, 320))
            small.crop((number // len(originals), 0, *small.size)).save(folder / f"{number:04}.jpg")
    return folder


@pytest.fixture
def shared_library(tmp_path: Path, postgres_server: Server) -> Tagger:
    return Tagger(tmp_path, BUILT_IN | {"TAGGER_DATABASE": postgres_server.new_database()})


def rows(tagger: Tagger, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(tagger.environ["TAGGER_DATABASE"].replace("+psycopg", "")) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def assert_whole(tagger: Tagger, photos: Path, failed: tuple[str, ...] = ()) -> None:
    """The database equals the tree, the sums of the runs equal the photos, and no job is left."""
    names = {path.name for path in photos.iterdir()}
    assert {name for (name,) in rows(tagger, "SELECT path FROM photos")} == names
    assert rows(tagger, "SELECT path FROM photos WHERE labelled_by IS NULL") == [(name,) for name in failed]
    assert rows(tagger, "SELECT state, count(*) FROM jobs GROUP BY state") == (
        [("failed", len(failed))] if failed else []
    )
    count = len(names) - len(failed)
    assert rows(tagger, "SELECT sum(labelled), sum(failed) FROM runs") == [(count, len(failed))]
    assert set(rows(tagger, "SELECT count(*) FROM features GROUP BY model_id")) == {(count,)}


def labelled(tagger: Tagger) -> int:
    with contextlib.suppress(psycopg.Error):
        return int(rows(tagger, "SELECT count(labelled_by) FROM photos")[0][0])
    return 0


def wait_for_labels(tagger: Tagger, running: subprocess.Popen[str], number: int) -> None:
    deadline = time.monotonic() + PATIENCE / 2
    while labelled(tagger) < number:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes(word: str) -> list[int]:
    """The processes whose command line contains a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@contextlib.contextmanager
def poison(photo: Path) -> Iterator[list[int]]:
    """A photo that kills each child that reads it, as a fault in a decoder would; yields the killed children."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        children, looked = [], 0.0
        while not over.wait(0.01):
            if time.monotonic() - looked > 0.5:
                children, looked = feature_workers(), time.monotonic()
            for child in children:
                with contextlib.suppress(OSError):
                    for descriptor in Path(f"/proc/{child}/fd").iterdir():
                        if os.readlink(descriptor) == str(photo):
                            os.kill(child, signal.SIGKILL)
                            killed.append(child)
                            break

    # It takes long enough to read that it is seen; on the disk it is small.
    os.truncate(photo, 1_000_000_000)
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def feature_workers() -> list[int]:
    """The children of workers that this test's machines run."""
    found = []
    for child in processes("tagger.inference.processes.feature_worker"):
        above = child
        with contextlib.suppress(OSError):
            while above not in (0, 1, os.getpid()):
                above = int(Path(f"/proc/{above}/stat").read_text().rpartition(")")[2].split()[1])
        if above == os.getpid():
            found.append(child)
    return found


def test_a_library_in_sqlite_is_refused_with_the_way_to_postgresql(bare: Tagger, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", 1)
    done = bare("backfill", "--cluster", "local", tmp_path / "photos", code=2)
    assert "tagger migrate-library --to postgresql://" in done.stderr
    assert not bare.database.exists()
    # The check of the settings says the same.
    checked = bare("config", "--check", code=2, environ={"TAGGER_CLUSTER_ADDRESS": "local"}).stderr
    assert done.stderr.removeprefix("tagger: ") in checked


def test_a_cluster_that_does_not_answer_is_told_at_once(bare: Tagger, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    bare.environ["TAGGER_DATABASE"] = "postgresql+psycopg://tagger@/nothing?host=/nonexistent"
    done = bare("backfill", "--cluster", "127.0.0.1:9", tmp_path, code=3, timeout=30)
    assert "ray status" in done.stderr
    assert "cluster.address" in bare("backfill", "--cluster", "nonsense", tmp_path, code=2).stderr


@pytest.mark.slow
def test_without_ray_a_sentence_says_what_to_install(bare: Tagger, tmp_path: Path) -> None:
    """A machine without the extra: Ray is not found there."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'ray' else found(name, package)\n"
    )
    environ = bare.environment({"TAGGER_DATABASE": "postgresql+psycopg://nobody@/none"})
    environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, COMMAND, "backfill", "--cluster", "local", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 2
    assert "pip install 'tagger-photos[cluster]'" in done.stderr
    # The check of the settings says the same.
    check = [sys.executable, COMMAND, "config", "--check"]
    checked = subprocess.run(
        check, capture_output=True, text=True, env=environ | {"TAGGER_CLUSTER_ADDRESS": "local"}, check=False
    )
    assert checked.returncode == 2
    assert checked.stderr.removeprefix("tagger: ") == done.stderr.removeprefix("tagger: ")


@pytest.mark.slow
def test_the_labels_are_those_of_one_machine(shared_library: Tagger, tmp_path: Path, postgres_server: Server) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", 30)
    (photos / "broken.jpg").write_text("no photo")
    alone = Tagger(tmp_path / "alone", BUILT_IN)
    alone.home.mkdir()
    alone("backfill", photos, code=1)
    done = shared_library("backfill", "--cluster", "local", photos, code=1)
    assert "30 photos labelled" in done.stdout
    # Progress and hints, and nothing of Ray's.
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Labelling: ")]
    starts = ["Looked through 31 photos", "Which and why: ", "Find them: ", "Look at them: "]
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines
    assert shared_library("export").stdout == alone("export").stdout
    # The next one has nothing to do, and starts no Ray.
    assert "Nothing to do" in shared_library("backfill", "--cluster", "local").stdout


@pytest.mark.slow
def test_a_machine_may_have_the_photos_elsewhere_and_one_without_them_is_told(
    shared_library: Tagger, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", 12)
    # As another mount of the same folder: the same files, with other inodes and times of change.
    shutil.copytree(photos, tmp_path / "mounted")
    for path in photos.iterdir():
        # What cannot be read here was read there.
        before = path.stat()
        path.write_bytes(bytes(before.st_size))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    config = tmp_path / "config.toml"
    config.write_text(f'[cluster.paths."*"]\n"{photos}" = "{tmp_path / "nowhere"}"\n')
    done = shared_library("--config", config, "backfill", "--cluster", "local", photos, code=3)
    assert f"has no photos in {tmp_path / 'nowhere'}" in done.stderr
    assert "[cluster.paths]" in done.stderr
    assert rows(shared_library, "SELECT count(*) FROM photos WHERE missing_since IS NULL") == [(12,)]
    config.write_text(f'[cluster.paths."{socket.gethostname()}"]\n"{photos}" = "{tmp_path / "mounted"}"\n')
    assert "12 photos labelled" in shared_library("--config", config, "backfill", "--cluster", "local").stdout
    # The scan's view of a file decides whether it changed.
    assert "Nothing to do" in shared_library("backfill").stdout


@pytest.mark.slow
def test_after_a_lost_machine_and_killed_children_nothing_is_lost_or_done_twice(
    shared_library: Tagger, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", max(900, AT_LEAST))
    with two_machines() as cluster:
        running = shared_library.start("backfill", "--cluster", cluster.address, photos)
        wait_for_labels(shared_library, running, 40 + AT_LEAST // 4)
        # As a photo does that the decoder cannot bear: its worker finds out which by itself.
        children = feature_workers()
        assert children
        for child in children:
            os.kill(child, signal.SIGKILL)
        wait_for_labels(shared_library, running, 120 + AT_LEAST // 2)
        cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
        out, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0, (out, err)
    assert_whole(shared_library, photos)


@pytest.mark.slow
def test_a_killed_driver_leaves_all_to_the_next(shared_library: Tagger, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    count = max(400, AT_LEAST)
    photos = make_photos(tmp_path / "photos", count)
    with two_machines() as cluster:
        running = shared_library.start("backfill", "--cluster", cluster.address, photos)
        wait_for_labels(shared_library, running, 40 + AT_LEAST // 4)
        status = shared_library.json("status")
        assert [node["node"] for node in status["nodes"]] == [socket.gethostname()]
        assert status["nodes"][0]["labelled"] >= 40 + AT_LEAST // 4
        assert status["nodes_done_at"] > time.time() - 60
        assert "photos/s, done about" in shared_library("status").stdout
        running.kill()
        running.communicate()
        shared_library("backfill", "--cluster", cluster.address, photos, timeout=PATIENCE)
    assert_whole(shared_library, photos)
    assert rows(shared_library, "SELECT sum(labelled) FROM run_nodes") == [(count,)]
    assert shared_library.json("status")["nodes"] == []


@pytest.mark.slow
def test_a_poison_photo_is_found_and_a_restart_of_the_database_is_waited_for(
    shared_library: Tagger, tmp_path: Path, postgres_server: Server
) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", max(240, AT_LEAST))
    with two_machines() as cluster, poison(photos / "0100.jpg") as killed:
        running = shared_library.start("backfill", "--cluster", cluster.address, photos)
        wait_for_labels(shared_library, running, 60 + AT_LEAST // 3)
        postgres_server.restart()
        out, err = running.communicate(timeout=PATIENCE)
        # As on one machine: one photo failed.
        assert running.returncode == 1, (out, err)
    # With others, and then twice alone.
    assert len(set(killed)) >= 3
    assert_whole(shared_library, photos, failed=("0100.jpg",))
    assert "at no other" in str(rows(shared_library, "SELECT error FROM jobs"))
