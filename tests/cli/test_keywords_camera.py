"""Every JPEG of real cameras, and every broken one that Pillow opens: written into, judged by exiftool, taken back."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from tests import exiftool
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

# What tagger writes, as exiftool calls it, and what follows from there being XMP, EXIF or IPTC at all.
OURS = ("Subject", "HierarchicalSubject", "TagsList", "Keywords", "XPKeywords", "Wrote")
CONTAINERS = (
    *("XMPToolkit", "CodedCharacterSet", "ApplicationRecordVersion", "ExifByteOrder"),
    *("XResolution", "YResolution", "ResolutionUnit", "YCbCrPositioning", "ExifVersion", "ComponentsConfiguration"),
    *("FlashpixVersion", "ColorSpace", "ExifImageWidth", "ExifImageHeight"),
)


def opens(path: Path) -> bool:
    try:
        Image.open(path, formats=["JPEG", "MPO"]).close()
    except Exception:  # noqa: BLE001 - Pillow raises anything for these
        return False
    return True


@pytest.fixture(scope="module")
def originals(shared: Path) -> list[Path]:
    found = [path for path in sorted((shared / "photos" / "camera").iterdir()) if path.read_bytes()[:2] == b"\xff\xd8"]
    assert len(found) > 50
    broken = [path for path in sorted((shared / "photos" / "broken").iterdir()) if path.read_bytes()[:2] == b"\xff\xd8"]
    return found + [path for path in broken if opens(path)]


def pixels(path: Path) -> str:
    """The hash of the decoded picture; of a broken one, what is wrong with it."""
    try:
        with Image.open(path, formats=["JPEG", "MPO"]) as picture:
            return hashlib.sha256(picture.tobytes()).hexdigest()
    except Exception as error:  # noqa: BLE001 - as above
        return repr(error)


def scan_and_trailer(data: bytes) -> bytes:
    """Everything from the first start of scan on, found by walking the markers."""
    position = 2
    while data[position : position + 2] != b"\xff\xda":
        while data[position + 1] == 0xFF:
            position += 1
        if data[position : position + 2] == b"\xff\xda":
            break
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data[position:]


def differences(before: Counter[tuple[str, str]], after: Counter[tuple[str, str]]) -> list[str]:
    """Tags that are not ours and that were lost, changed or added, and warnings that are new."""
    had = {tag for tag, _ in before}
    found = []
    lost, new = before - after, after - before
    for (tag, value), way in [*((item, "lost") for item in lost), *((item, "new") for item in new)]:
        group, _, name = tag.rpartition(":")
        if name in OURS or (name == "Warning" and way == "lost") or name == "Validate":
            continue
        # exiftool tells offsets within EXIF as places in the file; what they point at is compared itself.
        if name.endswith(("IPTCDigest", "Offset", "Start")):
            continue
        if name in CONTAINERS and tag not in had and group != "JFIF":
            continue
        found.append(f"{way}: {tag} {value[:80]}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("targets", [[], ["immich", "lightroom", "windows", "photoprism"]], ids=["plain", "all"])
def test_nothing_but_keywords_changes_and_all_of_it_comes_back(
    originals: list[Path], targets: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exiftool.need()
    folder = tmp_path / "photos"
    folder.mkdir()
    copies = [Path(shutil.copy2(path, folder)) for path in originals]
    before = exiftool.everything(copies)
    hashes = {path: path.read_bytes() for path in copies}
    times = {path: path.stat().st_mtime_ns for path in copies}
    tagger = Tagger(tmp_path, {"TAGGER_KEYWORDS_MODE": "embed", "TAGGER_KEYWORDS_FOR": repr(targets)})
    assert label_all(tagger.data, folder, ["tiger", "animal", "größer & <größer>"]) == len(copies)

    wrote = tagger.json("write")
    assert wrote["failed"] == 0
    sidecars = {path.name.removesuffix(".xmp") for path in folder.glob("*.xmp")}
    camera = {path.name for path in originals if path.parent.name == "camera"}
    declined = camera & sidecars
    with capsys.disabled():
        print(f"\n{len(copies) - len(sidecars)} written into, {len(sidecars)} declined: {wrote['declined']}")
        print(f"of {len(camera)} camera files {len(declined)} were declined; notes: {wrote['notes']}")
    assert len(declined) < 0.05 * len(camera)

    after = exiftool.everything(copies)
    for path in copies:
        if path.name in sidecars:
            assert path.read_bytes() == hashes[path]
            continue
        assert differences(before[path.name], after[path.name]) == [], path.name
        assert pixels(path) == pixels(originals[copies.index(path)])
        assert scan_and_trailer(path.read_bytes()) == scan_and_trailer(hashes[path])
        assert path.stat().st_mtime_ns == times[path]
        subject = exiftool.lists(path, "XMP-dc:Subject")["XMP-dc:Subject"]
        assert subject[-3:] == ["tiger", "animal", "größer & <größer>"]

    # A second time there is nothing to do.
    now = {path: (path.read_bytes(), path.stat()) for path in folder.iterdir()}
    again = tagger.json("write", "--again")
    assert (again["files"], again["bytes"]) == (0, 0)
    assert {path: (path.read_bytes(), path.stat()) for path in folder.iterdir()} == now

    undone = tagger.json("undo", "--all")
    assert undone["failures"] == []
    assert undone["exact"] == undone["files"] == wrote["files"]
    assert {path: path.read_bytes() for path in folder.iterdir()} == hashes
