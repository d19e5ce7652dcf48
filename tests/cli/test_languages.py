"""Labels in the owner's language: shown, searched, corrected, and written as keywords."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import exiftool
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
GERMAN = {"TAGGER_LABELS_LANGUAGE": "de"}
SUBJECT = "XMP-dc:Subject"
GIVEN = {
    "a.jpg": ["tiger", "big cat", "animal"],
    "b.jpg": ["great white shark", "shark", "animal"],
    "c.jpg": ["German shepherd", "shepherd dog", "dog", "animal"],
    "mine.jpg": ["tiger", "big cat", "animal"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shutil.copy(PHOTOS / "cat.jpg", folder / name)
        with (folder / name).open("ab") as file:
            file.write(name.encode())
    return folder


@pytest.fixture
def tagger(tmp_path: Path, folder: Path) -> Tagger:
    tagger = Tagger(tmp_path)
    label_all(tagger.data, folder, GIVEN.__getitem__)
    return tagger


def test_the_files_get_the_words_of_the_language_and_lose_those_of_the_one_before(tagger: Tagger, folder: Path) -> None:
    shutil.copy(folder / "a.jpg", folder / "mine.jpg")
    exiftool.need()
    subprocess.run(["exiftool", "-overwrite_original", f"-{SUBJECT}=animal", folder / "mine.jpg"], check=True)
    label_all(tagger.data, folder, GIVEN.__getitem__)
    tagger.environ["TAGGER_KEYWORDS_MODE"] = "embed"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def words(name: str) -> set[str]:
        return set(exiftool.lists(folder / name, SUBJECT).get(SUBJECT, []))

    tagger("write")
    assert words("b.jpg") == {"animal", "shark", "great white shark"}
    assert words("mine.jpg") == {"animal", "big cat", "tiger"}
    tagger.environ |= GERMAN
    tagger("write")
    assert words("b.jpg") == {"Tier", "Hai", "Weißer Hai"}
    # "animal" is the person's own.
    assert words("mine.jpg") == {"animal", "Tier", "Großkatze", "Tiger"}
    assert tagger.json("write")["files"] == 0
    tagger.environ["TAGGER_KEYWORDS_LANGUAGES"] = '["fr", "en"]'
    tagger("write")
    assert words("b.jpg") >= {"requin", "shark", "animal"}
    assert not words("b.jpg") & {"Tier", "Hai"}
    assert words("mine.jpg") >= {"animal", "tigre", "tiger"}
    assert not words("mine.jpg") & {"Tier", "Tiger", "Großkatze"}
    tagger("undo", "--all")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_commands_show_the_language_and_the_name_that_is_stored(tagger: Tagger, folder: Path) -> None:
    tagger.environ |= GERMAN
    first = tagger.json("show", folder / "b.jpg")["labels"][0]
    assert (first["name"], first["english"], first["wnid"]) == ("Weißer Hai", "great white shark", "n01484850")
    assert "Weißer Hai" in tagger("show", folder / "b.jpg").stdout
    assert "Weißer Hai" in tagger("export", "--format", "csv").stdout
    assert {label["name"] for label in tagger.json("labels")} >= {"Hund", "Tiger", "Hai"}
    assert {label["name"] for photo in tagger.export() for label in photo["labels"]} >= {"Hund", "Tiger", "Hai"}


def test_corrections_take_the_words_that_are_shown(tagger: Tagger, folder: Path) -> None:
    tagger.environ |= GERMAN
    said = tagger("correct", folder / "b.jpg", "--remove", "weißer hai", "--add", "Strand").stdout
    assert "Strand" in said
    assert "Weißer Hai" not in said
    # It is the label that English has, too.
    del tagger.environ["TAGGER_LABELS_LANGUAGE"]
    labels = {label["name"]: label for label in tagger.json("show", folder / "b.jpg")["labels"]}
    assert "great white shark" not in labels
    assert labels["beach"]["origin"] == "person"
    wrong = tagger("correct", folder / "a.jpg", "--remove", "Löwe", code=2, environ=GERMAN).stderr
    assert "Tiger" in wrong
    assert "Großkatze" in wrong


def test_a_language_that_there_is_not_is_refused_with_those_there_are(tagger: Tagger) -> None:
    said = tagger("status", code=2, environ={"TAGGER_LABELS_LANGUAGE": "xx"}).stderr
    assert "labels.language" in said
    assert '"de"' in said


@pytest.mark.parametrize(
    ("lang", "query", "found"),
    [
        ("de", "Tiger", {"a.jpg"}),
        ("de", "Tier -Hund", {"a.jpg", "b.jpg"}),
        ("de", "Säugetier -Hund", {"a.jpg"}),
        ("de", "saeugetiere", {"a.jpg", "c.jpg"}),
        ("de", "Schaeferhund", {"c.jpg"}),
        ("de", "deutscher Schäferhund", {"c.jpg"}),
        ("de", '"weißer hai" OR GROSSKATZE', {"a.jpg", "b.jpg"}),
        ("de", "Hund>0.5", {"c.jpg"}),
        ("de", "shark", {"b.jpg"}),
        ("fr", "tigre", {"a.jpg"}),
        ("fr", "animal -requin", {"a.jpg", "c.jpg"}),
        ("fr", "mammifere", {"a.jpg", "c.jpg"}),
        ("es", "perro", {"c.jpg"}),
        ("es", "tiburones", {"b.jpg"}),
        ("it", "squali", {"b.jpg"}),
        ("pt", "tubarões", {"b.jpg"}),
        ("nl", "honden", {"c.jpg"}),
        ("pl", "psy", {"c.jpg"}),
        ("sv", "hajar", {"b.jpg"}),
        ("ja", "トラ", {"a.jpg"}),
        ("ja", "動物 -犬", {"a.jpg", "b.jpg"}),
        ("zh", "老虎", {"a.jpg"}),
        ("zh", "动物 -鲨鱼", {"a.jpg", "c.jpg"}),
        # In a language that nobody set: better found than not understood.
        ("en", "老虎", {"a.jpg"}),
        ("en", "requin", {"b.jpg"}),
    ],
)
def test_searches_take_the_language_and_english(tagger: Tagger, lang: str, query: str, found: set[str]) -> None:
    assert set(tagger.found("--strict", "--lang", lang, query)) == found


def test_results_and_hints_are_in_the_language(tagger: Tagger) -> None:
    [photo] = tagger.json_lines("search", "Weißer Hai", environ=GERMAN)
    assert photo["labels"][0]["name"] == "Weißer Hai"
    said = tagger("search", "--strict", "Weisser Hay", code=1, environ=GERMAN).stderr
    assert "Did you mean: Weißer Hai" in said
    assert tagger("search", "tiger", environ=GERMAN).stderr == ""
    foreign = tagger("search", "requin", environ=GERMAN).stderr
    assert "shark" in foreign
    assert "French" in foreign
    # A word with two senses that the library has.
    senses = tagger("search", "Schäferhund", environ=GERMAN).stderr
    assert senses == ""


def test_a_word_with_two_senses_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(PHOTOS / "cat.jpg", folder / name)
        with (folder / name).open("ab") as file:
            file.write(name.encode())
    tagger = Tagger(tmp_path)
    label_all(tagger.data, folder, lambda path: ["bow tie"] if path == "a.jpg" else ["fly"])
    done = tagger("search", "--lang", "de", "Fliege")
    assert len(done.stdout.splitlines()) == 2
    assert "Fliege" in done.stderr
    assert "all of them" in done.stderr


def test_what_a_sentence_says_beside_its_labels_is_left_out(tagger: Tagger) -> None:
    assert tagger.found("--strict", "a", "dog", "in", "the", "animal") == ["c.jpg"]
    assert tagger.found("--strict", "--lang", "de", "ein Hund im Tier") == ["c.jpg"]


def test_what_a_person_removed_is_named_in_the_language(tagger: Tagger, folder: Path) -> None:
    photo = folder / "b.jpg"
    tagger("correct", photo, "--remove", "great white shark")
    assert tagger.json("show", photo)["removed"] == ["great white shark"]
    tagger.environ |= GERMAN
    assert tagger.json("show", photo)["removed"] == ["Weißer Hai"]
    assert "Removed   Weißer Hai" in tagger("show", photo).stdout
