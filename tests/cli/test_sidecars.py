"""Sidecars go with their photo, through the real commands: renamed, to another file system, with the service."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.runner import BUILT_IN, Tagger
from tests.cli.service import running, wait_for

PHOTOS = Path(__file__).parents[1] / "photos"


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    home = tmp_path / "home"
    home.mkdir()
    return Tagger(home, {**BUILT_IN, "TAGGER_KEYWORDS_MODE": "sidecar", "TAGGER_ENGINE_THREADS": "1"})


def names(*folders: Path) -> set[str]:
    return {str(path.relative_to(folder)) for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_renamed_between_two_backfills(tagger: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "P"
    (folder / "x").mkdir(parents=True)
    shutil.copy(PHOTOS / "cat.jpg", folder / "a.jpg")
    tagger("backfill", folder)
    assert names(folder) == {"a.jpg", "a.jpg.xmp"}
    made = (folder / "a.jpg.xmp").read_bytes()
    (folder / "a.jpg").rename(folder / "x" / "b.jpg")
    assert "1 sidecar went with a photo that was renamed or moved." in tagger("backfill", folder).stdout
    assert "up to date" in tagger("write").stdout
    assert names(folder) == {"x/b.jpg", "x/b.jpg.xmp"}
    assert (folder / "x" / "b.jpg.xmp").read_bytes() == made
    # A new photo has the old name.
    shutil.copy(PHOTOS / "coffee.jpg", folder / "a.jpg")
    tagger("backfill")
    assert b"cat" not in (folder / "a.jpg.xmp").read_bytes()
    # One sidecar is deleted; `write` alone sees to it.
    (folder / "x" / "b.jpg.xmp").unlink()
    assert tagger.json("write")["files"] == 1
    done = tagger.json("undo", "--all")
    assert (done["files"], done["exact"], done["failures"]) == (2, 2, [])
    assert names(folder) == {"a.jpg", "x/b.jpg"}


@pytest.mark.slow
def test_to_another_file_system(tagger: Tagger, tmp_path: Path) -> None:
    """The file is another one then; only its content tells that it is the photo."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK) or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    here, there = tmp_path / "P", shm / f"tagger-test-{os.getpid()}"
    here.mkdir()
    there.mkdir()
    try:
        shutil.copy(PHOTOS / "cat.jpg", here / "a.jpg")
        shutil.copy(PHOTOS / "coffee.jpg", here / "stays.jpg")
        shutil.copy(PHOTOS / "rocket.jpg", there / "stays too.jpg")
        tagger("backfill", here, there)
        shutil.move(here / "a.jpg", there / "b.jpg")
        tagger("backfill")
        assert names(here) == {"stays.jpg", "stays.jpg.xmp"}
        assert {"b.jpg", "b.jpg.xmp"} < names(there)
        assert tagger.json("undo", "--all")["failures"] == []
        assert not [name for name in names(here, there) if name.endswith(".xmp")]
    finally:
        shutil.rmtree(there)


@pytest.mark.slow
def test_with_the_service(tagger: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "P"
    folder.mkdir()
    shutil.copy(PHOTOS / "cat.jpg", folder / "a.jpg")
    shutil.copy(PHOTOS / "coffee.jpg", folder / "deleted.jpg")
    with running(tagger, folder) as service:
        wait_for(lambda: len(names(folder)) == 4, 90, service.said)
        (folder / "a.jpg").rename(folder / "b.jpg")
        wait_for(lambda: names(folder) >= {"b.jpg", "b.jpg.xmp"} and "a.jpg.xmp" not in names(folder), 60, service.said)
        (folder / "x").mkdir()
        (folder / "b.jpg").rename(folder / "x" / "c.jpg")
        wait_for(lambda: "x/c.jpg.xmp" in names(folder) and "b.jpg.xmp" not in names(folder), 60, service.said)
        assert service.stop() == 0
    (folder / "deleted.jpg.xmp").unlink()
    with running(tagger, folder) as service:
        wait_for(lambda: "deleted.jpg.xmp" in names(folder), 60, service.said)
        assert service.stop() == 0
