"""Saved searches, through the real command."""

from __future__ import annotations

import shutil
import sqlite3
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
LABELS = {
    "2019/a.jpg": ["tiger", "animal"],
    "2019/b.jpg": ["zebra", "animal"],
    "2020/c.jpg": ["tiger", "animal"],
    "2020/d.jpg": ["Minka"],
    "2020/e.jpg": ["espresso", "food"],
}


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    for number, name in enumerate(LABELS):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PHOTOS / "cat.jpg", tmp_path / "photos" / name)
        with (tmp_path / "photos" / name).open("ab") as file:
            file.write(bytes([number]))
    label_all(tmp_path / "data", tmp_path / "photos", LABELS.__getitem__)
    return Tagger(tmp_path)


def test_a_saved_search_finds_what_its_query_finds_and_is_narrowed_by_another(library: Tagger) -> None:
    said = library("search", "--save", "Big cats", "tiger", "OR", "zebra").stdout
    assert "Saved as 'Big cats'; it finds 3 photos now." in said
    assert "tagger search --saved='Big cats'" in said
    assert library.found("--saved", "Big cats") == library.found("tiger OR zebra")
    # The whole of it is narrowed, not its last word.
    assert sorted(library.found("--saved", "big  CATS", "path:2019/")) == ["a.jpg", "b.jpg"]
    assert library.found("--saved", "Big cats", "-zebra", "path:2019/") == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Straße", "STRASSE"),
        (unicodedata.normalize("NFD", "Österreich é"), "österreich É"),
        ("トラの写真", "トラの写真"),
        ("می‌خواهم", "می‌خواهم"),
        ("-v", "-v"),
        ("-zebra", "-ZEBRA"),
        ("100 % 'best' \"ones\"", "100 % 'BEST' \"ones\""),
    ],
)
def test_names_are_compared_as_all_names_are(library: Tagger, name: str, typed: str) -> None:
    library("search", f"--save={name}", "tiger")
    assert sorted(library.found(f"--saved={typed}")) == ["a.jpg", "c.jpg"]
    refused = library("search", f"--save={typed}", "zebra", code=2).stderr
    assert "already" in refused
    assert "--force" in refused
    library("search", f"--save={typed}", "--force", "zebra")
    assert library.found(f"--saved={name}") == ["b.jpg"]
    assert library.found("--saved", name) == ["b.jpg"]
    [one] = library.json("saved", "list")
    assert one["name"] == unicodedata.normalize("NFC", typed)


@pytest.mark.parametrize("name", ["", "  ", "a\x07b", "x" * 201, "\u200b"])
def test_what_cannot_be_a_name_is_refused(library: Tagger, name: str) -> None:
    assert "cannot be the name of a search" in library("search", f"--save={name}", "tiger", code=2).stderr
    assert library.json("saved", "list") == []


@pytest.mark.parametrize("query", ["(tiger", "tiger>2", "taken:yesterdy", "format:jpog", 'path:""'])
def test_a_faulty_query_is_refused_with_the_usual_message(library: Tagger, query: str) -> None:
    usual = library("search", query, code=2).stderr
    assert library("search", "--save", "x", query, code=2).stderr == usual
    assert library.json("saved", "list") == []


def test_it_means_the_same_after_the_language_changed(library: Tagger) -> None:
    # "Gift" is poison in German and a present in English; "chat" a cat in French and a bird in English.
    library("search", "--lang", "de", "--save", "Tiere", "Tier -Zebra")
    library.environ["TAGGER_LABELS_LANGUAGE"] = "fr"
    assert sorted(library.found("--saved", "Tiere")) == ["a.jpg", "c.jpg"]
    # What narrows it is in the language of now, and so are the names that are shown.
    assert library.found("--saved", "Tiere", "tigre", "path:2019/") == ["a.jpg"]
    shown = library.json_lines("search", "--saved", "Tiere", "tigre", "path:2019/")
    assert [label["name"] for label in shown[0]["labels"]] == ["tigre", "animal"]
    [one] = library.json("saved", "list")
    assert (one["query"], one["language"]) == ("Tier -Zebra", "de")


