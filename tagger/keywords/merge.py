"""Merging keywords: what is there, what is ours and what is wanted -> what to add and to remove. Pure.

A person's keyword is never removed, also when tagger would have written the same one; a keyword of ours that a person
removed is not written again.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Merged:
    """What is to be done to one field.

    `remove` names keywords as they stand there, one entry for each occurrence. `ours`: what will be tagger's in the
    field afterwards. `refused`: keywords of ours that a person took out.
    """

    add: tuple[str, ...]
    remove: tuple[str, ...]
    ours: tuple[str, ...]
    refused: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether the field changes at all."""
        return bool(self.add or self.remove)


def folded(keyword: str) -> str:
    """A keyword in the form in which keywords are compared: NFC, without case, without outer white space."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", keyword).strip().casefold())


def exact(keyword: str) -> str:
    """A keyword in the form in which ours is recognised: NFC, as other programs may normalise it."""
    return unicodedata.normalize("NFC", keyword).strip()


def merge(present: Sequence[str], ours: Iterable[str], wanted: Iterable[str], refused: Collection[str] = ()) -> Merged:
    """Merge one field.

    `present`: the field's keywords; `ours`: those that tagger wrote there, as far as is known; `wanted`: what tagger
    would like to be there; `refused`: what a person is known to have removed before.
    """
    there = Counter(exact(keyword) for keyword in present)
    mine = dict.fromkeys(exact(keyword) for keyword in ours)
    # Ours and yet not there: a person took it out.
    gone = [keyword for keyword in mine if not there[keyword]]
    unwelcome = {folded(keyword) for keyword in (*refused, *gone)}
    wished = {folded(keyword): exact(keyword) for keyword in wanted}
    held = [keyword for keyword in mine if there[keyword]]
    remove = [keyword for keyword in held if folded(keyword) not in wished]
    left = there - Counter(remove)
    known = {folded(keyword) for keyword in left}
    add = [keyword for key, keyword in wished.items() if key and key not in known and key not in unwelcome]
    return Merged(
        add=tuple(add),
        remove=tuple(remove),
        ours=(*(keyword for keyword in held if keyword not in remove), *add),
        refused=tuple(gone),
    )


def without(present: Sequence[str], remove: Iterable[str]) -> list[int]:
    """The positions in a field of the keywords to remove, one for each, ascending.

    Of several that are the same but for their Unicode form, the one that is spelt as `remove` has it goes.
    """
    left: dict[str, list[int]] = {}
    for position, keyword in enumerate(present):
        left.setdefault(exact(keyword), []).append(position)
    found = []
    for keyword in remove:
        positions = left.get(exact(keyword))
        if positions:
            best = min(positions, key=lambda position: (present[position] != keyword, position))
            positions.remove(best)
            found.append(best)
    return sorted(found)
