"""`tagger correct`, through search, relabel, another model and keywords."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.labelled import label_all
from tests.cli.runner import Tagger


@pytest.fixture
def tiger(shared: Path) -> Path:
    return next((shared / "photos" / "labelled").glob("*_tiger.JPEG"))


def labels(tagger: Tagger, photo: Path) -> dict[str, dict[str, Any]]:
    return {label["name"]: label for label in tagger.json("show", photo)["labels"]}


@pytest.mark.slow
def test_what_is_removed_stays_away_and_comes_back_when_that_is_taken_back(labelled: Tagger, tiger: Path) -> None:
    before = labels(labelled, tiger)
    assert tiger.name in labelled.found("tiger")
    said = labelled("correct", tiger, "--remove", "Tiger").stdout
    assert "tiger" not in said.partition(": ")[2].split(", ")
    assert tiger.name not in labelled.found("tiger")
    assert labelled.json("show", tiger)["removed"] == ["tiger"]
    assert "Removed   tiger" in labelled("show", tiger).stdout
    # Other thresholds, everything anew: only what the rules changed is written.
    assert "changed" in labelled("relabel", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0.2"}).stdout
    assert tiger.name not in labelled.found("tiger")
    labelled("relabel")
    assert labelled.json("relabel")["changed"] == 0
    labelled("correct", tiger, "--undo", "tiger")
    after = labels(labelled, tiger)
    assert {name: label["origin"] for name, label in after.items()} == {n: b["origin"] for n, b in before.items()}
    assert after["tiger"]["confidence"] == pytest.approx(before["tiger"]["confidence"], abs=1e-3)
    assert tiger.name in labelled.found("tiger")
    assert labelled.json("show", tiger)["removed"] == []


@pytest.mark.slow
def test_what_is_confirmed_or_added_is_found_whatever_the_rules_say(labelled: Tagger, tiger: Path) -> None:
    labelled("correct", tiger, "--confirm", "tiger", "--add", "our  zoo", "--add", "beagle")
    strict = {"TAGGER_LABELS_SHOW_THRESHOLD": "0.999", "TAGGER_LABELS_MIN_CONFIDENCE": "0.999"}
    labelled("relabel", environ=strict)
    assert labelled.json("relabel", code=0)["done"] == 129
    labelled("relabel", environ=strict)
    found = labels(labelled, tiger)
    assert {name for name, label in found.items() if label["origin"] == "person"} == {"tiger", "our zoo", "beagle"}
    assert all(found[name]["confidence"] == 1 and found[name]["shown"] for name in ("tiger", "our zoo", "beagle"))
    assert labelled.found("our zoo") == [tiger.name]
    assert tiger.name in labelled.found("dog")
    # The same words again are the same label.
    other = next(path for path in tiger.parent.iterdir() if path != tiger)
    labelled("correct", other, "--add", "Our Zoo")
    assert sorted(labelled.found('"our zoo"')) == sorted([tiger.name, other.name])
    labelled("correct", tiger, "--undo", "our zoo")
    assert labelled.found('"our zoo"') == [other.name]


def test_nonsense_is_refused_and_nothing_is_changed(labelled: Tagger, tiger: Path, tmp_path: Path) -> None:
    before = labelled("show", "--json", tiger).stdout
    assert "--remove" in labelled("correct", tiger, code=2).stderr
    said = labelled("correct", tiger, "--add", "good", "--remove", "submarine", code=2).stderr
    assert "it does not have the label 'submarine'" in said
    assert "tiger" in said
    assert "nothing was said of" in labelled("correct", tiger, "--undo", "tiger", code=2).stderr
    assert "not in the library" in labelled("correct", tiger, tmp_path / "none.jpg", "--add", "x", code=2).stderr
    for name in ("", "  ", "a" * 201, "line\nbreak\x07"):
        assert "cannot be a label" in labelled("correct", tiger, "--add", name, code=2).stderr
    assert labelled("show", "--json", tiger).stdout == before


@pytest.mark.slow
def test_it_outlives_another_model_and_reaches_the_keywords(bare: Tagger, shared: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, photo in enumerate(sorted((shared / "photos" / "labelled").iterdir())[:3]):
        shutil.copy(photo, photos / f"{number}.jpg")
    label_all(bare.data, photos, ["tiger", "beach"])
    embed = {"TAGGER_KEYWORDS_MODE": "sidecar"}
    bare("write", environ=embed)
    first = photos / "0.jpg"
    assert "tiger" in (photos / "0.jpg.xmp").read_text()
    bare("correct", first, "--remove", "tiger", "--add", "Grandma's garden", environ=embed)
    label_all(bare.data, photos, ["tiger", "dog"], model="fedcba9876543210")
    assert set(labels(bare, first)) == {"dog", "Grandma's garden"}
    assert set(labels(bare, photos / "1.jpg")) == {"tiger", "dog"}
    bare("write", environ=embed)
    written = (photos / "0.jpg.xmp").read_text()
    assert "tiger" not in written
    assert "Grandma's garden" in written
    assert "tiger" in (photos / "1.jpg.xmp").read_text()
