"""How many photos match, from indexes where one holds the answer."""

from __future__ import annotations

from tagger.search import path_index
from tagger.search.combined import combined
from tagger.search.conditions import Conditions
from tagger.search.field_conditions import OTHERS, SINGLE, without_not
from tagger.search.query_tree import (
    And,
    FieldNode,
    Format,
    Located,
    Measured,
    Named,
    Near,
    Node,
    Not,
    Or,
    PathPart,
    Shape,
    Taken,
)
from tagger.search.spans import few, has_path, smallest
from tagger.store.reader import Reader

# Of a condition with so many rows, photos are not looked at one by one to be counted. In the time that it takes to look
# at one, so many rows of an index are read and grouped.
_MANY_ROWS, _READ_FOR_ONE = 400_000, 1.7
_THERE = "p.missing_since IS NULL"


def counted(reader: Reader, where: Conditions, query: Node | None) -> int:
    """How many photos meet conditions, of which none is a description."""
    also = "" if query is None else f" AND {where.sql(query, 'p.id')}"
    whole = _of_all(reader, where, query)
    if whole is not None:
        return whole - _gone(reader, where, also)
    told = smallest(reader, where, query, listed=True)
    by_path = path_index.tells(reader, query) or (path_index.tells(reader, PathPart("*")) and has_path(query))
    if by_path and not (told is not None and few(told[1])):
        return _number(reader, where, f"SELECT count(*) FROM {path_index.photos(reader)} WHERE {_THERE}{also}")
    if told is not None:
        return counted_among(reader, where, told[0], also)
    if (named := _named_beside_told(reader, query)) is not None:
        name, rest = named
        once = name.field in SINGLE or where.is_one_term(name)
        among = where.photos_of(name) or ""
        return counted_among(reader, where, among, f" AND {where.sql(rest, 'p.id')}", once=once)
    number = counted_combined(reader, where, query)
    return counted_among(reader, where, "", also) if number is None else number


def counted_combined(reader: Reader, where: Conditions, query: Node | None, instead: str = "") -> int | None:
    """How many photos meet conditions; None where an index does not tell one, or the other way is the faster.

    `instead`: a query for the photos that would be looked at one by one.
    """
    found = None if query is None else combined(where, query)
    if found is None or query is None:
        return None
    rows = _up_to(reader, where, instead, _MANY_ROWS) if instead else _MANY_ROWS
    most = round(rows * _READ_FOR_ONE)
    if rows < _MANY_ROWS and _up_to(reader, where, found.rows, most) == most:
        return None
    number = _number(reader, where, found.count)
    if found.are_others:
        number = _number(reader, where, "SELECT count(*) FROM photos") - number
    return number - _gone(reader, where, f" AND {where.sql(query, 'p.id')}")


def _named_beside_told(reader: Reader, query: Node | None) -> tuple[Named, And] | None:
    """A text that every match tells, and what else is asked, which the index of paths holds; None for other queries."""
    if not isinstance(query, And):
        return None
    names = [item for item in query.items if isinstance(item, Named)]
    rest = And(tuple(item for item in query.items if not isinstance(item, Named)))
    return (names[0], rest) if len(names) == 1 and path_index.tells(reader, rest) else None


def counted_among(reader: Reader, where: Conditions, among: str, also: str, *, once: bool = False) -> int:
    """How many of some photos are there and meet a condition. `among`: a query for their ids; empty: all.

    `once`: it tells no photo twice.
    """
    if among and not also:
        return _different(reader, where, among) - _gone(reader, where, f" AND p.id IN ({among})")
    if not among:
        return _number(reader, where, f"SELECT count(*) FROM photos p WHERE {_THERE}{also}")
    these = f"({among})" if once else _each_once(among)
    return _number(
        reader,
        where,
        f"SELECT count(*) FROM {these} AS d CROSS JOIN photos p WHERE p.id = d.photo_id AND {_THERE}{also}",
    )


