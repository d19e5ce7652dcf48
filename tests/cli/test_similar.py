"""`tagger similar` and `tagger duplicates` on real photos."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.runner import Tagger


@pytest.mark.slow
def test_the_most_similar_photos_come_first(gallery: Tagger, tmp_path: Path) -> None:
    cat = gallery.home / "photos" / "cat.jpg"
    [first, *_] = found = gallery.json_lines("similar", cat, "--limit", "5")
    assert len(found) == 5
    # The phone's picture is the same cat, smaller.
    assert "phone.heic" in {Path(item["path"]).name for item in found[:2]} | {Path(first["path"]).name}
    assert first["similarity"] > 0.8
    assert [item["similarity"] for item in found] == sorted((item["similarity"] for item in found), reverse=True)
    assert str(cat) not in {item["path"] for item in found}
    # A photo that is not in the library.
    outside = tmp_path / "download.jpg"
    temple = cat.with_name("temple.jpg")
    Image.open(temple).convert("RGB").resize((500, 400)).save(outside)
    [nearest, *_] = gallery.json_lines("similar", outside)
    assert Path(nearest["path"]).name == temple.name
    # What is gone is not told.
    paths = gallery("similar", "-0", cat, "-n", "3").stdout.split("\0")[:-1]
    Path(paths[0]).unlink()
    gallery("backfill")
    assert paths[0] not in gallery("similar", "-0", cat, "-n", "3").stdout.split("\0")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert "cannot be looked at" in gallery("similar", tmp_path / "broken.jpg", code=2).stderr
    assert "cannot be looked at" in gallery("similar", tmp_path / "missing.jpg", code=2).stderr


def test_copies_are_reported_as_groups(gallery: Tagger) -> None:
    photos = gallery.home / "photos"
    temple = photos / "temple.jpg"
    more = gallery.home / "more"
    more.mkdir()
    shutil.copy(temple, more / "exact.jpg")
    picture = Image.open(temple).convert("RGB")
    picture.save(more / "again.jpg", quality=60)
    picture.resize((picture.width * 2 // 3, picture.height * 2 // 3)).save(more / "smaller.jpg", quality=85)
    gallery("backfill", more)
    groups = gallery.json_lines("duplicates")
    [ours] = [group for group in groups if any(str(more) in item["path"] for item in group["photos"])]
    assert {Path(item["path"]).name for item in ours["photos"]} == {
        temple.name,
        "exact.jpg",
        "again.jpg",
        "smaller.jpg",
    }
    same = {Path(item["path"]).name for item in ours["photos"] if item["same_bytes"]}
    assert same == {temple.name, "exact.jpg"}
    told = gallery("duplicates", "--least", "0.999").stdout
    assert "exact.jpg" in told
    assert "the same bytes as another" in told
    assert "smaller.jpg" not in told


@pytest.mark.slow
def test_without_labelled_photos_it_says_so(bare: Tagger, tmp_path: Path) -> None:
    assert "no library" in bare("duplicates", code=4).stderr
    assert "no library" in bare("similar", tmp_path / "x.jpg", code=4).stderr
