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
    tagger = Tagger(
        tmp_path / "home", BUILT_IN | {"TAGGER_INTAKE_SETTLE_SECONDS": "1", "TAGGER_SERVICE_LOG": "keyvalue"}
    )
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
