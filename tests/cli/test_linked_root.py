"""A library whose folder is a link, with the real service and commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger
from tests.cli.service import running


@pytest.mark.slow
def test_what_arrives_directly_in_a_root_that_is_a_link_is_labelled_at_once(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tagger = Tagger(tmp_path / "home", BUILT_IN | {"TAGGER_INTAKE_SETTLE_SECONDS": "1", "TAGGER_SERVICE_LOG": "logfmt"})
    photos = sorted(PHOTOS.glob("*.jpg"))
    disk, link = tmp_path / "disk" / "Photos", tmp_path / "Photos"
    (disk / "sub").mkdir(parents=True)
    shutil.copy(photos[0], disk / "sub" / "one.jpg")
    link.symlink_to(disk)
    with running(tagger, link) as service:
        service.wait_until_done(1)
        shutil.copy(photos[1], link / "top.jpg")
        shutil.copy(photos[2], link / "sub" / "sub.jpg")
        (link / "newdir").mkdir()
        shutil.copy(photos[3], link / "newdir" / "n.jpg")
        service.wait_until_done(4, 60)
        [folder] = service.status()["service"]["folders"]
        assert (folder["watching"], folder["watches"], folder["polled"]) == ("native", 3, {})
        assert service.stop() == 0


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Tagger, Path, Path]:
    """A library of a link, and where it leads."""
    (tmp_path / "home").mkdir()
    tagger = Tagger(tmp_path / "home", BUILT_IN)
    disk, link = tmp_path / "disk" / "Photos", tmp_path / "Photos"
    (disk / "sub").mkdir(parents=True)
    for number, photo in enumerate(sorted(PHOTOS.glob("*.jpg"))[:2]):
        shutil.copy(photo, disk / "sub" / f"{number}.jpg")
    link.symlink_to(disk)
    tagger("backfill", link)
    return tagger, link, disk


@pytest.mark.slow
def test_a_photo_and_its_folder_are_found_by_any_of_their_names(
    linked: tuple[Tagger, Path, Path], tmp_path: Path
) -> None:
    tagger, link, disk = linked
    (tmp_path / "other").symlink_to(disk / "sub")
    for name in (disk, f"{tmp_path}/other/../../Photos"):
        tagger("backfill", name)
    assert [root["path"] for root in tagger.json("status")["roots"]] == [str(link)]
    for name in (f"{link}/../Photos/sub/0.jpg", f"/{disk}/sub/0.jpg", f"{tmp_path}/other/0.jpg"):
        assert tagger.json("show", name)["path"] == f"{link}/sub/0.jpg"
    tagger("correct", disk / "sub" / "0.jpg", "--add", "dog")
    tagger("forget", "--yes", disk)
    assert tagger.json("status")["roots"] == []
