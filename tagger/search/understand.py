"""What a sentence says, as far as the towers know its words; and how likely a photo shows it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import sigmoid
from tagger.core.names import folded
from tagger.labels.taxonomy import Taxonomy, normal
from tagger.search.spelling import nearest
from tagger.search.towers import SIGNS, Towers

# Words that say nothing of what is in a photo.
IGNORED = frozenset(
    """
    a about also am an and another any are as at be been being both but by can could did do does doing each for from
    had has have having he her here hers herself him himself his how i if image in into is it its itself just like me
    my near nothing of on onto or our ours out over photo photograph photos pic pics picture pictures s shot show
    showing shows so some something t than that the their theirs them themselves then there these they this those
    through to too under up upon us very was we were what when where which while who whose will with would you your
    yours
    """.split()
)
_NUMBERS = dict(
    zip("1 2 3 4 5 6 7 8 9 10".split(), "one two three four five six seven eight nine ten".split(), strict=True)
)
_PARTS = re.compile(r"[^\W_]+")
# A sentence has so many words at most, and a name of several words so many.
_MOST_WORDS, _LONGEST_NAME = 1000, 4


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


@dataclass(frozen=True)
class Understood:
    """A sentence. `vector`: float32 (width,) of length one; None where no word is known.

    `places`: of its known words in the towers. `labels`: keys of the words that only labels say. `line`: what was
    understood, empty where it is all as typed.
    """

    text: str
    vector: NDArray[np.float32] | None
    words: tuple[UnderstoodWord, ...]
    places: tuple[int, ...]
    labels: tuple[str, ...]
    line: str


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without accents; what stands behind an apostrophe is a word of its own."""
    plain = unicodedata.normalize("NFKD", folded(text))
    return _PARTS.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))[:_MOST_WORDS]


def understand(towers: Towers, taxonomy: Taxonomy, text: str, own_labels: Iterable[tuple[str, str]] = ()) -> Understood:
    """What a sentence says. `own_labels`: name and key of labels that are not of the taxonomy, such as taught ones."""
    own = {" ".join(words_of(name)): key for name, key in own_labels}
    typed = words_of(text)
    found: list[UnderstoodWord] = []
    places: list[int] = []
    labels: dict[str, None] = {}
    at = 0
    while at < len(typed):
        name, key, count = _label(towers, taxonomy, own, typed, at)
        if key:
            found.append(UnderstoodWord(name, taxonomy.names.get(key, name), "label"))
            labels[key] = None
            at += count
            continue
        word = _one(towers, typed[at])
        found.append(word)
        if word.means and word.how != "ignored":
            places.append(towers.places[word.means])
        at += 1
    vector, shares = _vector(towers, places)
    words = _with_shares(found, shares)
    return Understood(text, vector, words, tuple(places), tuple(labels), _line(words))


def _label(
    towers: Towers, taxonomy: Taxonomy, own: Mapping[str, str], typed: list[str], at: int
) -> tuple[str, str, int]:
    """The longest name of a label that begins here and that the towers do not know: text, key, number of words."""
    for count in range(min(_LONGEST_NAME, len(typed) - at), 0, -1):
        words = typed[at : at + count]
        name = " ".join(words)
        if name in own:
            return name, own[name], count
        if count == 1 and (name in towers.places or name in IGNORED):
            continue
        key = taxonomy.label_named(name) or _by_synonym(taxonomy, name)
        if key and not all(word in towers.places or word in IGNORED for word in words):
            return name, key, count
    return "", "", 0


def _by_synonym(taxonomy: Taxonomy, name: str) -> str:
    """The one label that has a synonym of that name."""
    found = taxonomy.find(name)
    if not found or normal(name) not in taxonomy.words:
        return ""
    # What a word means is a label with everything below it.
    tops = [key for key in found if not taxonomy.ancestors(key) & found]
    return tops[0] if len(tops) == 1 and tops[0] in taxonomy.labels else ""


def _one(towers: Towers, word: str) -> UnderstoodWord:
    """What a word is taken for."""
    word = _NUMBERS.get(word, word)
    if word in towers.places:
        return UnderstoodWord(word, word)
    if word in IGNORED:
        return UnderstoodWord(word, "", "ignored")
    for form in inflections(word):
        if form in towers.places:
            return UnderstoodWord(word, form, "inflection")
    spelt = nearest(word, towers.places, towers.said.tolist())
    return UnderstoodWord(word, spelt, "spelling") if spelt else UnderstoodWord(word, "", "unknown")


