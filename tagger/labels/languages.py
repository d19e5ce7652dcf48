"""The names of labels in languages: one file a language in `names/`, by the labels' keys.

Labels are stored under their English names; a name in another language is looked up when something is shown, searched
or written. Imported by `tagger search`: standard library only, and nothing is read for English.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

from tagger.core.languages import ENGLISH, LANGUAGES, LanguageCode
from tagger.core.names import ACCENTS, LETTERS, folded
from tagger.labels import taxonomy

_FOLDER = Path(__file__).parent / "names"
# Hiragana (from U+3041) and katakana stand 0x60 apart, in the same order.
_LETTERS = str.maketrans(LETTERS | {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)})
_NO_LETTERS = re.compile(r"[^\w\n]|_")
# How umlauts are spelt where a keyboard lacks them: without their dots they are one letter, so the second goes.
_SPELT_OUT: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {"de": (("ae", "a"), ("oe", "o"), ("ue", "u")), "sv": (("ae", "a"), ("oe", "o"), ("aa", "a"))}
)
_CJK = re.compile(r"[\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
# Between two words of one query: no words to search for.
_PARTICLES = frozenset("のとやをがはにで的和与跟")
# What a plural may end with, and what the singular has in its place; tried where neither name nor plural is known.
_PLURALS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "de": (("en", ""), ("n", ""), ("er", ""), ("e", ""), ("s", "")),
        "fr": (("aux", "al"), ("s", ""), ("x", "")),
        "es": (("ces", "z"), ("es", ""), ("s", "")),
        "it": (("chi", "co"), ("ghi", "go"), ("che", "ca"), ("ghe", "ga"), ("i", "o"), ("i", "e"), ("e", "a")),
        "pt": (("oes", "ao"), ("aes", "ao"), ("ais", "al"), ("eis", "el"), ("ns", "m"), ("es", ""), ("s", "")),
        "nl": (("en", ""), ("n", ""), ("s", "")),
        "pl": (("y", ""), ("i", ""), ("y", "a"), ("i", "a"), ("e", "a"), ("a", "o")),
        "sv": (("ar", ""), ("ar", "e"), ("er", ""), ("or", "a"), ("n", ""), ("r", "")),
    }
)


class _HasName(Protocol):
    """A frozen dataclass with the key and the name of a label."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...


_Named = TypeVar("_Named", bound=_HasName)


@dataclass(frozen=True)
class Language:
    """Names in one language, by label key. `also`: what else people type; `plurals`: where a rule would not find it."""

    code: LanguageCode
    names: Mapping[str, str]
    also: Mapping[str, tuple[str, ...]]
    plurals: Mapping[str, str]

    def name_of(self, key: str, name: str) -> str:
        """The name of a label that is stored as `name`: that itself where the owner or a rule gave it."""
        return self.names[key] if key in self.names and taxonomy.load().names.get(key) == name else name

    def of(self, labels: Iterable[_Named]) -> list[_Named]:
        """Labels, or what else has the key and name of one, with their names in this language."""
        return [replace(label, name=self.name_of(label.key, label.name)) for label in labels]

    def lookup(self, text: str) -> tuple[str, ...]:
        """The key whose name is this text, as names are compared; none for other words."""
        wanted = folded(text)
        return tuple(key for key, name in self.names.items() if folded(name) == wanted)

    def find(self, text: str) -> frozenset[str]:
        """The keys with this name, synonym or plural, without what lies below them; none for no such word."""
        for form in _asked(text, self.code):
            if found := self._keys.get(form):
                return found
        return frozenset()

    def compared(self, words: Sequence[str]) -> list[str]:
        """Words in the form in which this language's are compared; none in English, whose names are elsewhere."""
        return [] if self.code == ENGLISH else _bare(words, self.code)

    def begin(self, text: str) -> tuple[str, str] | None:
        """The longest known word that a text without spaces begins with, and the rest of the text; None for none."""
        for end in range(len(text), 0, -1):
            if self.find(text[:end]):
                return text[:end], text[end:]
        return None

    @cached_property
    def _keys(self) -> dict[str, frozenset[str]]:
        pairs = list(self._words())
        found: dict[str, set[str]] = {}
        for form, (key, _) in zip(_bare([word for _, word in pairs], self.code), pairs, strict=True):
            found.setdefault(form, set()).add(key)
        return {form: frozenset(keys) for form, keys in found.items()}

    @property
    def all_names(self) -> tuple[tuple[str, str], ...]:
        """(key, name) of all names, synonyms and plurals."""
        return tuple(self._words())

    def _words(self) -> Iterator[tuple[str, str]]:
        """Every word that finds a label, with the label's key."""
        for key, name in self.names.items():
            yield key, name
            # "Maus (Computer)" is also found by "Maus".
            if " (" in name:
                yield key, name.partition(" (")[0]
            if key in self.plurals:
                yield key, self.plurals[key]
            for word in self.also.get(key, ()):
                yield key, word

    @cached_property
    def most_words(self) -> int:
        """The most words that one name has."""
        return max((len(re.split(r"[\s-]+", word)) for _, word in self._words()), default=1)


