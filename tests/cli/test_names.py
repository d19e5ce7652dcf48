"""Names are compared by one rule, in every command."""

from __future__ import annotations

import shutil
import unicodedata

import pytest

from tests.cli.gallery import PHOTOS
from tests.cli.runner import BUILT_IN, Tagger


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.fixture(scope="module")
def abroad(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """A library whose folders have capitals beyond ASCII, one of them as macOS writes it."""
    home = tmp_path_factory.mktemp("abroad")
    for folder, photo in (("Österreich", "cat"), ("Москва", "coffee"), (nfd("École"), "rocket")):
        (home / "P" / folder).mkdir(parents=True)
        shutil.copy(PHOTOS / f"{photo}.jpg", home / "P" / folder)
    tagger = Tagger(home, dict(BUILT_IN))
    tagger("backfill", home / "P")
    return tagger


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("path:Österreich", {"cat.jpg"}),
        ("path:Москва", {"coffee.jpg"}),
        ("path:sterreich", {"cat.jpg"}),
        ("path:école", {"rocket.jpg"}),
        (nfd("path:ÖSTERREICH"), {"cat.jpg"}),
        ("-path:Österreich", {"coffee.jpg", "rocket.jpg"}),
        ("path:P/Österreich", {"cat.jpg"}),
        ("path:p/", {"cat.jpg", "coffee.jpg", "rocket.jpg"}),
    ],
)
def test_folders_are_found_whatever_their_letters(abroad: Tagger, query: str, found: set[str]) -> None:
    assert set(abroad.found(query)) == found
    listing = abroad("search", "--json", query).stdout.splitlines()
    assert len(listing) == len(found)


def test_a_whole_path_is_found_as_it_is_printed(abroad: Tagger) -> None:
    printed = abroad("search", "path:École").stdout.strip()
    assert abroad.found(f'path:"{printed}"') == ["rocket.jpg"]
    assert abroad.found("path:~/P/École/") == ["rocket.jpg"]
    assert len(abroad.found(f"path:{abroad.home}/")) == 3


@pytest.mark.slow
def test_a_photo_is_named_as_it_reads(abroad: Tagger) -> None:
    """The name on the disk is in NFD; a keyboard types NFC."""
    typed = abroad.home / "P" / "École" / "rocket.jpg"
    assert not typed.exists()
    assert abroad.json("show", typed)["path"].endswith(nfd("École/rocket.jpg"))
    assert abroad("explain", typed).stdout
    assert abroad.json("show", abroad.home / "P" / nfd("Österreich") / "cat.jpg")["state"] == "labelled"


@pytest.mark.slow
def test_one_label_is_one_whatever_its_form(abroad: Tagger) -> None:
    cat, coffee = abroad.home / "P" / "Österreich" / "cat.jpg", abroad.home / "P" / "Москва" / "coffee.jpg"
    abroad("correct", "--add", "Müsli Straße", cat)
    abroad("correct", "--add", nfd("müsli STRASSE"), coffee)
    assert sorted(abroad.found(nfd('"Müsli straße"'))) == ["cat.jpg", "coffee.jpg"]
    names = [label["name"] for label in abroad.json("labels") if "sli" in label["name"]]
    assert names == ["Müsli Straße"]
    abroad("correct", "--remove", nfd("MÜSLI strasse"), cat, coffee)
    assert abroad.found('"müsli straße"') == []
