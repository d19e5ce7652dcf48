"""What a sentence says, as far as the towers know its words; and how likely a photo shows it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import sigmoid
from tagger.core.names import folded
from tagger.core.sentences import Sentence
from tagger.labels.languages import Language, split
from tagger.labels.taxonomy import Taxonomy, normal
from tagger.search.function_words import IGNORED, ignored
from tagger.search.spelling import nearest
from tagger.search.towers import FEW, PAIRS, QUERY, SIGNS, Towers

_NUMBERS = dict(
    zip("1 2 3 4 5 6 7 8 9 10".split(), "one two three four five six seven eight nine ten".split(), strict=True)
)
# European ones only: without its marks a Japanese syllable is another.
_ACCENTS = re.compile("[\u0300-\u036f]")
_PARTS = re.compile(r"[^\W_]+")
# The describers wrote American English.
_AMERICAN = (("our", "or"), ("tre", "ter"), ("grey", "gray"), ("aero", "air"), ("ise", "ize"), ("tyre", "tire"))
# A sentence has so many words at most, and a name of several words so many. So many are looked up for their spelling;
# a text with more wrong ones is in another language.
_MOST_WORDS, _LONGEST_NAME, _MOST_CORRECTED = 1000, 4, 10


@dataclass(frozen=True, slots=True)
class UnderstoodWord:
    """A word as typed. `means`: the word or label that it was taken for; empty where it is not known.

    `how`: empty where it is known as it is, else `inflection`, `spelling`, `synonym`, `wider`, `label`, `ignored`, or
    `unknown`. `share`: its weight in the sentence, 0 to 1.
    """

    word: str
    means: str
    how: str = ""
    share: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the towers know it, as itself or as what it was taken for."""
        return bool(self.means) and self.how not in ("ignored", "label")


