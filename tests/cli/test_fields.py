"""A person's own keywords and the like, through the real command, with other programs changing files and sidecars."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.runner import BUILT_IN, Tagger
from tests.imaging.test_fields import bag, exif_of, jpeg, xmp

PHOTOS = Path(__file__).parents[1] / "photos"


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    photos = tmp_path / "photos"
    photos.mkdir()
    shutil.copy(PHOTOS / "cat.jpg", photos / "cat.jpg")
    jpeg(photos / "paris.jpg", xmp(bag("dc:subject", "Summer 2019"), 'xmp:Rating="4"'), exif_of())
    shutil.copy(photos / "cat.jpg", photos / "twin.jpg")
    (photos / "twin.xmp").write_bytes(xmp(bag("dc:subject", "Minka"), 'xmp:Rating="5"'))
    tagger = Tagger(tmp_path, BUILT_IN)
    tagger("backfill", photos)
    return tagger


def inferred(tagger: Tagger) -> int:
    with sqlite3.connect(tagger.database) as connection:
        return int(connection.execute("SELECT sum(classified) FROM runs").fetchone()[0])


def names(tagger: Tagger, *query: str) -> list[str]:
    return [
        Path(path).name for path in tagger("search", "--strict", "-p", *query, code=None).stdout.split("\n") if path
    ]


@pytest.mark.slow
def test_fields_are_read_while_photos_are_labelled_and_after_other_programs_change_them(
    library: Tagger, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    assert names(library, "keyword:summer 2019") == ["paris.jpg"]
    assert names(library, "summer", "2019") == ["paris.jpg"]
    assert names(library, "rating:>=4") == ["paris.jpg", "twin.jpg"]
    # A twin is not looked at, and has sidecars of its own all the same.
    assert names(library, "keyword:minka") == ["twin.jpg"]
    assert names(library, "place:Paris", "camera:nikon", "gps:yes") == ["paris.jpg"]
    assert names(library, "taken:june 2019") == ["paris.jpg"]
    shown = library.json("show", "--json", photos / "paris.jpg")["fields"]
    assert (shown["keywords"], shown["camera"], shown["rating"]) == (["Summer 2019"], "NIKON D850", 4)
    assert "Camera    NIKON D850" in library("show", photos / "paris.jpg").stdout
    assert library.json("explain", photos / "paris.jpg")["fields"] == shown
    explained = library("explain", photos / "paris.jpg").stdout
    assert "What the file tells:\n  Camera: NIKON D850\n" in explained
    assert "  Rating: 4 of 5 stars\n" in explained
    assert "  Keyword: Summer 2019\n" in explained
    before = inferred(library)
    (photos / "twin.xmp").write_bytes(xmp(bag("dc:subject", "Felix")))
    (photos / "cat.jpg.xmp").write_bytes(xmp(bag("dc:subject", "Rex")))
    jpeg(photos / "paris.jpg", xmp(bag("dc:subject", "Holiday")), exif_of())
    library("backfill")
    assert names(library, "keyword:felix") == ["twin.jpg"]
    assert names(library, "keyword:rex") == ["cat.jpg"]
    assert names(library, "keyword:holiday") == ["paris.jpg"]
    assert names(library, "keyword:minka") == names(library, "keyword:summer 2019") == []
    (photos / "twin.xmp").unlink()
    library("backfill")
    assert names(library, "keyword:felix") == []
    assert inferred(library) == before


def test_results_are_sorted_and_counted(library: Tagger) -> None:
    assert names(library, "--sort", "path", "rating:>=4 OR cat") == ["cat.jpg", "paris.jpg", "twin.jpg"]
    assert names(library, "--sort", "date", "*")[0] == "paris.jpg"
    assert names(library, "--sort", "path", "--limit", "1", "cat") == ["cat.jpg"]
    assert library("search", "--count", "*").stdout == "3\n"
    assert library("search", "--count", "--json", "rating:5").stdout == '{"count": 1}\n'
    assert library("search", "--count", "keyword:nobody", code=1).stdout == "0\n"


def test_what_tagger_writes_is_no_keyword_of_a_persons(library: Tagger, tmp_path: Path) -> None:
    library("write", "--mode", "sidecar", "cat")
    assert (tmp_path / "photos" / "cat.jpg.xmp").exists()
    library("backfill")
    assert names(library, "keyword:*cat*") == []
    assert names(library, "keyword:minka") == ["twin.jpg"]


def test_a_keyword_that_nobody_has_is_told(library: Tagger) -> None:
    told = library("search", "--strict", "keyword:summr 2019", code=1).stderr
    assert "no photo has the keyword" in told
