from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.core.names import folded, same, single_spaced


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Österreich", "ÖSTERREICH"),
        ("Österreich", unicodedata.normalize("NFD", "österreich")),
        ("Москва", "МОСКВА"),
        ("École", "école"),
        ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("İstanbul", "istanbul"),
        ("IŞIK", "ışık"),
        ("ISPARTA", "ısparta"),
        ("２０２３", "2023"),
        ("ＩＭＧ", "img"),
        ("ｶﾒﾗ", "カメラ"),
        ("ガ", unicodedata.normalize("NFD", "ガ")),
        ("한국", unicodedata.normalize("NFD", "한국")),
        ("ﬁsh", "FISH"),
        ("9.41\u202fAM", "9.41 am"),
        ("❤\ufe0f", "❤"),
        ("Việt Nam", unicodedata.normalize("NFD", "VIỆT NAM")),
        ("ᾳ", "\u1fbc"),
        ("Ǆ", "ǆ"),
    ],
)
def test_what_a_person_takes_for_the_same_name_is_the_same(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), [("Österreich", "Osterreich"), ("kaffe", "kaffé"), ("и", "й"), ("a", "а")])
def test_accents_and_other_letters_are_other_names(one: str, other: str) -> None:
    assert not same(one, other)


@given(st.text(max_size=8))
def test_folding_is_final_and_whatever_the_form(name: str) -> None:
    once = folded(name)
    assert folded(once) == once
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, name)) == once


def test_bytes_that_are_no_text_stay_what_they_are() -> None:
    assert folded("\udce9T\udcff") == "\udce9t\udcff"
    assert folded("\uef80A") == "\uef80a"


@pytest.mark.parametrize(
    "name", ["", "  ", "\u00ad", "\u200b\u200d", "\ufeff", "\ufe0f", "a\x00b", "a\nb\x1b[2J", "\u202eabc", "a" * 11]
)
def test_what_cannot_be_seen_or_spoils_what_stands_beside_it_is_no_name(name: str) -> None:
    assert single_spaced(name, 10) == ""


@pytest.mark.parametrize("name", ["Oma", "می\u200cخواهم", "👨\u200d👩\u200d👧", "❤\ufe0f", "虎", "क्\u200dष"])
def test_names_in_every_script_are_names(name: str) -> None:
    assert single_spaced(f" {name} ", 10) == name
