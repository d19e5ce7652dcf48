"""The photos that a search may be confined to in advance: of time spans, parts of paths, and what files tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tagger.search import path_index
from tagger.search.conditions import Conditions
from tagger.search.query_tree import And, Named, Node, Not, Or, PathPart, Taken, kinds_of
from tagger.store.reader import Reader

# The most photos of a time span or path that are read in advance.
_MOST = 100_000
# Of what files tell, so many are read in advance, or looked up to be sorted, before anything else is tried.
_FEW = 30_000


def span_of(reader: Reader, where: Conditions, query: Node | None, *, part: bool = False) -> set[int] | None:
    """The photos of the time spans, paths and fields that every match has; None if there are none, or too many.

    `part`: only the first matches are wanted, for which it is worth to read fewer.
    """
    found: set[int] | None = None
    sql = plain_of(where, query)
    if sql is not None:
        most = min(_FEW, _MOST) if part else _MOST
        some = {photo_id for (photo_id,) in reader.rows(f"{sql} LIMIT {most + 1}", where.parameters)}
        found = some if len(some) <= most else None
    told = _smallest(reader, where, [item for item in needed(query) if not _is_plain(item)])
    if told is not None and few(told[1]):
        some = {photo_id for (photo_id,) in reader.rows(told[0], where.parameters)}
        found = some if found is None else found & some
    return found


def plain_of(where: Conditions, query: Node | None) -> str | None:
    """A query for the photos of the time spans and paths that every match has."""
    plain = tuple(filter(_is_plain, needed(query)))
    return f"SELECT p.id AS photo_id FROM photos p WHERE {where.sql(And(plain), 'p.id')}" if plain else None


def smallest(reader: Reader, where: Conditions, query: Node | None, *, listed: bool = False) -> tuple[str, int] | None:
    """A query for the photos of that condition which the fewest meet, or of all time spans and paths, and how many.

    None where an index tells none, or where they are too many to be looked up. `listed`: they are to be listed, for
    which the index of paths is gone through anyway.
    """
    items = list(needed(query))
    if path_index.tells(reader, query) or (listed and path_index.tells(reader, PathPart("*"))):
        return _smallest(reader, where, [item for item in items if PathPart not in kinds_of(item)])
    told = _smallest(reader, where, items)
    plain = plain_of(where, query)
    if told is not None or plain is None or all(map(_is_plain, items)):
        return told
    return _counted(reader, where, plain)


def _smallest(reader: Reader, where: Conditions, items: Iterable[Node]) -> tuple[str, int] | None:
    queries = [sql for item in items if (sql := _from_index(where, item)) is not None]
    counted = [told for sql in queries if (told := _counted(reader, where, sql)) is not None]
    return min(counted, key=lambda told: told[1], default=None)


def _counted(reader: Reader, where: Conditions, sql: str) -> tuple[str, int] | None:
    """A query and how many photos it tells, each as often as it does; None where these are too many."""
    number = next(reader.rows(f"SELECT count(*) FROM ({sql} LIMIT {_MOST + 1}) AS s", where.parameters))[0]
    return (sql, number) if number <= _MOST else None


def few(number: int) -> bool:
    """Whether so many photos are few enough to be looked up and sorted."""
    return number <= min(_FEW, _MOST)


def has_path(query: Node | None) -> bool:
    """Whether every match has a part of a path."""
    return any(PathPart in kinds_of(item) for item in filter(_is_plain, needed(query)))


def times(query: Node | None) -> list[Taken]:
    """The time spans in which every match was taken."""
    return [item for item in needed(query) if isinstance(item, Taken) and item.start is not None]


def _is_plain(item: Node) -> bool:
    """Whether a condition is on time or path."""
    return kinds_of(item) <= {Taken, PathPart}


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
