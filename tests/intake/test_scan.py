"""What a scan finds, on a real library."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.photo import Fingerprint
from tagger.intake import walk
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanCallbacks, scan_roots
from tagger.store.library import Library
from tagger.store.photos import known_photos
from tagger.store.session import open_store

JPEG = b"\xff\xd8\xff\xe0"


class AheadClock(SystemClock):
    """A clock that runs a day ahead."""

    def now(self) -> float:
        return super().now() + 86400


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    (tmp_path / "photos").mkdir()
    settings = Settings(data_dir=tmp_path / "data", intake=IntakeSettings(settle_seconds=0))
    with open_store(settings, create=True) as store:
        resolve_roots(store, [str(tmp_path / "photos")], SystemClock())
        yield Library(store, settings)


def scan(library: Library, callbacks: ScanCallbacks | None = None) -> set[str]:
    """Scan, and return the photos that are known then."""
    [root] = resolve_roots(library.store, [], SystemClock())
    scan_roots(library, [root], callbacks or ScanCallbacks())
    return {photo.path for photo in known_photos(library.store, root.id) if not photo.missing}


def old_picture(path: Path, when: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(JPEG)
    os.utime(path, (when, when))


def test_pictures_without_an_extension_in_a_folder_that_is_moved_in_are_found(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a file system where only the time of modification counts.
    monkeypatch.setattr("tagger.intake.folder.keeps_inodes", lambda _path: False)
    old_picture(tmp_path / "elsewhere" / "deep" / "IMG_1", time.time() - 86400)
    assert scan(library) == set()
    (tmp_path / "elsewhere").rename(tmp_path / "photos" / "moved")
    assert scan(library) == {"moved/deep/IMG_1"}


def test_pictures_without_an_extension_are_found_after_a_scan_while_the_clock_ran_ahead(
    library: Library, tmp_path: Path
) -> None:
    ahead = Library(library.store, library.settings, AheadClock())
    assert scan(ahead) == set()
    old_picture(tmp_path / "photos" / "IMG_1", time.time())
    assert scan(ahead) == {"IMG_1"}
    old_picture(tmp_path / "photos" / "IMG_2", time.time())
    assert scan(library) == {"IMG_1", "IMG_2"}


@pytest.mark.parametrize("year", [1901, 1970, 2038, 2106, 2300, 2440])
def test_a_file_of_any_year_is_a_photo_like_any_other(library: Library, tmp_path: Path, year: int) -> None:
    when = (year - 1970) * 365.2425 * 86400
    old_picture(tmp_path / "photos" / "a.jpg", when)
    old_picture(tmp_path / "photos" / "IMG_1", when)
    assert scan(library) == {"a.jpg", "IMG_1"}
    [root] = resolve_roots(library.store, [], SystemClock())
    again = scan_roots(library, [root])
    assert (again.new, again.changed, again.gone) == (0, 0, 0)
    asked: list[str] = []
    scan_roots(library, [root], ScanCallbacks(on_unsettled=lambda _root, path: asked.append(path)))
    assert asked == []


def test_a_file_that_is_no_picture_is_opened_again_only_when_it_changed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = walk.holds_picture
    monkeypatch.setattr(walk, "holds_picture", lambda path: opened.append(path) or real(path))  # type: ignore[func-returns-value]
    file = tmp_path / "photos" / "NOTES"
    file.write_bytes(b"only words")
    memory: dict[str, Fingerprint] = {}
    for _ in range(3):
        assert scan(library, ScanCallbacks(not_pictures=memory)) == set()
    assert opened == [str(file)]
    file.write_bytes(JPEG + b" now")
    assert scan(library, ScanCallbacks(not_pictures=memory)) == {"NOTES"}
