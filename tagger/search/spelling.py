"""Which known word a misspelt one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Short words are one letter from too many others. Long ones may have two wrong, if no letter was typed that the other
# word has not (moutian, but unicron is no union); very long ones any two.
_SHORTEST, _LONG, _VERY_LONG, _LONGEST = 5, 7, 8, 30


def nearest(word: str, known: Mapping[str, int], others: Iterable[str] = ()) -> str:
    """The word with the fewest letters added, left out, changed or swapped; "" for none.

    Of two, the one with the same last letter, then the one without a letter that was not typed, then the commoner.
    `known`: words and how often each is said. `others`: words that nobody says; one of them is meant only if a single
    letter behind the first is wrong, and no known word is as near.
    """
    if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha():
        return ""
    most = 2 if len(word) >= _LONG else 1
    found = _best(word, known, most, most if len(word) >= _VERY_LONG else 1)
    if found is None or found[0] > 1:
        first = word[0]
        other = _best(word, {one: 0 for one in others if one.startswith(first)}, 1, 1)
        found = other if other is not None else found
    return "" if found is None else found[1]


def _best(word: str, known: Mapping[str, int], most: int, longer: int) -> tuple[int, str] | None:
    """The nearest word with its distance. `most`: letters that may be wrong; `longer`: or more, or fewer."""
    typed = frozenset(word)
    best: tuple[int, bool, bool, int, str] | None = None
    for other, said in known.items():
        if len(other) < _SHORTEST - 1 or abs(len(other) - len(word)) > longer:
            continue
        # Each wrong letter leaves out one of the typed ones, and brings in one other, at most.
        letters = frozenset(other)
        if len(typed - letters) > most or len(letters - typed) > most:
            continue
        distance = _distance(word, other)
        # A first letter is seldom wrong.
        if distance > most or (distance > 1 and (word[0] != other[0] or (typed - letters and longer < most))):
            continue
        found = (distance, word[-1] != other[-1], not letters <= typed, -said, other)
        best = found if best is None else min(best, found)
    return None if best is None else (best[0], best[-1])


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