@dataclass(frozen=True)
class Understood:
    """A sentence. `vector`: float32 (width,) of length one, None where no word is known; `length`: what it was before.

    `places`: of its known words in the towers. `labels`: keys of the words that only labels say. `line`: what was
    understood, empty where it is all as typed.
    """

    text: str
    vector: NDArray[np.float32] | None
    length: float
    words: tuple[UnderstoodWord, ...]
    places: tuple[int, ...]
    labels: tuple[str, ...]
    line: str


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without accents; what stands behind an apostrophe is a word of its own."""
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", folded(text)))
    return _PARTS.findall(unicodedata.normalize("NFC", plain))[:_MOST_WORDS]


def understand(
    towers: Towers,
    taxonomy: Taxonomy,
    text: str,
    own_labels: Iterable[tuple[str, str]] = (),
    language: Language | None = None,
) -> Understood:
    """What a sentence says. `own_labels`: name and key of labels that are not of the taxonomy, such as taught ones.

    `language`: in which words may be, beside English.
    """
    own = {" ".join(words_of(name)): key for name, key in own_labels}
    typed = [part for word in words_of(text) for part in (split(word, [language] if language else []) or [word])]
    reader = _Reader(towers, taxonomy, own, language)
    found: list[UnderstoodWord] = []
    labels: dict[str, None] = {}
    at = 0
    while at < len(typed):
        name, key, count = reader.label(typed, at)
        english = taxonomy.names.get(key, name)
        if key and english in towers.places and name not in own:
            found.append(UnderstoodWord(name, english, "synonym"))
        elif key:
            found.append(UnderstoodWord(name, english, "label"))
            labels[key] = None
        else:
            word = reader.word(typed[at])
            found.append(word)
            if word.how == "label":
                labels[reader.meant(word)] = None
        at += count
    places = [towers.places[word.means] for word in found if word.is_known]
    vector, length, shares = _vector(towers, places)
    words = _with_shares(found, shares)
    return Understood(text, vector, length, words, tuple(places), tuple(labels), _line(words))


class _Reader:
    """Takes the words of one sentence for what they are."""

    def __init__(self, towers: Towers, taxonomy: Taxonomy, own: Mapping[str, str], language: Language | None) -> None:
        self._towers = towers
        self._taxonomy = taxonomy
        self._own = own
        self._language = language if language is not None and language.names else None
        self._ignored = IGNORED if language is None else IGNORED | ignored(language.code)
        self._read: dict[str, UnderstoodWord] = {}
        self._meant: dict[str, str] = {}
        self._corrected = 0

    def label(self, typed: list[str], at: int) -> tuple[str, str, int]:
        """The longest name of a label that begins here and that the towers do not know: text, key, number of words."""
        for count in range(min(_LONGEST_NAME, len(typed) - at), 0, -1):
            words = typed[at : at + count]
            name = " ".join(words)
            if name in self._own:
                return name, self._own[name], count
            if name in self._towers.phrases or all(word in self._ignored for word in words):
                continue
            key = self._by_language(name)
            # "Mountain bike" people say; a "hot dog" is no dog.
            if not key and not (count == 1 and self._is_known(name)):
                key = self._taxonomy.label_named(name) or self._by_synonym(name)
            if key:
                return name, key, count
        return "", "", 1

    def _is_known(self, word: str) -> bool:
        """Whether the towers know a word, or one that means the same."""
        known = _NUMBERS.get(word, word) in self._towers.places
        return known or self._towers.taken_for.get(word, ("", ""))[1] == "synonym"

    def _by_synonym(self, name: str) -> str:
        """The one label that has a synonym of that name."""
        if normal(name) not in self._taxonomy.words:
            return ""
        return self._only(self._taxonomy.find(name))

    def _by_language(self, name: str) -> str:
        """The label that has that name in the other language; of several the one whose English name is said most."""
        keys = frozenset() if self._language is None else self._language.find(name)
        places = {key: self._towers.places.get(self._taxonomy.names.get(key, ""), -1) for key in keys}
        known = sorted((-int(self._towers.said[place]), key) for key, place in places.items() if place >= 0)
        return known[0][1] if known else self._only(keys)

    def _only(self, keys: frozenset[str]) -> str:
        """The label that stands above all others of some keys; empty if there is none."""
        # What a word means is a label with everything below it.
        tops = [key for key in keys if not self._taxonomy.ancestors(key) & keys]
        return tops[0] if len(tops) == 1 and tops[0] in self._taxonomy.labels else ""

    def word(self, word: str) -> UnderstoodWord:
        """What a word is taken for."""
        if word not in self._read:
            self._read[word] = self._taken(word)
        return self._read[word]

    def _taken(self, word: str) -> UnderstoodWord:
        number = _NUMBERS.get(word, word)
        if number in self._ignored or (len(number) == 1 and number.isascii()):
            return UnderstoodWord(word, "", "ignored")
        if number in self._towers.places:
            return UnderstoodWord(word, number)
        for british, american in _AMERICAN:
            if word.replace(british, american) in self._towers.places:
                return UnderstoodWord(word, word.replace(british, american), "spelling")
        forms = inflections(word)
        for form in forms:
            if form in self._towers.places:
                return UnderstoodWord(word, form, "inflection")
        for form in (word, *forms):
            if form in self._towers.taken_for:
                meant, how = self._towers.taken_for[form]
                return UnderstoodWord(word, meant, how or "unknown")
        self._corrected += 1
        spelt = self._spelt(word) if self._corrected <= _MOST_CORRECTED else ""
        if not spelt:
            return UnderstoodWord(word, "", "unknown")
        if spelt in self._towers.places:
            return UnderstoodWord(word, spelt, "spelling")
        # One letter from a label: from a place such as Hamburg, rarer words are as near.
        name, key, _ = self.label([spelt], 0)
        if not key:
            return UnderstoodWord(word, "", "unknown")
        self._meant[word] = key
        return UnderstoodWord(word, self._taxonomy.names.get(key, name), "label")

    def meant(self, word: UnderstoodWord) -> str:
        """The key of the label that a misspelt word means."""
        return self._meant[word.word]

    def _spelt(self, word: str) -> str:
        """The word that is meant by a misspelt one; empty for none."""
        names = (name for name in self._taxonomy.words if " " not in name)
        return nearest(word, self._said, [*self._own, *names])

    @cached_property
    def _said(self) -> dict[str, int]:
        return dict(zip(self._towers.words, self._towers.said.tolist(), strict=True))


_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "ly", "d")
_SWAPPED = (("ies", "y"), ("ied", "y"), ("ves", "f"), ("ves", "fe"), ("men", "man"), ("man", "men"), ("mice", "mouse"))


def inflections(word: str) -> list[str]:
    """Other forms of an English word that it may be known by, the likeliest first; most of them are no words."""
    stems = [word[: -len(ending)] for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) > 2]
    stems += [word[: -len(old)] + new for old, new in _SWAPPED if word.endswith(old)]
    # "swimming" is of "swim", "riding" of "ride".
    short = [stem[:-1] for stem in stems if len(stem) > 3 and stem[-1] == stem[-2]]
    bases = [word, *stems, *short, *(f"{stem}e" for stem in stems)]
    forms = [*bases[1:], *(f"{base}{ending}" for base in bases for ending in ("s", "es", "ing", "ed"))]
    forms += [f"{base[:-1]}{ending}" for base in bases if base.endswith("e") for ending in ("ing", "ed")]
    forms += [f"{base[:-1]}ies" for base in bases if base.endswith("y")]
    forms += [f"{base}{base[-1]}{ending}" for base in bases if len(base) > 2 for ending in ("ing", "ed")]
    return list(dict.fromkeys(form for form in forms if form != word))


def _vector(towers: Towers, places: list[int]) -> tuple[NDArray[np.float32] | None, float, NDArray[np.float32]]:
    """A sentence's vector of length one, its length before, and how much each of its words weighs in it."""
    if not places:
        return None, 0.0, np.zeros(0, np.float32)
    each = towers.word_vectors(places)
    whole = each.mean(axis=0) + towers.word_bias
    sizes = np.linalg.norm(each, axis=1)
    length = float(np.linalg.norm(whole))
    if not length:
        return None, 0.0, np.zeros(0, np.float32)
    return (whole / length).astype(np.float32), length, sizes / max(float(sizes.sum()), 1e-12)