@cache
def language(code: LanguageCode) -> Language:
    """The names of a language of `LANGUAGES`. English is without any: its names are those that are stored."""
    if code == ENGLISH:
        return Language(code, {}, {}, {})
    data: dict[str, dict[str, object]] = json.loads((_FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    return Language(
        code,
        {key: str(entry["name"]) for key, entry in data.items()},
        {key: tuple(map(str, also)) for key, entry in data.items() if isinstance(also := entry.get("also"), list)},
        {key: str(entry["plural"]) for key, entry in data.items() if "plural" in entry},
    )


def languages_of(text: str) -> dict[LanguageCode, frozenset[str]]:
    """In which languages but English a word is a label's name, and which labels; reads all of them."""
    found = {code: language(code).find(text) for code in LANGUAGES if code != ENGLISH}
    return {code: keys for code, keys in found.items() if keys}


def split(text: str, known: Iterable[Language]) -> list[str]:
    """The words of a text without spaces between them, as Japanese and Chinese are written; [] if it has others."""
    if not _CJK.fullmatch(text):
        return []
    for one in known:
        words, rest = [], text
        while rest:
            if begun := one.begin(rest):
                words.append(begun[0])
                rest = begun[1]
            elif words and rest[0] in _PARTICLES:
                rest = rest[1:]
            else:
                break
        if not rest and len(words) > 1:
            return words
    return []


def _asked(text: str, code: str) -> Iterator[str]:
    """What a typed word may be stored as: itself, then the singulars of which it may be the plural."""
    [word] = _bare([text], code)
    yield word
    for ending, singular in _PLURALS.get(code, ()):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            yield stem + singular
            # katten: kat
            if code == "nl" and ending == "en" and stem[-1] == stem[-2]:
                yield stem[:-1]


def _bare(words: Sequence[str], code: str) -> list[str]:
    """Words as they are compared: letters and digits only, without case, accents, and what else does not matter.

    That is the difference between the two Japanese syllabaries, and between umlauts and how they are spelt out. All in
    one text, because there are thousands of words and Python is slow at short ones.
    """
    if not words:  # English, whose names are elsewhere
        return []
    text = unicodedata.normalize("NFKC", "\n".join(word.replace("\n", " ") for word in words)).casefold()
    if text.isascii():
        letters = text
    else:
        # Only European accents: without their marks, Japanese syllables are others.
        parts = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        letters = unicodedata.normalize("NFC", ACCENTS.sub("", parts))
    letters = _NO_LETTERS.sub("", letters)
    for spelt, letter in _SPELT_OUT.get(code, ()):
        letters = letters.replace(spelt, letter)
    return letters.split("\n")
