"""What a sentence is understood as, and how likely a photo shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tagger.core.languages import LANGUAGES
from tagger.labels import taxonomy
from tagger.labels.languages import language
from tagger.search.function_words import ignored
from tagger.search.towers import Towers
from tagger.search.understand import Understood, kind_of, probability, signs, understand, why, words_of


def understood(text: str, **own: str) -> Understood:
    return understand(Towers.load(), taxonomy.load(), text, [*own.items()])


def means(text: str) -> list[tuple[str, str]]:
    return [(word.means, word.how) for word in understood(text).words if word.how != "ignored"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a child on a swing", [("child", ""), ("swing", "")]),
        ("A CHILD on a SWING!", [("child", ""), ("swing", "")]),
        ("2 dogs", [("two", ""), ("dogs", "")]),
        ("the man's hat", [("man", ""), ("hat", "")]),
        ("the man\N{RIGHT SINGLE QUOTATION MARK}s hat", [("man", ""), ("hat", "")]),
        ("s\N{LATIN SMALL LETTER O WITH ACUTE}ccer", [("soccer", "")]),
        ("montain", [("mountain", "spelling")]),
        ("bycicle", [("bicycle", "spelling")]),
        ("a monky in a treee", [("monkey", "spelling"), ("tree", "spelling")]),
        ("the colour red", [("color", "spelling"), ("red", "")]),
        ("a crimson automobile", [("red", "synonym"), ("car", "synonym")]),
        ("a violinist", [("musician", "wider")]),
        ("violinists", [("musician", "wider")]),
        ("a microscope", [("", "unknown")]),
        ("taxes", [("", "unknown")]),
        ("tax form", [("", "unknown"), ("form", "")]),
        ("an oscilloscope", [("oscilloscope", "label")]),
        ("OSCILLOSCOPES", [("oscilloscope", "label")]),
        ("a hot dog", [("hot dog", "label")]),
        ("polar bear on ice", [("ice bear", "label"), ("ice", "")]),
        ("a mountain bike", [("mountain", ""), ("bike", "")]),
        ("hiked", [("hike", "inflection")]),
        ("x y z", []),
        ("snowboardign", [("snowboarding", "spelling")]),
        ("qwxyz", [("", "unknown")]),
        # Two letters from "union" and "unison", and nobody knows what is one letter away.
        ("unicron", [("", "unknown")]),
        ("moutian", [("mountain", "spelling")]),
        ("motrcyle", [("motorcycle", "spelling")]),
        # One letter from what no sentence says, but a label.
        ("pengiun", [("penguin", "label")]),
        ("oscilloscpe", [("oscilloscope", "label")]),
        ("berlin munich hamburg vienna", [("", "unknown")] * 4),
        # What sounds alike is meant, and then what has the same letters.
        ("elefant", [("elephant", "spelling")]),
        ("zeebra", [("zebra", "label")]),
        ("podle", [("poodle", "spelling")]),
        ("palnts", [("plants", "spelling")]),
        ("statring", [("starting", "spelling")]),
        # Names of something else are no misspelt words: of places, of persons, and in other languages.
        ("paris", [("", "unknown")]),
        ("walter", [("", "unknown")]),
        ("diego", [("", "unknown")]),
        ("cairns", [("", "unknown")]),
        ("barella", [("", "unknown")]),
        ("banaan", [("banana", "label")]),
    ],
)
def test_words(text: str, expected: list[tuple[str, str]]) -> None:
    assert means(text) == expected


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "ein Hund am Strand", ["dog", "beach"]),
        ("de", "KIND auf der Schaukel", ["child", "swing"]),
        ("fr", "un chien sur la plage", ["dog", "beach"]),
        ("nl", "honden in de sneeuw", ["dog", "snow"]),
        ("sv", "katt p\N{LATIN SMALL LETTER A WITH RING ABOVE} soffan", ["cat", "sofa"]),
        ("ja", "\N{CJK UNIFIED IDEOGRAPH-72AC}\N{HIRAGANA LETTER TO}\N{CJK UNIFIED IDEOGRAPH-6D77}", ["dog", "sea"]),
        ("zh", "\N{CJK UNIFIED IDEOGRAPH-72D7} \N{CJK UNIFIED IDEOGRAPH-96EA}", ["dog", "snow"]),
        ("de", "a dog on a beach", ["dog", "beach"]),
        ("en", "Schaukel", []),
    ],
)
def test_words_of_another_language(code: str, text: str, expected: list[str]) -> None:
    found = understand(Towers.load(), taxonomy.load(), text, (), language(code))
    assert [word.means for word in found.words if word.is_known] == expected


def test_function_words_are_written_as_they_are_compared() -> None:
    for code in LANGUAGES:
        for word in ignored(code):
            assert words_of(word) == [word], (code, word)


@pytest.mark.parametrize("text", ["", "   ", "!?", "the of and", "a photo of nothing", "qwxyz", "qwxyz zzzq"])
def test_a_sentence_that_says_nothing_shows_nothing(text: str) -> None:
    found = understood(text)
    assert found.vector is None
    assert found.line
    assert not probability(Towers.load(), found, np.ones(3, np.float32)).any()
    assert why(Towers.load(), found, np.ones(256, np.float32)) == []


def test_what_is_known_as_typed_needs_no_line() -> None:
    assert understood("a child on a swing").line == ""
    assert understood("A dog, in the snow").line == ""


def test_the_line_says_what_was_taken_for_what() -> None:
    assert understood("a montain and a qwxyz").line == "Understood: montain as mountain. Not known: qwxyz."


def test_a_label_of_ones_own_counts_as_that_label() -> None:
    found = understood("Grandma on the beach", grandma="own:grandma")
    assert found.labels == ("own:grandma",)
    assert [word.how for word in found.words if word.word == "grandma"] == ["label"]
    assert found.vector is not None


def test_five_thousand_letters_are_understood() -> None:
    found = understood("a dog on a beach " * 300)
    assert found.vector is not None
    assert len(found.line) < 500
    unknown = understood(" ".join(f"qwx{chr(97 + number % 26)}{chr(97 + number // 26)}zv" for number in range(500)))
    assert unknown.vector is None
    assert len(unknown.line) < 600


def test_shares_are_of_the_whole_and_why_adds_up() -> None:
    towers = Towers.load()
    found = understood("a brown dog in the snow")
    assert sum(word.share for word in found.words) == pytest.approx(1, abs=1e-5)
    assert found.vector is not None
    assert float(np.linalg.norm(found.vector)) == pytest.approx(1, abs=1e-5)
    parts = why(towers, found, found.vector)
    assert [word.word for word, _ in parts] == ["brown", "dog", "snow"]
    assert 0 < sum(part for _, part in parts) < 1.2


@pytest.mark.parametrize("text", ["dog", "a dog on a beach", "two brown dogs run with a red ball", "a violinist"])
def test_probability_never_falls_with_similarity_whatever_was_learned(text: str) -> None:
    towers, chance = Towers.load(), np.random.default_rng(0)
    found = understood(text)
    alike = np.linspace(-1, 1, 200, dtype=np.float32)
    for _ in range(20):
        weights = chance.normal(0, 1, towers.calibration.weights.shape).astype(np.float32)
        learned = replace(towers, calibration=replace(towers.calibration, weights=weights))
        assert (np.diff(probability(learned, found, alike)) >= 0).all()


def test_probability_is_the_regression_that_was_learned() -> None:
    towers, found = Towers.load(), understood("a dog on a beach")
    calibration, kind = towers.calibration, kind_of(found)
    # Between as alike as any photo, and as alike as few are.
    alike = np.linspace(0, 0.5, 50, dtype=np.float32)
    logits = signs(towers, found, alike) @ calibration.weights[kind] + calibration.bias[kind]
    np.testing.assert_allclose(probability(towers, found, alike), 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_probability_rises_with_similarity() -> None:
    found = understood("a dog on a beach")
    likely = probability(Towers.load(), found, np.linspace(-1, 1, 50, dtype=np.float32))
    assert likely.shape == (50,)
    assert likely.dtype == np.float32
    assert (np.diff(likely) >= 0).all()
    assert 0 <= likely[0] < likely[-1] <= 1
