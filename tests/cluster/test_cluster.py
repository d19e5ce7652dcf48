"""Labelling on several machines: the same labels, and whatever is killed, nothing lost and nothing twice."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS
from tests.cli.runner import Tagger
from tests.postgres import Server

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


@contextlib.contextmanager
def two_machines() -> Iterator[Any]:
    """A cluster of two nodes with one core each, on this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def rows(tagger: Tagger, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(tagger.environ["TAGGER_DATABASE"].replace("+psycopg", "")) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def assert_whole(tagger: Tagger, count: int) -> None:
    """The database equals the tree, the sums of the runs equal the photos, and no job is left."""
    assert rows(tagger, "SELECT count(*), count(labelled_by) FROM photos") == [(count, count)]
    assert rows(tagger, "SELECT count(*) FROM jobs") == [(0,)]
    assert rows(tagger, "SELECT sum(labelled), sum(failed) FROM runs") == [(count, 0)]
    assert set(rows(tagger, "SELECT count(*) FROM features GROUP BY model_id")) == {(count,)}


def labelled(tagger: Tagger) -> int:
    with contextlib.suppress(psycopg.Error):
        return int(rows(tagger, "SELECT count(labelled_by) FROM photos")[0][0])
    return 0


def wait_for_labels(tagger: Tagger, running: subprocess.Popen[str], number: int) -> None:
    deadline = time.monotonic() + 120
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


def test_a_library_in_sqlite_is_refused_with_the_way_to_postgresql(bare: Tagger, tmp_path: Path) -> None:
    make_photos(tmp_path / "photos", 1)
    done = bare("backfill", "--cluster", "local", tmp_path / "photos", code=2)
    assert "tagger migrate-library --to postgresql://" in done.stderr
    assert not bare.database.exists()


def test_a_cluster_that_does_not_answer_is_told_at_once(bare: Tagger, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    bare.environ["TAGGER_DATABASE"] = "postgresql+psycopg://tagger@/nothing?host=/nonexistent"
    done = bare("backfill", "--cluster", "127.0.0.1:9", tmp_path, code=3, timeout=30)
    assert "ray status" in done.stderr
    assert "cluster.address" in bare("backfill", "--cluster", "nonsense", tmp_path, code=2).stderr


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
    assert done.stderr == ""
    assert shared_library("export").stdout == alone("export").stdout
    # The next one has nothing to do, and starts no Ray.
    assert "Nothing to do" in shared_library("backfill", "--cluster", "local").stdout


@pytest.mark.slow
def test_after_a_lost_machine_and_killed_children_nothing_is_lost_or_done_twice(
    shared_library: Tagger, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", 900)
    with two_machines() as cluster:
        running = shared_library.start("backfill", "--cluster", cluster.address, photos)
        wait_for_labels(shared_library, running, 40)
        # As a photo does that the decoder cannot bear: its worker finds out which by itself.
        for child in processes("tagger.inference.processes.feature_worker"):
            if str(tmp_path) in Path(f"/proc/{child}/environ").read_text(errors="replace"):
                os.kill(child, signal.SIGKILL)
        wait_for_labels(shared_library, running, 120)
        cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
        out, err = running.communicate(timeout=240)
        assert running.returncode == 0, (out, err)
    assert_whole(shared_library, 900)


@pytest.mark.slow
def test_a_killed_driver_leaves_all_to_the_next(shared_library: Tagger, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    photos = make_photos(tmp_path / "photos", 400)
    with two_machines() as cluster:
        running = shared_library.start("backfill", "--cluster", cluster.address, photos)
        wait_for_labels(shared_library, running, 40)
        running.kill()
        running.communicate()
        shared_library("backfill", "--cluster", cluster.address, photos)
    assert_whole(shared_library, 400)
