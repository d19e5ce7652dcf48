"""What is in a result: each count is the number of photos that narrowing by it leaves."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.labels import taxonomy
from tagger.search import facets
from tagger.search.query import parse
from tagger.search.run import Search
from tagger.search.towers import OWN
from tagger.store.reader import open_reader
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
# Labels, year, terms.
LIBRARY = {
    "a.jpg": (["tiger", "big cat", "animal"], "2019", [("camera", "Canon EOS R5"), ("town", "Paris")]),
    "b.jpg": (["zebra", "animal"], "2019", [("camera", "Canon EOS R50"), ("town", "München"), ("town", "Munich")]),
    # An animal that does not say so.
    "c.jpg": (["tabby"], "2020", [("town", "None"), ("country", "Italy"), ("keyword", "Zebra")]),
    "d.jpg": (['the "big" one', "tiger shark"], "2020", [("camera", "none"), ("region", "Île-de-France")]),
    "e.jpg": (["crane (bird)", "wild animal"], None, [("town", "Paris"), ("region", "paris"), ("country", "France")]),
    "f.jpg": (["espresso", "food"], "0999", []),
}
QUERIES = ["*", "animal", "animal -zebra", "tiger OR tabby", "taken:2019", "place:paris", "camera:canon", "path:a.jpg"]


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    (tmp_path / "photos").mkdir()
    for name in LIBRARY:
        shutil.copy(PHOTOS / "cat.jpg", tmp_path / "photos" / name)
        with (tmp_path / "photos" / name).open("a") as file:
            file.write(name)
    label_all(tmp_path / "data", tmp_path / "photos", lambda name: LIBRARY[name][0])
    with sqlite3.connect(tmp_path / "data" / "library.db") as connection:
        for name, (_, year, terms) in LIBRARY.items():
            [(photo,)] = connection.execute("SELECT id FROM photos WHERE path = ?", (name,))
            taken = None if year is None else f"{year}-06-01T12:00:00"
            connection.execute("UPDATE photos SET taken = ?, fields_as = 1 WHERE id = ?", (taken, photo))
            for kind, text in terms:
                row = (kind, text, text.lower())
                connection.execute("INSERT OR IGNORE INTO terms (kind, name, folded) VALUES (?, ?, ?)", row)
                sql = "INSERT INTO photo_terms SELECT ?, id FROM terms WHERE kind = ? AND name = ?"
                connection.execute(sql, (photo, kind, text))
    return Tagger(tmp_path)


@pytest.mark.parametrize(
    ("language", "less_sure"),
    [
        ("de", []),
        *(
            pytest.param(language, less_sure, marks=pytest.mark.slow)
            for language in ("en", "de", "ja")
            for less_sure in ([], ["--all"])
            if language != "de" or less_sure
        ),
    ],
)
def test_a_click_finds_as_many_photos_as_it_says(library: Tagger, language: str, less_sure: list[str]) -> None:
    library.environ["TAGGER_LABELS_LANGUAGE"] = language
    seen = 0
    for query in QUERIES:
        found = library.json("search", *less_sure, "--facets", query)
        assert found["photos"] == len(library.found(*less_sure, "--strict", query)), query
        for group in ("labels", "years", "places", "cameras"):
            for facet in found[group]:
                count = len(library.found(*less_sure, "--strict", facet["query"]))
                assert count == facet["photos"], (query, facet)
                seen += count > 0
    assert seen > 60


def test_what_is_in_a_result(library: Tagger) -> None:
    found = library.json("search", "--facets", "animal")
    labels = {facet["name"]: facet["photos"] for facet in found["labels"]}
    # With what lies below, and with the keyword of the same name.
    assert (labels["animal"], labels["zebra"]) == (5, 2)
    assert [(facet["name"], facet["photos"]) for facet in found["years"]] == [("2020", 2), ("2019", 2)]
    assert [facet["query"] for facet in found["years"]] == ["animal taken:2020", "animal taken:2019"]
    places = {facet["name"]: facet["photos"] for facet in found["places"]}
    # One town is named once, the region paris with the town.
    assert places == {"Paris": 2, "München": 1, "None": 1, "Italy": 1, "Île-de-France": 1, "France": 1}
    # As a search for it finds it: both.
    assert {facet["name"]: facet["photos"] for facet in found["cameras"]} == {"Canon EOS R5": 2, "Canon EOS R50": 1}
    [quoted] = [facet for facet in found["labels"] if facet["name"] == 'the "big" one']
    assert quoted["query"] == 'animal "the ""big"" one"'
    either = library.json("search", "--facets", "tiger OR tabby")["years"][0]
    assert either["query"] == "(tiger OR tabby) taken:2020"
    shown = library("search", "--facets", "animal").stdout
    assert shown.startswith("5 photos\nlabels           5  animal\n")
    assert "cameras          2  Canon EOS R5\n" in shown


def multiplied(library: Tagger, times: int) -> None:
    """Have the library hold each of its photos so many times."""
    with sqlite3.connect(library.data / "library.db") as connection:
        [(last,)] = connection.execute("SELECT max(id) FROM photos")
        copied = {"photos": "id", "photo_labels": "photo_id", "photo_terms": "photo_id"}
        for table, of in copied.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            other = {of: f"{of} + {last} * ?1", "path": "path || ?1", "path_folded": "path_folded || ?1"}
            new = ", ".join(other.get(column, column) for column in columns)
            for number in range(1, times):
                connection.execute(
                    f"INSERT INTO {table} SELECT {new} FROM {table} WHERE {of} <= {last}".replace("?1", str(number))
                )


@pytest.mark.parametrize("most", [10_000, 2000])
@pytest.mark.parametrize("query", ["animal", "*", "animal -zebra", "camera:canon", ""])
def test_a_sample_tells_about_what_is_in_a_large_result(
    library: Tagger, monkeypatch: pytest.MonkeyPatch, query: str, most: int
) -> None:
    multiplied(library, 1000)
    settings = Settings(data_dir=library.data)
    tree = parse(query) if query else None
    with open_reader(settings) as reader:

        def counted(quickly: int) -> facets.Facets:
            search = Search(reader, taxonomy.load(), tree, settings.labels)
            sample = facets.sample_of(search, reader, quickly)
            return facets.facets(reader, taxonomy.load(), settings.labels, query, sample)

        whole = counted(100_000)
        # The result is too large to be found whole (2000), or only to be counted whole.
        monkeypatch.setattr(facets, "MOST", most)
        monkeypatch.setattr(facets, "_LOOKED_AT", 2500)
        sample = counted(1000)
    assert not whole.about
    assert sample.about
    assert sample.photos == pytest.approx(whole.photos, rel=0.1)
    for name in ("labels", "years", "places", "cameras"):
        told = {one.query: one.photos for one in getattr(sample, name)}
        assert told == pytest.approx({one.query: one.photos for one in getattr(whole, name)}, rel=0.35), name
        assert all(len(str(number).rstrip("0")) <= 2 for number in told.values())


def test_facets_of_a_saved_search_and_of_nothing(library: Tagger) -> None:
    library("search", "--save", "x", "tiger")
    assert library.json("search", "--facets", "--saved", "x")["photos"] == 1
    assert library("search", "--facets", "--strict", "unicorn", code=1).stdout == "0 photos\n"
    assert "not kept" in library("search", "--save", "y", "--facets", "tiger", code=2).stderr


def test_facets_of_what_only_looks_so(library: Tagger) -> None:
    """A description that cannot be answered is said beside what labels find, as in a search."""
    (library.data / OWN).write_bytes(b"no numbers")
    searched = library("search", "pink unicorn", code=1)
    counted = library("search", "--facets", "pink unicorn", code=1)
    assert "what it looks like cannot be told" in searched.stderr
    assert (counted.stdout, counted.stderr) == ("0 photos\n", searched.stderr)