def _with_shares(found: list[UnderstoodWord], shares: NDArray[np.float32]) -> tuple[UnderstoodWord, ...]:
    rest = iter(shares.tolist())
    return tuple(
        UnderstoodWord(word.word, word.means, word.how, next(rest, 0.0)) if word.is_known else word for word in found
    )


def _line(words: tuple[UnderstoodWord, ...]) -> str:
    """What was understood otherwise than typed, in one line."""
    taken = dict.fromkeys(
        Sentence("{word} as {meaning}", word=word.word, meaning=word.means)
        for word in words
        if word.is_known and word.how
    )
    labels = dict.fromkeys(
        Sentence("{word} by the label {label}", word=word.word, label=word.means)
        for word in words
        if word.how == "label" and word.word != word.means
    )
    unknown = dict.fromkeys(word.word for word in words if word.how == "unknown")
    parts = [*taken, *labels]
    lines = [Sentence("Understood: {words}.", words=_listed(parts))] if parts else []
    if unknown:
        lines.append(Sentence("Not known: {words}.", words=_listed(unknown)))
    if not any(word.how != "ignored" for word in words):
        lines.append(Sentence("No word of it says what is in a photo."))
    line: str = "" if not lines else lines[0]
    for after in lines[1:]:
        line = Sentence("{first} {then}", first=line, then=after)
    return line


_LISTED, _SHOWN = 8, 60


def _listed(parts: Iterable[str]) -> str:
    every = [part if len(part) <= _SHOWN else f"{part[: _SHOWN - 3]}..." for part in parts]
    more = len(every) - _LISTED
    listed = every[0]
    for part in every[1:_LISTED]:
        listed = Sentence("{first}, {then}", first=listed, then=part)
    return Sentence("{names} and {more} more", names=listed, more=more) if more > 0 else listed


_MISSING = {"unknown": 1.0, "wider": 0.5}
# Beyond so many words, this logarithm, and this length, a sentence is no rarer for what is shown.
_MOST_SIGNIFICANT, _RAREST, _LONGEST_VECTOR = 8, -15.0, 8.0
# The least that similarity adds to the logit: of two photos the one that is more alike is never less likely.
_LEAST_SLOPE = 0.1


