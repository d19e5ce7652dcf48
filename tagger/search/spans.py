"""The photos that a search may be confined to in advance: of time spans, parts of paths, and what files tell."""

from __future__ import annotations

from tagger.search.conditions import Conditions
from tagger.search.query_tree import And, FieldNode, Node, PathPart, Taken, kinds_of
from tagger.store.reader import Reader

# The most photos that are read in advance.
_MOST = 100_000


def span_of(reader: Reader, where: Conditions, query: Node | None) -> set[int] | None:
    """The photos of the time spans, paths and fields that every match has; None if there are none, or too many."""
    plain = tuple(item for item in needed(query) if kinds_of(item) <= {Taken, PathPart})
    queries = [f"SELECT p.id FROM photos p WHERE {where.sql(And(plain), 'p.id')}"] if plain else []
    queries += filter(None, map(where.photos_of, _fields(query)))
    found: set[int] | None = None
    for sql in queries:
        some = {photo_id for (photo_id,) in reader.rows(f"{sql} LIMIT {_MOST + 1}", where.parameters)}
        if len(some) <= _MOST:
            found = some if found is None else found & some
    return found


def has_path(query: Node | None) -> bool:
    """Whether every match has a part of a path."""
    return any(PathPart in kinds_of(item) <= {Taken, PathPart} for item in needed(query))


def has_fields(query: Node | None) -> bool:
    """Whether every match meets a condition on what its file tells."""
    return bool(_fields(query))


def _fields(query: Node | None) -> list[FieldNode]:
    return [item for item in needed(query) if isinstance(item, FieldNode)]


def needed(query: Node | None) -> tuple[Node, ...]:
    """The conditions that every match meets."""
    if query is None:
        return ()
    return query.items if isinstance(query, And) else (query,)
