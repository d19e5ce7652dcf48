from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from tests.cli.runner import Tagger
from tests.web.site import Site, serving

# A name as somebody would choose it who tries to break pages.
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}.jpg"


def make_photos(folder: Path, shared: Path) -> None:
    """Photos of 129 classes, and what a page must cope with: HEIC, an EXIF orientation, bad names, a broken file."""
    shutil.copytree(shared / "photos" / "labelled", folder)
    tiger = Image.open(shared / "photos" / "labelled" / "n02129604_tiger.JPEG").convert("RGB")
    pillow_heif.from_pillow(tiger.resize((300, 200))).save(folder / "phone.heic", quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2023:06:05 12:00:00"
    wide = Image.new("RGB", (400, 200), "red")
    wide.paste("blue", (200, 0, 400, 200))
    wide.save(folder / "turned.jpg", exif=exif)
    tiger.resize((330, 250)).save(folder / HOSTILE)
    (folder / "broken.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:300])


@pytest.fixture(scope="session")
def gallery_once(tmp_path_factory: pytest.TempPathFactory, shared: Path, exported: Path, worker_id: str) -> Tagger:
    """A library labelled by the light engine, made once for all test processes; only to be read."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "gallery_once"
    home.mkdir(exist_ok=True)
    environ = {"TAGGER_MODEL_NAME": "mobilenet_v2", "TAGGER_MODEL_DOWNLOAD": "false"}
    tagger = Tagger(home, environ)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            make_photos(home / "photos", shared)
            (home / "data" / "models").mkdir(parents=True)
            shutil.copy(exported, home / "data" / "models")
            tagger("backfill", home / "photos", code=1)
            (home / "done").touch()
    return tagger


@pytest.fixture(scope="session")
def reading(gallery_once: Tagger) -> Iterator[Site]:
    """The library served; only to be read."""
    with serving(gallery_once) as site:
        yield site


@pytest.fixture
def gallery(gallery_once: Tagger, tmp_path: Path) -> Tagger:
    """A copy of the library, with photos of its own, to be changed."""
    home = tmp_path / "gallery"
    shutil.copytree(gallery_once.home, home)
    tagger = Tagger(home, dict(gallery_once.environ))
    # The copies are other photos at other places, labelled at once, because they have known twins.
    tagger("backfill", home / "photos", code=1)
    tagger("forget", "--yes", gallery_once.home / "photos")
    return tagger


@pytest.fixture
def site(gallery: Tagger) -> Iterator[Site]:
    """That copy served, to be changed."""
    with serving(gallery) as running:
        yield running
