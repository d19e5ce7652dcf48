"""The cache of small copies, by itself."""

from __future__ import annotations

import os
from pathlib import Path

from tagger.core.clock import SystemClock
from tagger.web.picture_cache import PictureCache


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_least_used_go_first_when_there_are_too_many(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 10_000, SystemClock())
    cache.trim()
    for number in range(20):
        cache.put(number, "v", 400, bytes([number]) * 1000)
        for path in files(tmp_path):
            if path.read_bytes()[0] == number:
                os.utime(path, (1e9 + number, 1e9 + number))
    # Looking at an old one makes it one that is used.
    assert cache.get(0, "v", 400) == bytes(1000)
    assert cache.trim() == 11
    assert cache.trim() == 0
    kept = sorted(path.read_bytes()[0] for path in files(tmp_path))
    assert kept == [0, *range(12, 20)]


def test_another_version_or_size_is_another_picture(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, 10_000, SystemClock())
    cache.put(1, "v", 400, b"small")
    assert cache.get(1, "v", 400) == b"small"
    assert cache.get(1, "w", 400) is None
    assert cache.get(1, "v", 1800) is None
    assert cache.get(2, "v", 400) is None


def test_a_folder_that_cannot_be_written_to_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("not a folder")
    cache = PictureCache(tmp_path, 10_000, SystemClock())
    cache.put(1, "v", 400, b"small")
    assert cache.get(1, "v", 400) is None
    assert cache.trim() == 0
    # And what an earlier process left half written counts, and goes.
    (tmp_path / "pictures").unlink()
    (tmp_path / "pictures" / "aa").mkdir(parents=True)
    (tmp_path / "pictures" / "aa" / ".x.jpg.1.2").write_bytes(bytes(20_000))
    assert PictureCache(tmp_path, 10_000, SystemClock()).trim() == 1
