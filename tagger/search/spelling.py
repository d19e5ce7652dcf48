"""Which known word a misspelt one is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

# Short words are one letter from too many others. Long ones may have two wrong, if no letter was typed that the other
# word has not (moutian, but unicron is no union); very long ones any two.
_SHORTEST, _LONG, _VERY_LONG, _LONGEST = 5, 7, 8, 30
# Letters that English writes for the same sound; of two equal ones, one.
_SOUNDS = {"ph": "f", "ck": "k", "qu": "kw", "q": "k", "x": "ks", "z": "s", "y": "i", "wh": "w", "c": "k", "ough": "of"}
_SOUND = re.compile(r"^kn|^wr|ough|ph|ck|qu|wh|c(?=[eiy])|(.)\1+|[qxzyc]")
_SILENT = {"kn": "n", "wr": "r"}


def nearest(word: str, known: Mapping[str, int], others: Iterable[str] = ()) -> str:
    """The word with the fewest letters added, left out, changed or swapped; "" for none.

    One that sounds alike (elefant, elephant) is a letter away, whatever its letters. Of two as near, it or the one with
    the same letters (palnts is plants, not pants), then the one with the same last letter, then the one without a
    letter that was not typed, then the commoner. `known`: words and how often each is said. `others`: words that nobody
    says; one of them is meant if it sounds alike, or a single letter behind the first is wrong and no known word is as
    near.
    """
    if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha():
        return ""
    most = 2 if len(word) >= _LONG else 1
    found = _best(word, known, most, most if len(word) >= _VERY_LONG else 1)
    if found is None or not found.alike:
        first, spoken = word[0], sound(word)
        near = {one: 0 for one in others if one.startswith(first) or sound(one) == spoken}
        other = _best(word, near, 1, 1)
        if other is not None and (other.alike or found is None or found.distance > 1):
            found = other
    return "" if found is None else found.word


class _Near(NamedTuple):
    """A word that may be meant, the likeliest least. `alike`: it sounds as the typed one."""

    distance: int
    unlikely: bool
    other_end: bool
    untyped: bool
    rare: int
    word: str
    alike: bool


def _best(word: str, known: Mapping[str, int], most: int, longer: int) -> _Near | None:
    """The nearest word. `most`: letters that may be wrong; `longer`: or more, or fewer."""
    typed, same, spoken = frozenset(word), sorted(word), sound(word)
    best: _Near | None = None
    for other, said in known.items():
        if len(other) < _SHORTEST - 1 or abs(len(other) - len(word)) > most + 1:
            continue
        letters, alike = _letters(other), sound(other) == spoken
        # Each wrong letter leaves out one of the typed ones, and brings in one other, at most.
        far = abs(len(other) - len(word)) > longer or len(typed - letters) > most or len(letters - typed) > most
        if far and not alike:
            continue
        distance = 1 if alike else _distance(word, other)
        # A first letter is seldom wrong.
        if distance > most or (distance > 1 and (word[0] != other[0] or (longer < most and not typed <= letters))):
            continue
        likely = alike or sorted(other) == same
        near = _Near(distance, not likely, word[-1] != other[-1], not letters <= typed, -said, other, alike)
        best = near if best is None else min(best, near)
    return best


@lru_cache(maxsize=16384)
def sound(word: str) -> str:
    """A word in lower case as it sounds, roughly: *elefant* for elephant."""
    return _SOUND.sub(_sound, word)


@lru_cache(maxsize=16384)
def _letters(word: str) -> frozenset[str]:
    return frozenset(word)


def _sound(found: re.Match[str]) -> str:
    letters = found[0]
    if found[1]:
        return found[1] if letters[0] not in "cqxzy" else sound(letters[0])
    if letters == "c" and found.string[found.end() : found.end() + 1] in ("e", "i", "y"):
        return "s"
    return _SILENT.get(letters) or _SOUNDS[letters]


def _distance(one: str, other: str) -> int:
    """Letters to add, leave out, change, or swap with the next one (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        line = [row]
        for column, right in enumerate(other, 1):
            cost = min(above[column] + 1, line[column - 1] + 1, above[column - 1] + (left != right))
            if row > 1 and column > 1 and left == other[column - 2] and one[row - 2] == right:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
