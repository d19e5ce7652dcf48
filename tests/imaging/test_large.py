"""Ordinary large photos pass with the defaults and take little memory; what does not pass names every limit."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo, small_copy
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.inputs import NetworkInput
from tagger.imaging.needs import Needs, check
from tagger.imaging.normalize import as_seen, seen_smaller
from tests.imaging.large import black_png, black_tiff, grey_jpeg

DEFAULTS = LimitSettings()
PHONE, BACK = (16320, 12240), (14204, 10652)

_MEASURE = """
import resource, sys
from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, open_photo, small_copy
from tagger.imaging.inputs import NetworkInput
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open_photo(sys.argv[1]) as photo:
    found = decode(photo, [NetworkInput(260, "squares")], limits=LimitSettings())
with open_photo(sys.argv[1]) as photo:
    small_copy(photo, longest=1600, limits=LimitSettings())
print(found.facts.width, found.facts.height, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def measured(path: Path) -> tuple[int, int, int]:
    """Decode a file with the defaults and make its thumbnail, in a process of its own: width, height, peak in MB."""
    done = subprocess.run([sys.executable, "-c", _MEASURE, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    width, height, peak = map(int, done.stdout.split())
    return width, height, peak


def refused(path: Path, limits: LimitSettings) -> str:
    with open_photo(str(path)) as photo, pytest.raises(DecodeError) as caught:
        decode(photo, [NetworkInput(260, "squares")], limits=limits)
    assert caught.value.fault is DecodeFault.TOO_BIG
    return caught.value.reason


@pytest.mark.parametrize("size", [PHONE, (12240, 16320), (40000, 5000), (65000, 3000)])
def test_a_phones_200_megapixels_and_panoramas_take_next_to_no_memory(tmp_path: Path, size: tuple[int, int]) -> None:
    grey_jpeg(tmp_path / "a.jpg", *size)
    *found, peak = measured(tmp_path / "a.jpg")
    assert tuple(found) == size
    assert peak < 150


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (black_png, "rgb.png"),
        (lambda path, *size: black_png(path, *size, alpha=True), "rgba.png"),
        (black_tiff, "16 bits.tif"),
        (lambda path, *size: black_tiff(path, *size, bits=8), "8 bits.tif"),
    ],
)
def test_150_megapixels_of_a_medium_format_back(
    tmp_path: Path, make: Callable[[Path, int, int], None], name: str
) -> None:
    make(tmp_path / name, *BACK)
    *found, peak = measured(tmp_path / name)
    assert tuple(found) == BACK
    assert peak < 700


def test_all_limits_in_the_way_are_named_with_values_that_let_it_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    black_tiff(path, 3000, 2000)
    small = LimitSettings(megapixels=2, file_mb=3, memory_mb=64)
    assert "limits.megapixels = 6 (now 2) and limits.file_mb = 35 (now 3)" in refused(path, small)
    # Twice the limit in each: every one is named whichever is looked at first.
    black_tiff(path, 6000, 4000)
    reason = refused(path, small)
    values = {name: int(value) for name, value in re.findall(r"limits\.(\w+) = (\d+) \(now", reason)}
    assert set(values) == {"megapixels", "file_mb", "memory_mb"}
    assert "6000 x 4000 pixels (24 megapixels)" in reason
    with open_photo(str(path)) as photo:
        found = decode(photo, [NetworkInput(64, "whole")], limits=LimitSettings.model_validate(values))
    assert (found.facts.width, found.facts.height) == (6000, 4000)


def test_the_same_for_thumbnails_and_without_the_limit_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    black_png(path, 6000, 4000)
    with open_photo(str(path)) as photo, pytest.raises(DecodeError) as caught:
        small_copy(photo, longest=400, limits=LimitSettings(megapixels=2, memory_mb=64))
    assert "limits.megapixels = 24 (now 2) and limits.memory_mb = 92 (now 64)" in caught.value.reason
    assert "file_mb" not in caught.value.reason


def test_of_a_jpeg_what_is_decoded_counts(tmp_path: Path) -> None:
    grey_jpeg(tmp_path / "a.jpg", 8000, 6000)
    with open_photo(str(tmp_path / "a.jpg")) as photo:
        found = decode(photo, [NetworkInput(260, "squares")], limits=LimitSettings(megapixels=1, memory_mb=64))
    assert (found.facts.width, found.facts.height) == (8000, 6000)
    assert "limits.megapixels = 1 (now 0.5)" in refused(tmp_path / "a.jpg", LimitSettings(megapixels=0.5))


def test_nothing_is_said_of_what_fits() -> None:
    check(Needs(1 << 30, 160_000_000, 1 << 30, (16000, 10000)), DEFAULTS)
    with pytest.raises(DecodeError):
        check(Needs((1 << 30) + 1, 160_000_000, 1 << 30, (16000, 10000)), DEFAULTS)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16", "I", "F", "1"])
def test_a_picture_seen_in_strips_looks_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tagger.imaging.normalize._STRIP_PIXELS", 4000)
    slope = np.add.outer(np.arange(330), np.arange(410)).astype(np.uint16)
    if mode in ("I;16", "I", "F"):
        picture = Image.fromarray(
            slope * 80 if mode == "I;16" else slope.astype(np.int32 if mode == "I" else np.float32)
        )
    else:
        grey = (slope // 3).astype(np.uint8)
        colours = Image.fromarray(np.dstack([grey, grey.T[:1].T * 0 + grey, 255 - grey]))
        colours.putalpha(Image.fromarray(grey)) if mode in ("LA", "RGBA") else None
        picture = colours.convert(mode)
    assert picture.mode == mode
    small = np.asarray(seen_smaller(picture, 3), np.int16)
    whole = np.asarray(as_seen(picture).reduce(3), np.int16)
    assert small.shape == whole.shape == (110, 137, 3)
    assert np.abs(small - whole).max() <= 1
