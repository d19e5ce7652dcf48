"""Photos found by a description, as a person types it: each answer is clear, and each exit code is grep's."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.search.find import photos_of
from tagger.search.towers import OWN, Towers
from tests.cli.runner import Tagger


def names(tagger: Tagger, *query: object, code: int | None = 0) -> list[str]:
    return tagger.found(*query, code=code)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ('like:"a cat"', "cat.jpg"),
        ('~"a cat"', "cat.jpg"),
        ("like:a man riding a motorcycle", "motorcycle.jpg"),
        ('like:"red motorcycle"', "motorcycle.jpg"),
        ('LIKE:"THE MOTORCYCLE"', "motorcycle.jpg"),
        ('like:"motorcylce"', "motorcycle.jpg"),
        ('like:"motorcycles"', "motorcycle.jpg"),
    ],
)
def test_a_description_finds_what_looks_like_it(gallery_once: Tagger, query: str, first: str) -> None:
    found = gallery_once.json_lines("search", query, "--all", "--limit", "15")
    # There are copies and parts of the photos, too.
    assert first in {Path(one["path"]).name for one in found}
    shares = [one["likeness"] for one in found]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)


def test_the_shell_s_quotes_and_ours_mean_the_same(gallery_once: Tagger) -> None:
    """`tagger search like:"a man on a motorcycle" -cat`, of which the shell takes the quotes away."""
    right = names(gallery_once, 'like:"a man on a motorcycle" -cat', "--all")
    assert len(right) > 10
    assert names(gallery_once, "like:a man on a motorcycle", "-cat", "--all") == right
    assert names(gallery_once, "~a man on a motorcycle", "-cat", "--all") == right
    assert names(gallery_once, "like:a man on a motorcycle -cat", "--all") == right
    others = names(gallery_once, "-~a man on a motorcycle", "path:photos/")
    assert "motorcycle.jpg" not in others
    assert names(gallery_once, "-like:a man on a motorcycle", "path:photos/") == others != []


def test_it_goes_with_every_other_condition(gallery_once: Tagger) -> None:
    everything = names(gallery_once, 'like:"a cat"', "--all")
    assert len(everything) == len(set(everything)) > 20
    assert "cat.jpg" in names(gallery_once, 'like:"a cat" path:cat', "--all")
    assert names(gallery_once, 'like:"a cat" path:coffee', "--all")[0].startswith("coffee")
    assert "cat.jpg" not in names(gallery_once, 'like:"a cat" -cat', "--all")
    assert names(gallery_once, 'like:"a cat" taken:1850', code=1) == []
    both = names(gallery_once, 'like:"a cat" like:"a cup of coffee"', "--all")
    assert sorted(both) == sorted(everything)
    bounds = 'like:"a motorcycle">2%', 'like:"a cat">2%'
    either = names(gallery_once, " OR ".join(bounds))
    assert "motorcycle.jpg" in either
    assert set(either) == {name for bound in bounds for name in names(gallery_once, bound)} < set(everything)
    assert all(one["likeness"] > 0.02 for one in gallery_once.json_lines("search", bounds[0]))


def test_words_that_no_label_says_are_a_description(gallery_once: Tagger) -> None:
    query = ("a", "man", "riding", "his", "motorcycle")
    done = gallery_once("search", *query)
    assert "motorcycle.jpg" in [Path(line).name for line in done.stdout.splitlines()[:8]]
    assert done.stderr.startswith("tagger: no label says that; these look like it.\n")
    assert "there is no label" not in done.stderr
    told = gallery_once.json_lines("search", *query)
    assert [one["path"] for one in told] == done.stdout.splitlines()
    assert all(one["likeness"] is not None for one in told)
    strict = gallery_once("search", "--strict", *query, code=1)
    assert strict.stdout == ""
    assert "there is no label 'riding'" in strict.stderr
    # What labels say, they say.
    assert all(one["likeness"] is None for one in gallery_once.json_lines("search", "cat"))
    assert gallery_once("search", "cat").stderr == ""


def test_other_conditions_hold_for_words_that_become_a_description(gallery_once: Tagger) -> None:
    there = names(gallery_once, "a man riding his motorcycle path:photos/ -cat")
    assert "motorcycle.jpg" in there
    assert names(gallery_once, "a man riding his motorcycle -path:photos/", code=1) == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("like:xyzzy", "not known: xyzzy"),
        ("xyzzy qwertz", "not known: xyzzy, qwertz"),
        ("like:of the", "no word of it says what is in a photo"),
        ("a photo of nothing", "no word of it says what is in a photo"),
        ('like:"?!"', "no word of it says what is in a photo"),
        ("like:the surgeon operates on a kidney", "nothing looks like that"),
    ],
)
def test_what_cannot_be_found_is_said(gallery_once: Tagger, query: str, says: str) -> None:
    done = gallery_once("search", query, code=1)
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_a_word_that_is_a_label_and_nothing_else_is_as_sure_as_the_label(gallery_once: Tagger) -> None:
    """No photo has the label: by default nothing is found, and with --all the rest in its order."""
    query = 'like:"a cornet on a motorcycle"'
    assert names(gallery_once, query, code=1) == []
    assert "motorcycle.jpg" in names(gallery_once, query, "--all")[:12]


def test_what_is_misspelt_is_said(gallery_once: Tagger) -> None:
    done = gallery_once("search", 'like:"a man on a motorcylce">0.01')
    assert "motorcylce as motorcycle" in done.stderr


def test_a_description_of_5000_characters(gallery_once: Tagger) -> None:
    long = ("a man in a helmet is riding a red motorcycle down the road " * 100)[:5000]
    assert "motorcycle.jpg" in names(gallery_once, f'like:"{long}"', "--all")[:8]
    assert "too long" in gallery_once("search", f'like:"{long * 3}"', code=2).stderr


@pytest.mark.parametrize("query", ["like:", 'like:""', '~" "', "~"])
def test_an_empty_description_is_a_mistake(gallery_once: Tagger, query: str) -> None:
    assert "needs a description right behind it" in gallery_once("search", query, code=2).stderr


def test_a_library_labelled_before_is_searched_without_a_photo_opened(gallery: Tagger) -> None:
    before = names(gallery, 'like:"a cat"', "--all")
    file = gallery.data / "vectors" / "sentences.vectors"
    file.unlink()
    for photo in (gallery.home / "photos").rglob("*.*"):
        photo.unlink()
    assert names(gallery, 'like:"a cat"', "--all") == before
    assert file.exists()
    with sqlite3.connect(gallery.database) as connection:
        connection.execute("DELETE FROM features")
    connection.close()
    file.unlink()
    assert "no photo can be found by a description yet" in gallery("search", 'like:"a cat"', code=1).stderr


def test_commands_that_act_take_no_guess(gallery_once: Tagger) -> None:
    """They act on what is labelled, or on a description that was written as one."""
    guess = "a man riding his motorcycle"
    settings = Settings(data_dir=gallery_once.data)
    found = len(names(gallery_once, guess))
    assert found > 0
    assert photos_of(settings, guess) == ()
    assert len(photos_of(settings, f'like:"{guess}"')) == found


def test_status_says_how_many_photos_are_prepared_for_descriptions(gallery: Tagger) -> None:
    def prepared() -> int:
        status = gallery.json("status")
        assert f"Prepared  {status['prepared']} of the labelled photos" in gallery("status").stdout
        return int(status["prepared"])

    gallery("search", 'like:"a cat"', "--all")
    labelled = gallery.json("status")["labelled"]
    assert prepared() == labelled > 20
    (gallery.data / "vectors" / "sentences.vectors").unlink()
    assert prepared() == 0
    assert "with the next search" in gallery("status").stdout
    gallery("search", 'like:"a cat"', "--all")
    assert prepared() == labelled
    # Vectors of other towers are of no use to these.
    own = Towers.load()
    replace(own, photos=own.photos + 1).save(gallery.data / OWN)
    assert prepared() == 0
