"""People and things, and where they are: found by the second network, kept, completed, explained."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger

ASTRONAUT = PHOTOS / "astronaut.jpg"
COUNT = len(list(PHOTOS.glob("*.jpg")))


@pytest.fixture
def tagger(tmp_path: Path) -> Tagger:
    return Tagger(tmp_path, dict(BUILT_IN))


def boxes(tagger: Tagger) -> int:
    with sqlite3.connect(tagger.database) as connection:
        [(found,)] = connection.execute("SELECT count(*) FROM boxes")
    connection.close()
    return int(found)


def last_run(tagger: Tagger) -> tuple[int, int]:
    """The photos that the last run labelled, and those of them that went through the classifier."""
    with sqlite3.connect(tagger.database) as connection:
        [found] = connection.execute("SELECT labelled, classified FROM runs ORDER BY id DESC LIMIT 1")
    connection.close()
    return found[0], found[1]


def labels(tagger: Tagger) -> list[dict[str, Any]]:
    return [{key: photo[key] for key in ("path", "labels")} for photo in tagger.export()]


@pytest.mark.slow
def test_a_person_is_found_kept_and_explained(tagger: Tagger) -> None:
    tagger("backfill", PHOTOS)
    assert boxes(tagger) == COUNT
    explained = tagger.json("explain", ASTRONAUT)
    assert not explained["fresh"]
    person = explained["boxes"][0]
    assert person["name"] == "person"
    assert person["score"] > 0.5
    assert 0 <= person["left"] < 0.5 < person["right"] <= 1
    assert " person, " in tagger("explain", ASTRONAUT).stdout
    # The same where it is looked at just now.
    outside = tagger.home / "outside.jpg"
    outside.write_bytes(ASTRONAUT.read_bytes())
    fresh = tagger.json("explain", outside)
    assert fresh["fresh"]
    assert fresh["boxes"] == explained["boxes"]


@pytest.mark.slow
def test_a_copy_is_given_the_boxes_of_its_twin(tagger: Tagger) -> None:
    root = tagger.home / "photos"
    root.mkdir()
    (root / "a.jpg").write_bytes(ASTRONAUT.read_bytes())
    tagger("backfill", root)
    (root / "b.jpg").write_bytes(ASTRONAUT.read_bytes())
    tagger("backfill", root)
    assert last_run(tagger) == (1, 0)
    assert tagger.json("explain", root / "b.jpg")["boxes"] == tagger.json("explain", root / "a.jpg")["boxes"]


@pytest.mark.slow
def test_a_library_of_before_is_completed_without_the_classifier(tagger: Tagger) -> None:
    tagger("backfill", PHOTOS)
    before = labels(tagger)
    with sqlite3.connect(tagger.database) as connection:
        connection.execute("DELETE FROM boxes")
        connection.execute("UPDATE photos SET kinds = NULL")
    connection.close()
    told = tagger("backfill", PHOTOS).stderr
    assert f"{COUNT} photos labelled before will be looked at for what is new in this version." in told
    assert last_run(tagger) == (COUNT, 0)
    assert boxes(tagger) == COUNT
    assert labels(tagger) == before
    assert "Nothing to do" in tagger("backfill", PHOTOS).stdout


@pytest.mark.slow
def test_it_can_be_switched_off_and_on_again(tagger: Tagger) -> None:
    off = {"TAGGER_MODEL_OBJECTS": "false"}
    tagger("backfill", PHOTOS, environ=off)
    assert boxes(tagger) == 0
    assert "Nothing to do" in tagger("backfill", PHOTOS, environ=off).stdout
    assert "People and things" not in tagger("explain", ASTRONAUT, environ=off).stdout
    tagger("backfill", PHOTOS)
    assert last_run(tagger) == (COUNT, 0)
    assert boxes(tagger) == COUNT
    # What was found stays, and says nothing while it is off.
    assert "People and things" not in tagger("explain", ASTRONAUT, environ=off).stdout