def among_ids(among: str, also: str, most: int) -> str:
    """A query for the ids of some photos that are there and meet a condition, each once, at most so many."""
    photos = f"{_each_once(among)} AS d CROSS JOIN photos p WHERE p.id = d.photo_id AND {_THERE}{also}"
    return f"SELECT p.id FROM {photos} LIMIT {most}"


def _each_once(among: str) -> str:
    # In the order of photos, which lie beside each other then; IN would look for a place for each. The plus keeps
    # SQLite from going through the labels or terms of all photos, which are in this order.
    return f"(SELECT +s.photo_id AS photo_id FROM ({among}) AS s GROUP BY +s.photo_id)"


def _different(reader: Reader, where: Conditions, photos: str) -> int:
    """How many different photos a query tells, in a column `photo_id`."""
    # SQLite sorts to group, which is faster than finding a place for each, as for DISTINCT.
    return _number(reader, where, f"SELECT count(*) FROM (SELECT 1 AS one FROM ({photos}) AS s GROUP BY photo_id) AS d")


def _gone(reader: Reader, where: Conditions, also: str) -> int:
    """How many photos whose files are gone meet a condition."""
    if not _number(reader, where, "SELECT count(*) FROM photos p WHERE p.missing_since IS NOT NULL"):
        return 0
    # OFFSET keeps databases from beginning with the condition: these are few.
    gone = "SELECT * FROM photos g WHERE g.missing_since IS NOT NULL LIMIT 2000000000 OFFSET 0"
    return _number(reader, where, f"SELECT count(*) FROM ({gone}) AS p WHERE 1 = 1{also}")


def _of_all(reader: Reader, where: Conditions, query: Node | None) -> int | None:
    """How many photos meet one condition, those counted whose files are gone; None where no index tells."""
    node = None if query is None else without_not(query)
    match node:
        case None | PathPart("*"):
            return _number(reader, where, "SELECT count(*) FROM photos")
        case Not(item):
            rest = _of_all(reader, where, item)
        case Located(False):
            rest = _of_all(reader, where, Located(True))
        case Measured(field, None, None):
            rest = _of_all(reader, where, Not(Measured(field, None, None)))
        case Format() | Shape() if node in OTHERS:
            rest = _number(reader, where, f"SELECT count(*) FROM photos q WHERE {OTHERS[node]}")
        case Named(field, "") if field not in SINGLE:
            # Every photo tells something or nothing, unless it was not read yet.
            nothing = Named(field, None)
            some, none = where.sql(node, "p.id"), where.sql(nothing, "p.id")
            unread = f"SELECT count(*) FROM photos p WHERE p.fields_as IS NULL AND NOT ({some}) AND NOT ({none})"
            told_nothing = _of_all(reader, where, nothing)
            rest = None if told_nothing is None else told_nothing + _number(reader, where, unread)
        case Named(field, text) if text and where.are_all_terms(node):
            return _of_all(reader, where, Named(field, ""))
        case Named() | Measured() | Shape() | Located() | Near() | Format():
            sql = where.photos_of(node)
            if sql is None:
                return None
            once = not isinstance(node, Named) or node.field in SINGLE or where.is_one_term(node)
            what = "*" if once else "DISTINCT s.photo_id"
            return _number(reader, where, f"SELECT count({what}) FROM ({sql}) AS s")
        case Taken():
            return _number(reader, where, f"SELECT count(*) FROM photos p WHERE {where.sql(node, 'p.id')}")
        case Or(items) if all(isinstance(without_not(item), FieldNode) for item in items):
            parts = [where.photos_of(item) for item in items]
            return None if None in parts else _different(reader, where, " UNION ALL ".join(filter(None, parts)))
        case _:
            return None
    return None if rest is None else _number(reader, where, "SELECT count(*) FROM photos") - rest


def _up_to(reader: Reader, where: Conditions, rows: str, most: int) -> int:
    return _number(reader, where, f"SELECT count(*) FROM (SELECT 1 AS one FROM ({rows}) AS s LIMIT {most}) AS c")


def _number(reader: Reader, where: Conditions, sql: str) -> int:
    return int(next(reader.rows(sql, where.parameters))[0])
