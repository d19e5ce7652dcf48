"""Merging one field's keywords: present, tagger's and wanted keywords -> which to add and to remove. Pure.

A person's keyword is never removed, even if tagger would have written the same one. A keyword of tagger's that a person
removed is *refused*: it is not written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagger.core.names import exact, folded


@dataclass(frozen=True, slots=True)
class Merged:
    """The changes to one field.

    `remove`: keywords as the field spells them, one entry for each occurrence. `ours`: what is tagger's in the field
    afterwards. `refused`: keywords of tagger's that a person took out.
    """

    add: tuple[str, ...]
    remove: tuple[str, ...]
    ours: tuple[str, ...]
    refused: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether the field changes."""
        return bool(self.add or self.remove)


def comparison_key(keyword: str) -> str:
    """The form in which keywords are compared: as all names, without outer white space."""
    return folded(keyword).strip()


def _nothing() -> Mapping[str, frozenset[str]]:
    return {}


def merge(
    present: Sequence[str],
    ours: Iterable[str],
    wanted: Iterable[str],
    refused: Collection[str] = (),
    in_languages: Callable[[], Mapping[str, frozenset[str]]] = _nothing,
) -> Merged:
    """Merge one field.

    `present`: the field's keywords; `ours`: those known to be tagger's; `wanted`: those that tagger wants there;
    `refused`: those known to have been removed by a person before. `in_languages`: by the key of a wanted keyword, the
    keys of the same label in every language: what was removed in one is not written in another.
    """
    there = Counter(exact(keyword) for keyword in present)
    mine = dict.fromkeys(exact(keyword) for keyword in ours)
    # Tagger's, but not in the field: a person took it out.
    gone = [keyword for keyword in mine if not there[keyword]]
    unwelcome = {comparison_key(keyword) for keyword in (*refused, *gone)}
    wished = {comparison_key(keyword): exact(keyword) for keyword in wanted}
    held = [keyword for keyword in mine if there[keyword]]
    welcome = wished.keys() - unwelcome_in_languages(unwelcome, in_languages, held)
    wished = {key: keyword for key, keyword in wished.items() if key in welcome}
    # What is spelt otherwise now, such as "Tiger" in German, is written anew.
    remove = [keyword for keyword in held if wished.get(comparison_key(keyword)) != keyword]
    left = there - Counter(remove)
    known = {comparison_key(keyword) for keyword in left}
    add = [keyword for key, keyword in wished.items() if key and key not in known and key not in unwelcome]
    return Merged(
        add=tuple(add),
        remove=tuple(remove),
        ours=(*(keyword for keyword in held if keyword not in remove), *add),
        refused=tuple(gone),
    )


def unwelcome_in_languages(
    unwelcome: Collection[str], in_languages: Callable[[], Mapping[str, frozenset[str]]], held: Iterable[str] = ()
) -> set[str]:
    """The keys of keywords whose label a person took out in some language, and left (`held`) in none."""
    if not unwelcome:
        # Names in all languages are read only where something was taken out.
        return set()
    left = {comparison_key(keyword) for keyword in held}
    return {key for key, same in in_languages().items() if same & set(unwelcome) and not same & left}


def without(present: Sequence[str], remove: Iterable[str]) -> list[int]:
    """The positions in a field of the keywords to remove, one for each, ascending.

    Among keywords that differ only in their Unicode form, the one spelt as in `remove` is chosen.
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
