"""Pictures that take long or cannot be made hold up no others."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.core.paths import PhotoPath
from tagger.core.photo import Fingerprint, JobState
from tagger.imaging.thumbnails import ThumbnailError
from tagger.store.records import PhotoRecord
from tagger.web.pictures import LaterError, Pictures
from tests.cli.gallery import PHOTOS
from tests.web.site import Site


def record(path: Path, **more: object) -> PhotoRecord:
    status = os.stat(path)
    fingerprint = Fingerprint(status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
    found = PhotoRecord(
        id=1,
        path=PhotoPath(str(path.parent), path.name),
        fingerprint=fingerprint,
        content_hash=None,
        format=None,
        width=None,
        height=None,
        taken=None,
        added_at=0,
        labelled_at=0,
        labelled_by=1,
        missing_since=None,
        job_state=None,
        error=None,
    )
    return replace(found, **more)  # type: ignore[arg-type]


@pytest.fixture(params=[0.0, 60.0])
def pictures(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pictures]:
    found = Pictures(Settings(data_dir=tmp_path), SystemClock(), 1, request.param)
    yield found
    found.close()


@pytest.mark.parametrize("pictures", [0.0], indirect=True)
def test_what_is_not_quick_is_made_behind_all_others(pictures: Pictures) -> None:
    coffee = record(PHOTOS / "coffee.jpg")
    with pytest.raises(LaterError) as later:
        pictures.picture(coffee, 400)
    # Who asks meanwhile gets the same answer.
    with pytest.raises(LaterError):
        pictures.picture(coffee, 400)
    assert later.value.answer.result(60)[:2] == b"\xff\xd8"
    assert pictures.picture(coffee, 400) == later.value.answer.result()


@pytest.mark.parametrize("pictures", [60.0], indirect=True)
def test_what_failed_waits_behind_the_others_once_and_is_known_then(pictures: Pictures, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes()[:300])
    broken = record(tmp_path / "broken.jpg", job_state=JobState.FAILED)
    with pytest.raises(LaterError) as later:
        pictures.picture(broken, 400)
    with pytest.raises(ThumbnailError, match="cannot be shown"):
        later.value.answer.result(60)
    for size in (400, 800):
        with pytest.raises(ThumbnailError, match="cannot be shown") as known:
            pictures.picture(broken, size)
        assert not isinstance(known.value, LaterError)
    # Another version of the file may be better.
    (tmp_path / "broken.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes())
    assert pictures.picture(record(tmp_path / "broken.jpg"), 400)[:2] == b"\xff\xd8"


def test_pages_get_a_symbol_at_once_and_programs_the_fault(reading: Site) -> None:
    broken = f"/api/v1/photos/{reading.photo('broken.jpg')}/picture?v=1"
    for _ in range(200):
        answer = reading.get(broken + "&symbol=1")
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["cache-control"] == "no-store"
        if answer.status == 200:
            break
        assert (answer.status, answer.headers["retry-after"]) == (202, "3")
        time.sleep(0.05)
    assert answer.status == 200
    assert reading.get(broken).status == 422
    assert reading.get(f"/api/v1/photos/{10**9}/picture?symbol=1").status == 404


def test_a_photo_is_had_in_all_of_its_pixels(reading: Site) -> None:
    number = reading.photo("coffee.jpg")
    detail = reading.api(f"/photos/{number}")

    def size(name: str) -> tuple[int, int]:
        return Image.open(io.BytesIO(reading.get(f"/api/v1/photos/{number}/picture?size={name}").body)).size

    assert size("full") == (detail["width"], detail["height"])
    assert max(size("large")) == min(800, max(size("full")))
