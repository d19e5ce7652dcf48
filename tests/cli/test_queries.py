"""Queries that cannot be answered get a sentence, in every command that takes one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tagger.labels.taxonomy import load
from tests.cli.runner import Tagger

COMMANDS = (
    ["search"],
    ["write", "--dry-run", "--mode", "sidecar"],
    ["undo", "--dry-run"],
    ["teach", "a cat", "--yes"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("dog OR " * 5000 + "cat", "too long"),
        ("dog OR " * 1000 + "cat", "at most 500"),
        ("(" * 3000 + "dog" + ")" * 3000, "deeper than 20"),
        ("NOT " * 2000 + "dog", "deeper than 20"),
        ("\x1bdog", "U+001B"),
        ("", "empty"),
        ("tiger>150%", "from 0 to 1"),
        ("format:xyz", "there are avif"),
        ("like:", "needs a description"),
        ('~"boat', "quote is not closed"),
        ('5" disk', "written twice"),
    ],
    ids=["long", "many", "brackets", "nots", "control", "empty", "percent", "format", "like", "open", "quote"],
)
@pytest.mark.slow
def test_a_query_that_cannot_be_answered(gallery_once: Tagger, command: list[str], query: str, says: str) -> None:
    done = gallery_once(*command, query, code=2)
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 5
    assert len(done.stderr) < 700


def test_what_to_type_is_told(gallery_once: Tagger) -> None:
    assert "tagger search '*'" in gallery_once("search", code=2).stderr
    assert len(gallery_once.found("*")) > 100
    assert gallery_once.found("cat>20%") == gallery_once.found("cat>0.2") != []
    done = gallery_once("search", "cats", "and", "coffee", code=None)
    assert "there is no label 'and'. AND, OR and NOT are written in capitals" in done.stderr
    assert "Every photo is: *" in gallery_once("search", "everything", code=1).stderr
    long = " ".join(f"w{number}" for number in range(100))
    assert len(gallery_once("search", "--strict", long, code=1).stderr.splitlines()) == 12
    done = gallery_once("search", long, code=1)
    assert "not known: w0, w1," in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.slow
def test_a_silenced_label_and_a_new_name_are_told(gallery: Tagger) -> None:
    (gallery.home / "config.toml").write_text(
        '[labels]\nsilence = ["tabby"]\nrename = { "espresso" = "Rex the cup" }\n'
    )
    gallery("--config", gallery.home / "config.toml", "relabel")
    done = gallery("--config", gallery.home / "config.toml", "search", "tabby", code=None)
    assert "silenced by the rules of labels" in done.stderr
    done = gallery("--config", gallery.home / "config.toml", "search", "Rex", code=1)
    assert "Did you mean: Rex the cup" in done.stderr


def test_labels_are_shown_the_narrowest_first(gallery_once: Tagger) -> None:
    cat = gallery_once.home / "photos" / "cat.jpg"
    shown = [label["name"] for label in gallery_once.json("show", cat)["labels"] if label["shown"]]
    assert shown[-1] == "animal"
    assert len(shown) > 1
    [found] = [one for one in gallery_once.json_lines("search", "animal") if one["path"].endswith("/cat.jpg")]
    assert [label["name"] for label in found["labels"] if label["name"] in shown] == shown
    explained = gallery_once.json("explain", cat)["labels"]
    assert [one["name"] for one in explained if one["shown"]] == shown
    assert [one["name"] for one in explained][: len(shown)] == shown
    [exported] = [one for one in gallery_once.export() if one["path"].endswith("/cat.jpg")]
    assert [label["name"] for label in exported["labels"] if label["shown"]] == shown


def test_a_search_finds_what_shows_it_and_the_less_sure_behind(gallery_once: Tagger) -> None:
    taxonomy = load()
    rows = gallery_once.export()
    tried = 0
    for name in ("cat", "dog", "people", "tabby", "beagle", "vehicle"):
        names = {taxonomy.names[key] for key in taxonomy.find(name)}
        has = {Path(row["path"]).name: [one for one in row["labels"] if one["name"] in names] for row in rows}
        shown = {path for path, labels in has.items() if any(one["shown"] for one in labels)}
        stored = {path for path, labels in has.items() if labels} - shown
        assert set(gallery_once.found("--strict", name)) == shown
        assert set(gallery_once.found(f"-{name}")) == has.keys() - shown
        both = gallery_once.found("--all", "--strict", name)
        assert both[: len(shown)] == gallery_once.found("--strict", name)
        assert set(both[len(shown) :]) == stored
        assert set(both) == set(gallery_once.found(f"{name}>=0"))
        tried += bool(shown and stored)
    assert tried > 1


def test_how_many_less_sure_ones_there_are_is_told_where_nothing_is_found(gallery_once: Tagger) -> None:
    shown: set[str] = set()
    stored: Counter[str] = Counter()
    for row in gallery_once.export():
        shown |= {one["name"] for one in row["labels"] if one["shown"]}
        stored.update(one["name"] for one in row["labels"])
    name, count = next((name, count) for name, count in stored.most_common() if name not in shown)
    said = gallery_once("search", name, code=1).stderr
    assert said == f"tagger: no photo matches.\n{count} less sure: tagger search --all\n"
    found = gallery_once.json_lines("search", "--all", name)
    assert [one["less_sure"] for one in found] == [True] * count
