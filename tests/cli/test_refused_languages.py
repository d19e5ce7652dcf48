"""A keyword that a person took out stays out, whatever language keywords are written in afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
FIELDS = ("XMP-dc:Subject", "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList")


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    (tmp_path / "photos").mkdir()
    shutil.copy(PHOTOS / "cat.jpg", tmp_path / "photos" / "a.jpg")
    label_all(tmp_path / "data", tmp_path / "photos", ["tiger", "zebra"])
    targets = '["lightroom", "digikam", "photoprism"]'
    return Tagger(tmp_path, {"TAGGER_KEYWORDS_MODE": "sidecar", "TAGGER_KEYWORDS_TARGETS": targets})


def target(library: Tagger) -> Path:
    return library.home / "photos" / "a.jpg.xmp"


def keywords(library: Tagger) -> set[str]:
    done = subprocess.run(
        ["exiftool", "-j", *(f"-{name}" for name in FIELDS), target(library)],
        check=True,
        capture_output=True,
        text=True,
    )
    [found] = json.loads(done.stdout)
    del found["SourceFile"]
    lists = [value if isinstance(value, list) else [value] for value in found.values()]
    return {part for values in lists for value in values for part in str(value).replace("/", "|").split("|")}


def take_out(library: Tagger, word: str) -> None:
    """As a person does in another program, in all fields."""
    gone = [f"-{name}-={word}" for name in FIELDS]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *gone, target(library)], check=True, capture_output=True)


def write(library: Tagger, languages: str) -> set[str]:
    library.environ["TAGGER_KEYWORDS_LANGUAGES"] = languages
    library("write", code=None)
    return keywords(library)


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed before", "noticed with the change"])
def test_taken_out_in_german_it_stays_out_in_every_language(library: Tagger, noticed: bool) -> None:
    assert {"Tiger", "Zebra"} <= write(library, '["de"]')
    take_out(library, "Tiger")
    if noticed:
        library("backfill", code=None)
        assert "Tiger" not in write(library, '["de"]')
    for languages, there, gone in (
        ('["fr"]', "zèbre", "tigre"),
        ('["ja", "en"]', "zebra", "トラ"),
        ('["de"]', "Zebra", "Tiger"),
    ):
        found = write(library, languages)
        assert there in found
        assert gone not in found
        assert "tiger" not in {word.lower() for word in found}


def test_of_two_languages_a_person_may_take_one_out(library: Tagger) -> None:
    assert {"Tiger", "tigre"} <= write(library, '["de", "fr"]')
    take_out(library, "tigre")
    found = write(library, '["de", "fr"]')
    assert "Tiger" in found
    assert "tigre" not in found
    # What was left says that it is one.
    assert "tijger" in write(library, '["nl"]')
