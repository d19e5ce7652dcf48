"""The photos that a search may be confined to in advance: of time spans, parts of paths, and what files tell."""

from __future__ import annotations

from collections.abc import Iterator

from tagger.search.conditions import Conditions
from tagger.search.query_tree import And, Named, Node, Not, Or, PathPart, Taken, kinds_of
from tagger.store.reader import Reader

# The most photos of a time span or path that are read in advance.
_MOST = 100_000
# Of what files tell, so many are read in advance, or looked up to be sorted, before anything else is tried.
_FEW = 30_000


def span_of(reader: Reader, where: Conditions, query: Node | None) -> set[int] | None:
    """The photos of the time spans, paths and fields that every match has; None if there are none, or too many."""
    found: set[int] | None = None
    sql = plain_of(where, query)
    if sql is not None:
        some = {photo_id for (photo_id,) in reader.rows(f"{sql} LIMIT {_MOST + 1}", where.parameters)}
        found = some if len(some) <= _MOST else None
    told = smallest(reader, where, query)
    if told is not None and few(told[1]):
        some = {photo_id for (photo_id,) in reader.rows(told[0], where.parameters)}
        found = some if found is None else found & some
    return found


def plain_of(where: Conditions, query: Node | None) -> str | None:
    """A query for the photos of the time spans and paths that every match has."""
    plain = tuple(item for item in needed(query) if kinds_of(item) <= {Taken, PathPart})
    return f"SELECT p.id AS photo_id FROM photos p WHERE {where.sql(And(plain), 'p.id')}" if plain else None


def smallest(reader: Reader, where: Conditions, query: Node | None) -> tuple[str, int] | None:
    """A query for the photos of that condition on what files tell which the fewest meet, and how many; None without.

    They are counted up to one more than are looked up.
    """
    counted: list[tuple[int, str]] = []
    for item in needed(query):
        if (sql := _from_index(where, item)) is not None:
            rows = reader.rows(f"SELECT count(*) FROM ({sql} LIMIT {_MOST + 1}) AS s", where.parameters)
            counted.append((next(rows)[0], sql))
    return None if not counted else (min(counted)[1], min(counted)[0])


def smallest_or_plain(reader: Reader, where: Conditions, query: Node | None) -> tuple[str, int] | None:
    """As `smallest`, but where that is not counted to the end, also the photos of the time spans and paths."""
    told = smallest(reader, where, query)
    plain = plain_of(where, query)
    alone = all(kinds_of(item) <= {Taken, PathPart} for item in needed(query))
    if plain is None or alone or (told is not None and all_were_counted(told[1])):
        return told
    number = next(reader.rows(f"SELECT count(*) FROM ({plain} LIMIT {_MOST + 1}) AS s", where.parameters))[0]
    return plain, number


def few(number: int) -> bool:
    """Whether so many photos are few enough to be looked up and sorted."""
    return number <= min(_FEW, _MOST)


def all_were_counted(number: int) -> bool:
    """Whether `smallest` counted to the end."""
    return number <= _MOST


def has_path(query: Node | None) -> bool:
    """Whether every match has a part of a path."""
    return any(PathPart in kinds_of(item) <= {Taken, PathPart} for item in needed(query))


def _from_index(where: Conditions, item: Node) -> str | None:
    """A query for photos among which are all that meet a condition; each maybe several times."""
    if isinstance(item, Or):
        parts = [_from_index(where, one) for one in item.items]
        return None if None in parts else " UNION ALL ".join(filter(None, parts))
    if isinstance(item, And):
        return next((sql for one in item.items if (sql := _from_index(where, one)) is not None), None)
    if isinstance(item, Not) and isinstance(item.item, And | Or):
        return _from_index(where, (Or if isinstance(item.item, And) else And)(tuple(map(Not, item.item.items))))
    if isinstance(item, Taken):
        return f"SELECT p.id AS photo_id FROM photos p WHERE {where.sql(item, 'p.id')}"
    if isinstance(item, Not) and isinstance(item.item, Named) and item.item.text:
        return where.without_name(item.item)
    return where.photos_of(item)


def needed(query: Node | None) -> Iterator[Node]:
    """The conditions that every match meets."""
    if isinstance(query, And):
        yield from query.items
    elif query is not None:
        yield query
