"""Matches of a search in another order than that in which they are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from tagger.search.vocabulary import id_list
from tagger.store.reader import Reader

_PAGE = 5000
# (photo, place in the results, whether it is less sure)
_Match = TypeVar("_Match", bound=tuple[object, ...])


def in_order(reader: Reader, matches: Sequence[_Match], sort: str) -> list[_Match]:
    """Matches, which begin with a photo's id and end with whether it is less sure, by "date" or by "path".

    The newest come first, those without a date last; by path as in a listing. The less sure ones stay behind.
    """
    column = "coalesce(taken, '')" if sort == "date" else "path_folded"
    keys: dict[object, tuple[object, ...]] = {}
    for start in range(0, len(matches), _PAGE):
        ids = id_list(match[0] for match in matches[start : start + _PAGE])  # type: ignore[misc]
        rows = reader.rows(f"SELECT id, root_id, {column} FROM photos WHERE id IN ({ids})", {})
        keys |= {number: (key, number) if sort == "date" else (root, key, number) for number, root, key in rows}
    found = sorted(matches, key=lambda match: keys[match[0]], reverse=sort == "date")
    return sorted(found, key=lambda match: bool(match[-1]))
