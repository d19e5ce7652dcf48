"""`tagger correct`, through search, relabel, another model and keywords."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.gallery import LABELLED, PHOTOS
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger


@pytest.fixture
def coffee(gallery: Tagger) -> Path:
    return gallery.home / "photos" / "coffee.jpg"


def labels(tagger: Tagger, photo: Path) -> dict[str, dict[str, Any]]:
    return {label["name"]: label for label in tagger.json("show", photo)["labels"]}


@pytest.mark.slow
def test_what_is_removed_stays_away_and_comes_back_when_that_is_taken_back(gallery: Tagger, coffee: Path) -> None:
    before = labels(gallery, coffee)
    assert coffee.name in gallery.found("espresso")
    said = gallery("correct", coffee, "--remove", "Espresso").stdout
    assert "espresso" not in said.partition(": ")[2].split(", ")
    assert coffee.name not in gallery.found("espresso")
    assert gallery.json("show", coffee)["removed"] == ["espresso"]
    assert "Removed   espresso" in gallery("show", coffee).stdout
    # Other thresholds, everything anew: only what the rules changed is written.
    assert "changed" in gallery("relabel", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0.2"}).stdout
    assert coffee.name not in gallery.found("espresso")
    gallery("relabel")
    assert gallery.json("relabel")["changed"] == 0
    gallery("correct", coffee, "--undo", "espresso")
    after = labels(gallery, coffee)
    assert {name: label["origin"] for name, label in after.items()} == {n: b["origin"] for n, b in before.items()}
    assert after["espresso"]["confidence"] == pytest.approx(before["espresso"]["confidence"], abs=1e-3)
    assert coffee.name in gallery.found("espresso")
    assert gallery.json("show", coffee)["removed"] == []


@pytest.mark.slow
def test_what_is_confirmed_or_added_is_found_whatever_the_rules_say(gallery: Tagger, coffee: Path) -> None:
    gallery("correct", coffee, "--confirm", "espresso", "--add", "our  zoo", "--add", "beagle")
    strict = {"TAGGER_LABELS_SHOW_THRESHOLD": "0.999", "TAGGER_LABELS_MIN_CONFIDENCE": "0.999"}
    gallery("relabel", environ=strict)
    assert gallery.json("relabel", code=0)["done"] == LABELLED
    gallery("relabel", environ=strict)
    found = labels(gallery, coffee)
    assert {name for name, label in found.items() if label["origin"] == "person"} == {"espresso", "our zoo", "beagle"}
    assert all(found[name]["confidence"] == 1 and found[name]["shown"] for name in ("espresso", "our zoo", "beagle"))
    assert gallery.found("our zoo") == [coffee.name]
    assert coffee.name in gallery.found("dog")
    # The same words again are the same label.
    other = coffee.with_name("cat.jpg")
    gallery("correct", other, "--add", "Our Zoo")
    assert sorted(gallery.found('"our zoo"')) == sorted([coffee.name, other.name])
    gallery("correct", coffee, "--undo", "our zoo")
    assert gallery.found('"our zoo"') == [other.name]


def test_what_a_person_says_keeps_the_narrowest_first(gallery: Tagger, coffee: Path) -> None:
    cat = coffee.with_name("cat.jpg")
    before = [name for name, label in labels(gallery, cat).items() if label["shown"]]
    assert before[-1] == "animal"
    gallery("correct", cat, "--confirm", "animal", "--add", "our zoo")
    assert [name for name, label in labels(gallery, cat).items() if label["shown"]] == ["our zoo", *before]


@pytest.mark.slow
def test_nonsense_is_refused_and_nothing_is_changed(gallery: Tagger, coffee: Path, tmp_path: Path) -> None:
    before = gallery("show", "--json", coffee).stdout
    assert "--remove" in gallery("correct", coffee, code=2).stderr
    said = gallery("correct", coffee, "--add", "good", "--remove", "submarine", code=2).stderr
    assert "it does not have the label 'submarine'" in said
    assert "espresso" in said
    assert "nothing was said of" in gallery("correct", coffee, "--undo", "espresso", code=2).stderr
    assert "not in the library" in gallery("correct", coffee, tmp_path / "none.jpg", "--add", "x", code=2).stderr
    for name in ("", "  ", "a" * 201, "line\nbreak\x07", "\u00ad", "\ufe0f"):
        assert "cannot be a label" in gallery("correct", coffee, "--add", name, code=2).stderr
    assert gallery("show", "--json", coffee).stdout == before


@pytest.mark.slow
def test_it_outlives_another_model_and_reaches_the_keywords(bare: Tagger, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, photo in enumerate(sorted(PHOTOS.glob("*.jpg"))[:3]):
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
