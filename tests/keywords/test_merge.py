from __future__ import annotations

import unicodedata
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tagger.keywords.merge import comparison_key, exact, merge, without
from tests.keywords.samples import KEYWORDS

FIELDS = st.lists(KEYWORDS, max_size=8)


def after(present: list[str], add: tuple[str, ...], remove: tuple[str, ...]) -> list[str]:
    gone = without(present, remove)
    return [word for position, word in enumerate(present) if position not in gone] + list(add)


@given(FIELDS, FIELDS, FIELDS)
def test_a_persons_keywords_are_never_removed(present: list[str], ours: list[str], wanted: list[str]) -> None:
    merged = merge(present, ours, wanted)
    mine = Counter({exact(word): 1 for word in ours})
    persons = Counter(exact(word) for word in present) - mine
    left = Counter(exact(word) for word in after(present, merged.add, merged.remove))
    assert persons <= left


@given(FIELDS, FIELDS, FIELDS)
def test_what_is_wanted_is_there_afterwards_unless_a_person_took_it_out(
    present: list[str], ours: list[str], wanted: list[str]
) -> None:
    merged = merge(present, ours, wanted)
    left = {comparison_key(word) for word in after(present, merged.add, merged.remove)}
    refused = {comparison_key(word) for word in merged.refused}
    assert {comparison_key(word) for word in wanted} - refused <= left
    assert not {comparison_key(word) for word in merged.add} & refused


@given(FIELDS, FIELDS, FIELDS)
def test_merging_again_changes_nothing(present: list[str], ours: list[str], wanted: list[str]) -> None:
    merged = merge(present, ours, wanted)
    left = after(present, merged.add, merged.remove)
    again = merge(left, merged.ours, wanted, merged.refused)
    assert not again
    assert sorted(again.ours) == sorted(merged.ours)


@given(FIELDS, FIELDS)
def test_adding_and_taking_back_is_the_identity(present: list[str], wanted: list[str]) -> None:
    merged = merge(present, (), wanted)
    there = after(present, merged.add, merged.remove)
    back = merge(there, merged.ours, ())
    assert after(there, back.add, back.remove) == present


def test_a_keyword_that_was_there_before_stays_the_persons() -> None:
    merged = merge(["Tiger"], (), ["tiger"])
    assert not merged
    assert merged.ours == ()
    assert not merge(["Tiger"], merged.ours, [])


def test_of_two_the_same_only_ours_is_removed() -> None:
    # `exiftool -Subject+=tiger` adds a second one to ours.
    merged = merge(["tiger", "tiger"], ["tiger"], [])
    assert after(["tiger", "tiger"], merged.add, merged.remove) == ["tiger"]


def test_a_keyword_of_ours_that_a_person_took_out_stays_out() -> None:
    merged = merge(["beach"], ["tiger"], ["tiger", "sand"])
    assert merged.add == ("sand",)
    assert merged.refused == ("tiger",)
    assert merge(["beach", "sand"], merged.ours, ["tiger", "sand"], merged.refused).add == ()


def test_unicode_forms_are_the_same_keyword() -> None:
    decomposed = unicodedata.normalize("NFD", "Café")
    assert not merge([decomposed], (), ["café"])
    # Another program may normalise ours; it is removed all the same.
    assert merge([decomposed], ["Café"], []).remove == ("Café",)
    assert without([decomposed], ["Café"]) == [0]