_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "ly", "y", "d")
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


def _vector(towers: Towers, places: list[int]) -> tuple[NDArray[np.float32] | None, NDArray[np.float32]]:
    """A sentence's vector of length one, and how much each of its words weighs in it."""
    if not places:
        return None, np.zeros(0, np.float32)
    each = towers.word_vectors(places)
    whole = each.mean(axis=0) + towers.word_bias
    sizes = np.linalg.norm(each, axis=1)
    length = float(np.linalg.norm(whole))
    if not length:
        return None, np.zeros(0, np.float32)
    return (whole / length).astype(np.float32), sizes / max(float(sizes.sum()), 1e-12)


def _with_shares(found: list[UnderstoodWord], shares: NDArray[np.float32]) -> tuple[UnderstoodWord, ...]:
    rest = iter(shares.tolist())
    return tuple(
        UnderstoodWord(word.word, word.means, word.how, next(rest, 0.0))
        if word.means and word.how not in ("ignored", "label")
        else word
        for word in found
    )


def _line(words: tuple[UnderstoodWord, ...]) -> str:
    """What was understood otherwise than typed, in one line."""
    said = dict.fromkeys(
        f"{word.word} as {word.means}" for word in words if word.how in ("inflection", "spelling", "synonym", "wider")
    )
    labels = dict.fromkeys(
        f"{word.word} by the label {word.means}" for word in words if word.how == "label" and word.word != word.means
    )
    unknown = dict.fromkeys(word.word for word in words if word.how == "unknown")
    parts = [*said, *labels]
    lines = [f"Understood: {_listed(parts)}."] if parts else []
    if unknown:
        lines.append(f"Not known: {_listed(unknown)}.")
    if not any(word.how != "ignored" for word in words):
        lines.append("No word of it says what is in a photo.")
    return " ".join(lines)


_LISTED, _SHOWN = 8, 40


def _listed(parts: Iterable[str]) -> str:
    every = [part if len(part) <= _SHOWN else f"{part[: _SHOWN - 3]}..." for part in parts]
    more = len(every) - _LISTED
    return ", ".join(every[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def signs(towers: Towers, understood: Understood, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the probability goes by, float32 (photos, len(SIGNS))."""
    calibration = towers.calibration
    vector = understood.vector
    found = np.zeros((len(similarity), len(SIGNS)), np.float32)
    if vector is None:
        return found
    usual = float(calibration.mean @ vector)
    spread = float(np.sqrt(max(float(vector @ calibration.spread @ vector), 1e-9)))
    share = np.log((towers.said[list(understood.places)] + 1) / (towers.photos + 1))
    missing = sum(word.how in ("unknown", "label") for word in understood.words)
    found[:, 0] = similarity
    found[:, 1] = (similarity - usual) / spread
    found[:, 2] = min(len(understood.places), 8)
    found[:, 3] = share.min()
    found[:, 4] = max(float(share.sum()), -15.0)
    found[:, 5] = missing / (missing + len(understood.places))
    return found


def probability(towers: Towers, understood: Understood, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely each photo shows what a sentence says, float32 (photos,), by its similarity with the sentence."""
    if understood.vector is None:
        return np.zeros(len(similarity), np.float32)
    calibration = towers.calibration
    return sigmoid(signs(towers, understood, similarity) @ calibration.weights + np.float32(calibration.bias))


def why(towers: Towers, understood: Understood, photo: NDArray[np.float32]) -> list[tuple[UnderstoodWord, float]]:
    """How much each known word adds to a photo's similarity. `photo`: float32 (width,), its vector.

    What is left of the similarity is said by no word.
    """
    if understood.vector is None:
        return []
    each = towers.word_vectors(list(understood.places))
    whole = each.mean(axis=0) + towers.word_bias
    parts = (each @ photo) / (len(each) * float(np.linalg.norm(whole)))
    known = [word for word in understood.words if word.means and word.how not in ("ignored", "label")]
    return [(word, float(part)) for word, part in zip(known, parts, strict=True)]
