"""The mark: the property in a file's own XMP that lists tagger's keywords in it. It travels with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tagger.core.names import exact
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.xmp_parse import Name

MARK = Name("urn:tagger:keywords:1/", "wrote", "tagger")
# The signs of the three kinds in the mark.
_LABEL, _SEED, _REFUSED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Owned:
    """What is tagger's in one field, spelt as `exact` does."""

    labels: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.seeds or self.refused)


def mark_items(own: Mapping[Field, Owned]) -> tuple[str, ...]:
    """The texts of the mark: one for each keyword, `FIELD SIGN KEYWORD`."""
    found = []
    for name in Field:
        mine = own.get(name, Owned())
        for sign, keywords in ((_LABEL, mine.labels), (_SEED, mine.seeds), (_REFUSED, mine.refused)):
            found += [f"{name.value} {sign} {keyword}" for keyword in keywords]
    return tuple(found)


def read_mark(items: Iterable[str]) -> dict[Field, Owned]:
    """The inverse of `mark_items`. Leaves out texts that are not understood."""
    names = {name.value: name for name in Field}
    found: dict[Field, dict[str, list[str]]] = {}
    for item in items:
        name, _, rest = item.strip().partition(" ")
        sign, _, keyword = rest.partition(" ")
        if name in names and sign in (_LABEL, _SEED, _REFUSED) and keyword:
            found.setdefault(names[name], {}).setdefault(sign, []).append(exact(keyword))
    return {
        name: Owned(tuple(by.get(_LABEL, ())), tuple(by.get(_SEED, ())), tuple(by.get(_REFUSED, ())))
        for name, by in found.items()
    }


def without_own(keywords: Iterable[str], own: Iterable[str]) -> list[str]:
    """The keywords of a field that are not tagger's; `own`: those that are, spelt as `exact` does."""
    mine = Counter(own)
    found = []
    for keyword in keywords:
        if mine[exact(keyword)]:
            mine[exact(keyword)] -= 1
        else:
            found.append(keyword)
    return found
