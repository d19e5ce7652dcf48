"""What the file tells of a photo, as a person meets it: kept in the library, explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    return Tagger(tmp_path, dict(BUILT_IN))


@pytest.mark.slow
def test_what_the_file_tells_is_kept_and_explained(tagger: Tagger) -> None:
    root = tagger.home / "photos"
    root.mkdir()
    party = Image.Exif()
    party[0x010F] = "Canon"
    party.get_ifd(0x8769)[0x9209] = 0x19
    with Image.open(PHOTOS / "cat.jpg") as photo:
        photo.save(root / "party.jpg", exif=party)
        photo.save(root / "Bildschirmfoto 2024-01-01 um 12.00.00.png")
        photo.convert("L").save(root / "old.jpg")
        photo.save(root / "plain.jpg")
    tagger("backfill", root)
    explained = {path.name: tagger.json("explain", path) for path in root.iterdir()}
    assert {name: found["kinds"] for name, found in explained.items()} == {
        "party.jpg": ["flash"],
        "Bildschirmfoto 2024-01-01 um 12.00.00.png": ["screenshot"],
        "old.jpg": ["black and white"],
        "plain.jpg": [],
    }
    assert not any(found["fresh"] for found in explained.values())
    told = tagger("explain", root / "party.jpg").stdout
    told = told[told.index("What the file tells:") : told.index("What becomes of it:")]
    assert "  flash: the flash fired\n" in told
    assert "Canon" in told
    assert (
        "flash: stored for search, not shown: the flash fired (such labels"
        in tagger("explain", root / "party.jpg").stdout
    )
    assert (
        "black and white: shown: no part of it has colour, or all has one warm tone\n"
        in tagger("explain", root / "old.jpg").stdout
    )
    assert "What the file tells" not in tagger("explain", root / "plain.jpg").stdout
    # They are labels as all others are: by any of their names, and only the useful ones are shown.
    for words, name in {
        "flash": "party.jpg",
        "screenshots": "Bildschirmfoto 2024-01-01 um 12.00.00.png",
        "screen capture": "Bildschirmfoto 2024-01-01 um 12.00.00.png",
        "b&w": "old.jpg",
        "monochrome": "old.jpg",
    }.items():
        assert [Path(line).name for line in tagger("search", words).stdout.splitlines()] == [name], words
    everything = {path.name for path in root.iterdir()}
    for words, name in {"flash": "party.jpg", "monochrome": "old.jpg"}.items():
        found = {Path(line).name for line in tagger("search", f"-{words}").stdout.splitlines()}
        assert found == everything - {name}, words
    shown = {row["path"]: [one["name"] for one in row["labels"] if one["shown"]] for row in tagger.export()}
    by_name = {Path(path).name: names for path, names in shown.items()}
    assert "black and white" in by_name["old.jpg"]
    assert "flash" not in by_name["party.jpg"]
    # The same where it is looked at just now.
    outside = tagger.home / "outside.jpg"
    outside.write_bytes((root / "party.jpg").read_bytes())
    assert tagger.json("explain", outside)["kinds"] == ["flash"]