def test_its_options_are_kept_and_what_is_not_kept_is_refused(library: Tagger) -> None:
    library("search", "--save", "x", "--sort", "path", "--all", "--strict", "animal")
    [one] = library.json("saved", "list")
    assert {**one, "name": "", "query": ""} == {
        "name": "",
        "query": "",
        "language": "en",
        "sort": "path",
        "all": True,
        "strict": True,
    }
    assert library.found("--saved", "x") == ["a.jpg", "b.jpg", "c.jpg"]
    assert "--count is not kept" in library("search", "--save", "y", "--count", "tiger", code=2).stderr
    assert "--force" in library("search", "--force", "tiger", code=2).stderr


def test_a_label_that_is_gone_is_said_and_nothing_is_guessed(library: Tagger) -> None:
    library("search", "--save", "The cat", "Minka")
    with sqlite3.connect(library.database) as connection:
        connection.execute("DELETE FROM photo_labels WHERE label_id IN (SELECT id FROM labels WHERE name = 'Minka')")
        connection.execute("DELETE FROM labels WHERE name = 'Minka'")
    said = library("search", "--saved", "The cat", code=1)
    assert said.stdout == ""
    assert "the saved search 'The cat' asks for what the library does not have:" in said.stderr
    assert "there is no label 'Minka'" in said.stderr
    assert "look like it" not in said.stderr


def test_a_stored_query_that_cannot_be_understood_says_which(library: Tagger) -> None:
    library("search", "--save", "x", "tiger")
    with sqlite3.connect(library.database) as connection:
        connection.execute("UPDATE searches SET query = 'newfield:7'")
    said = library("search", "--saved", "x", code=2).stderr
    assert "The saved search 'x' cannot be understood" in said
    assert "--force" in said


def test_renamed_removed_listed_exported_imported(library: Tagger, tmp_path: Path) -> None:
    assert "No search is saved" in library("saved").stderr
    library("search", "--save", "One", "--lang", "de", "Tiger")
    library("search", "--save", "Two", "path:2020/")
    assert "Eins" not in library("saved").stderr
    assert "already" in library("saved", "rename", "One", "TWO", code=2).stderr
    library("saved", "rename", "one", "ONE")
    library("saved", "rename", "ONE", "Eins")
    assert [one["name"] for one in library.json("saved", "list")] == ["Eins", "Two"]
    library("saved", "export", tmp_path / "s.json")
    other = Tagger(tmp_path, {"TAGGER_DATA_DIR": str(tmp_path / "other")})
    label_all(tmp_path / "other", tmp_path / "photos", LABELS.__getitem__)
    other("saved", "import", tmp_path / "s.json")
    assert other.json("saved", "list") == library.json("saved", "list")
    assert "already" in other("saved", "import", tmp_path / "s.json", code=2).stderr
    other("saved", "import", "--force", tmp_path / "s.json")
    library("saved", "remove", "two")
    said = library("search", "--saved", "Eis", code=2).stderr
    assert "There is no saved search 'Eis'." in said
    assert "Did you mean 'Eins'?" in said
    assert "no saved search" in library("saved", "remove", "two", code=2).stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"file": "tagger saved searches", "searches": [{"name": 1}]}',
        '{"file": "tagger saved searches", "searches": [{"name": "a", "query": "(", "language": "en"}]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_none_takes_nothing_in(library: Tagger, tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    library("saved", "import", tmp_path / "s.json", code=2)
    assert library.json("saved", "list") == []


def test_of_two_that_save_one_name_at_once_one_is_told(library: Tagger) -> None:
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda query: library("search", "--save", "x", query, code=None).returncode, "tz"))
    assert sorted(codes) == [0, 2]
    assert len(library.json("saved", "list")) == 1