def kind_of(understood: Understood) -> int:
    """Which weights a query has, by the number of its words."""
    # What only labels say, their confidence tells.
    asked = len(_asked(understood))
    return 0 if asked <= 1 else 1 if asked <= FEW else 2


def _asked(understood: Understood) -> list[UnderstoodWord]:
    return [word for word in understood.words if word.how not in ("ignored", "label")]


def signs(towers: Towers, understood: Understood, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the probability goes by, float32 (photos, len(SIGNS)). Zeros for a query without a known word."""
    found = np.zeros((len(similarity), len(SIGNS)), np.float32)
    if understood.vector is None:
        return found
    query, beyond = _query_signs(towers, understood), _beyond(towers, understood, similarity)
    first, then = len(query), len(QUERY)
    found[:, :first] = query
    found[:, first] = beyond
    found[:, first + 1 : -1] = beyond[:, np.newaxis] * query[:then]
    found[:, -1] = np.square(np.maximum(beyond, 0))
    return found


def _query_signs(towers: Towers, understood: Understood) -> NDArray[np.float32]:
    """Those of `SIGNS` that are the same for all photos, float32."""
    share = np.log((towers.said[list(understood.places)] + 1) / (towers.photos + 1))
    asked = _asked(understood)
    # A violinist is a musician, but not every musician is a violinist.
    missing = sum(_MISSING.get(word.how, 0.0) for word in asked)
    first = {
        "missing": missing / len(asked),
        "words": min(len(understood.places), _MOST_SIGNIFICANT) / FEW,
        "rarest": float(share.min()) / 5,
        "share": max(float(share.sum()), _RAREST) / 10,
        "spread": 8 * _spread(towers, understood),
        "length": min(understood.length, _LONGEST_VECTOR) / 4,
    }
    return np.array([*first.values(), *(first[one] * first[other] for one, other in PAIRS)], np.float32)


def _spread(towers: Towers, understood: Understood) -> float:
    """The standard deviation of a sentence's similarities with ordinary photos."""
    assert understood.vector is not None
    return float(np.sqrt(max(float(understood.vector @ towers.calibration.spread @ understood.vector), 1e-9)))


def _beyond(towers: Towers, understood: Understood, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    assert understood.vector is not None
    usual = np.float32(towers.calibration.mean @ understood.vector)
    return (similarity - usual) / np.float32(_spread(towers, understood))


def probability(towers: Towers, understood: Understood, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each photo shows what a sentence says, float32 (photos,), by its similarity with the sentence.

    The regression on `signs`, but never less for a photo that is more alike.
    """
    if understood.vector is None:
        return np.zeros(len(similarity), np.float32)
    kind = kind_of(understood)
    weights, bias = towers.calibration.weights[kind], towers.calibration.bias[kind]
    query, beyond = _query_signs(towers, understood), _beyond(towers, understood, similarity)
    first, then = len(query), len(QUERY)
    level = weights[:first] @ query + bias
    slope = max(float(weights[first] + weights[first + 1 : -1] @ query[:then]), _LEAST_SLOPE)
    bend = float(weights[-1])
    if bend < 0:
        beyond = np.minimum(beyond, np.float32(-slope / (2 * bend)))
    return sigmoid(level + np.float32(slope) * beyond + np.float32(bend) * np.square(np.maximum(beyond, 0)))


def why(towers: Towers, understood: Understood, photo: NDArray[np.float32]) -> list[tuple[UnderstoodWord, float]]:
    """How much each known word adds to a photo's similarity. `photo`: float32 (width,), its vector.

    What is left of the similarity is said by no word.
    """
    if understood.vector is None:
        return []
    each = towers.word_vectors(list(understood.places))
    whole = each.mean(axis=0) + towers.word_bias
    parts = (each @ photo) / (len(each) * float(np.linalg.norm(whole)))
    known = [word for word in understood.words if word.is_known]
    return [(word, float(part)) for word, part in zip(known, parts, strict=True)]
