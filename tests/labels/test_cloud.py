"""Wide words leave the cloud where narrower ones say as much; the example of a search is something on photos."""

from __future__ import annotations

import pytest

from tagger.labels import taxonomy
from tagger.labels.cloud import example, worth_listing
from tagger.store.counts import LabelCount

TAXONOMY = taxonomy.load()


def counts(**shown: int) -> list[LabelCount]:
    names = {name: name.replace("_", " ") for name in shown}
    return [LabelCount(TAXONOMY.lookup(names[name])[0], names[name], number, 99) for name, number in shown.items()]


def listed(**shown: int) -> list[str]:
    return [label.name for label in worth_listing(counts(**shown))]


def test_a_wide_word_is_listed_only_where_it_says_more_than_the_narrower_ones() -> None:
    assert listed(animal=50, dog=20, cat=5) == ["dog", "cat"]
    assert listed(animal=50, dog=20, people=200) == ["animal", "dog", "people"]
    assert listed(electronics=9, laptop=5, people=3) == ["laptop", "people"]
    assert listed(animal=3, dog=0) == ["animal"]


def test_what_one_searches_for_stays() -> None:
    assert listed(dog=50, beagle=40, pug=10) == ["dog", "beagle", "pug"]
    assert listed(food=30, pizza=30) == ["food", "pizza"]


def test_wide_words_are_labels_that_are_shown() -> None:
    assert set(TAXONOMY.shown_hypernyms) >= TAXONOMY.wide


@pytest.mark.parametrize("frequent", ["black_and_white", "portrait", "screenshot", "long_exposure", "sky", "clothing"])
def test_a_search_is_shown_with_people_or_a_thing(frequent: str) -> None:
    for wanted in ("people", "dog", "tiger", "boat", "beach", "wedding", "Christmas"):
        found = example(counts(**{frequent: 90, wanted: 3, "cat": 2}))
        assert found is not None
        assert (found.name, found.shown) == (wanted, 3)


def test_a_label_of_ones_own_is_an_example_whatever_it_is_called() -> None:
    mine = LabelCount("own:portrait", "portrait", 3, 3)
    assert example([*counts(black_and_white=9), mine, *counts(dog=2)]) == mine


def test_without_a_thing_what_there_is_shows_it() -> None:
    found = example(counts(black_and_white=9, portrait=3))
    assert found is not None
    assert found.name == "black and white"
    assert example(counts(dog=0)) is None
    assert example([]) is None
