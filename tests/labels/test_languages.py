"""Labels have names in languages: complete, unique, and found however they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.names import report
from tagger.core.languages import ENGLISH, LANGUAGES
from tagger.core.names import folded
from tagger.labels import taxonomy
from tagger.labels.languages import language, languages_of, split

OTHERS = [code for code in LANGUAGES if code != ENGLISH]


def named(code: str, word: str) -> set[str]:
    return {taxonomy.load().names[key] for key in language(code).find(word)}


@pytest.mark.parametrize("code", OTHERS)
def test_every_class_and_every_parent_that_is_shown_has_a_name_of_its_own(code: str) -> None:
    known, names = taxonomy.load(), language(code).names
    assert known.labels <= names.keys() <= known.names.keys()
    assert known.search_only <= names.keys()
    assert all(name == " ".join(name.split()) and name.isprintable() for name in names.values())
    alike: dict[str, list[str]] = {}
    for key, name in names.items():
        alike.setdefault(folded(name), []).append(key)
    assert {name: keys for name, keys in alike.items() if len(keys) > 1 or not name} == {}


@pytest.mark.parametrize("code", OTHERS)
def test_every_class_is_found_by_its_name_synonyms_and_plural(code: str) -> None:
    one = language(code)
    for key, name in one.names.items():
        for word in (name, name.upper(), *one.also.get(key, ()), one.plurals.get(key, name)):
            assert key in one.find(word), (key, word)


@pytest.mark.parametrize(
    ("code", "word", "label"),
    [
        ("de", "Tiger", "tiger"),
        ("de", "Schaeferhund", "German shepherd"),
        ("de", "deutscher schäferhund", "German shepherd"),
        ("de", "Deutscher-Schäferhund", "German shepherd"),
        ("de", "Maeuse", "computer mouse"),
        ("de", "BÄUME", "tree"),
        ("de", "STRASSE", "street"),
        ("de", "Straße", "street"),
        ("de", "Säugetiere", "mammal"),
        ("fr", "tigre", "tiger"),
        ("fr", "vehicule", "vehicle"),
        ("fr", "requins", "shark"),
        ("fr", "chevaux", "horse"),
        ("es", "perros", "dog"),
        ("es", "arbol", "tree"),
        ("it", "cani", "dog"),
        ("it", "tigri", "tiger"),
        ("pt", "cães", "dog"),
        ("pt", "caes", "dog"),
        ("nl", "katten", "cat"),
        ("pl", "żółw", "turtle"),
        ("pl", "zolw", "turtle"),
        ("sv", "hundar", "dog"),
        ("sv", "fåglar", "bird"),
        ("sv", "faglar", "bird"),
        ("ja", "トラ", "tiger"),
        ("ja", "とら", "tiger"),
        ("ja", "ﾄﾗ", "tiger"),
        ("ja", "虎", "tiger"),
        ("zh", "老虎", "tiger"),
        ("zh", "狗", "dog"),
    ],
)
def test_a_label_is_found_however_it_is_typed(code: str, word: str, label: str) -> None:
    assert label in named(code, word)


def test_a_word_with_several_senses_finds_all_of_them() -> None:
    assert {"bow tie", "fly"} <= named("de", "Fliege")
    assert set(languages_of("tigre")) >= {"fr", "es", "it", "pt"}
    assert languages_of("no such word at all") == {}


def test_words_without_spaces_between_them_are_taken_apart() -> None:
    japanese, chinese = language("ja"), language("zh")
    assert split("浜辺の犬", [japanese]) == ["浜辺", "犬"]
    assert split("狗和猫", [chinese]) == ["狗", "猫"]
    assert split("犬", [japanese]) == []
    assert split("犬xyz", [japanese]) == []
    assert split("beach dog", [japanese]) == []
    assert split("日本", [language(ENGLISH)]) == []


def test_what_the_owner_named_keeps_its_name() -> None:
    german = language("de")
    assert german.name_of("n02129604", "tiger") == "Tiger"
    assert german.name_of("n02129604", "my tiger") == "my tiger"
    assert german.name_of("own:ruby", "Ruby") == "Ruby"
    assert language(ENGLISH).name_of("n02129604", "tiger") == "tiger"


def test_other_words_for_a_label_than_those_of_the_wordnets_have_a_reason(shared: Path) -> None:
    lemmas = json.loads((shared / "datasets" / "omw_lemmas.json").read_text(encoding="utf-8"))
    for code in OTHERS:
        found = report.compare(code, lemmas[report.CODES[code]])
        assert found.unreviewed == found.stale == (), code
        assert found.known > 300, code
        assert found.agreed > 0.9 * found.known, code
