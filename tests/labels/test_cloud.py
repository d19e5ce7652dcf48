"""Wide words leave the cloud where narrower ones say as much."""

from __future__ import annotations

from tagger.labels import taxonomy
from tagger.labels.cloud import worth_listing
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
