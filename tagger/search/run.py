"""Answering a query: query tree -> photos, the surest first.

A photo matches a label word when it has a stored label of that name, of a synonym, or of anything below it. NOT
excludes photos on which the label is *shown*: a hint that was not good enough to be shown does not hide a photo.

Speed comes from the index (label, confidence descending, photo). One set of labels drives a search: every match has
one of them. Their rows are merged as they are read, the surest first, and the photos so found are asked for the other
conditions in batches; so with a limit `animal` (450 labels, half a library) is as fast as `tiger`. Where every match
lies in a time span or has a part of a path, those photos are read from their index first: it holds a million paths, and
looking through it takes less than a tenth of a second.

Pages follow each other by cursors: a page begins behind the `place` of the last result of the page before. It is a
position in the sort order, not a count, so the thousandth page is as fast as the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import TypeVar

from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import Fingerprint
from tagger.labels.taxonomy import Taxonomy
from tagger.search.conditions import Conditions
from tagger.search.query_tree import And, AnyLabel, Comparison, Node, Or, PathPart, Taken, Word
from tagger.search.vocabulary import UnknownWord, Vocabulary, id_list
from tagger.store.reader import Reader

_PAGE = 500
# Photos whose other conditions are checked at once: few at first, then more and more.
_FIRST_BATCH, _LAST_BATCH = 200, 5000
# Counting a label's photos stops here: it only decides which condition drives.
_ENOUGH = 3000
# Up to _SPAN photos of a time span or path are read in advance; up to _SHORTLIST, their labels, too.
_SPAN, _SHORTLIST = 100_000, 30_000
_Item = TypeVar("_Item")


# What results are sorted by: the kind of order, the photo's value in it, and its id.
Cursor = tuple[str, float | str | None, int]
SUREST, DATED, UNDATED = "surest", "dated", "undated"


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo that matches. `labels`: the names that matched with their confidence, the narrowest first.

    `version` changes when the file does. `place`: where it stands in the results; None in path order.
    """

    photo_id: int
    path: PhotoPath
    taken: str | None
    version: str
    labels: tuple[tuple[str, float], ...]
    place: Cursor | None


@dataclass(frozen=True, slots=True)
class _Driver:
    """The labels that drive a search: every match has one of them (`comparison`, `shown`), and meets `rest`."""

    ids: tuple[int, ...]
    comparison: Comparison | None = None
    shown: bool = False
    rest: Node | None = None


class Search:
    """One query against one library; without a query, everything. `silenced`: labels that the settings silence."""

    def __init__(self, reader: Reader, taxonomy: Taxonomy, query: Node | None, silenced: Collection[str] = ()) -> None:
        self._reader = reader
        self._vocabulary = Vocabulary(reader, taxonomy, silenced)
        self._where = Conditions(reader, self._vocabulary)
        self.query = None if query is None else self._vocabulary.join(query)

    @property
    def unknown_words(self) -> tuple[UnknownWord, ...]:
        """Words of the query that no photo of the library has; complete after `results`."""
        return (*self._vocabulary.unknown.values(), *self._vocabulary.without_photos())

    def results(
        self, limit: int | None = None, *, labels: bool = True, newest: bool = False, after: Cursor | None = None
    ) -> Iterator[FoundPhoto]:
        """The photos that match, the surest first; without labels to go by in path order, or the newest first.

        `limit`: of results. `labels`: whether to read which labels matched; without, `FoundPhoto.labels` is empty.
        `after`: go on behind the result that has this place. Raises ValueError for a place of another kind of query.
        """
        self._where = Conditions(self._reader, self._vocabulary)
        driver = None if self.query is None else self._driver(self.query)
        if after is not None and (after[0] == SUREST) != (driver is not None):
            raise ValueError("the place is of another query")
        places: Iterator[tuple[int, Cursor | None]]
        if driver is not None:
            places = self._surest_first(driver, self._in_span(), after)
        elif newest or after is not None:
            places = self._newest_first(after, self._in_span() if self._by_path() else None)
        else:
            places = self._in_path_order()
        roots = self._roots()
        wanted = None if self.query is None else self._positive(self.query)
        for page in _pages(islice(places, limit), _PAGE if limit is None else min(limit, _PAGE)):
            yield from self._complete(page, roots, wanted, labels)

    def named(self, ids: Sequence[int]) -> list[FoundPhoto]:
        """Photos by their ids, with their shown labels, in the order given; whichever is not there is left out."""
        roots = self._roots()
        there = self._passing(ids, None, "")
        return list(self._complete([(number, None) for number in ids if number in there], roots, None, True))

    # --- which photos, in which order -----------------------------------------------------------------

    def _driver(self, node: Node) -> _Driver | None:
        match node:
            case Word(_, comparison):
                return _Driver(self._vocabulary.ids(node), comparison)
            case AnyLabel(comparison):
                return _Driver(tuple(self._vocabulary.names), comparison, shown=True)
            case And(items):
                return self._rarest(items)
            case Or(items):
                drivers = [driver for item in items if (driver := self._driver(item)) is not None]
                if len(drivers) < len(items):
                    return None
                ids = tuple(dict.fromkeys(number for driver in drivers for number in driver.ids))
                plain = all(driver == _Driver(driver.ids) for driver in drivers)
                return _Driver(ids, rest=None if plain else node)
            case _:
                return None

    def _rarest(self, items: Sequence[Node]) -> _Driver | None:
        """The driver among conditions that must all hold: the one with the fewest photos."""
        options = [(driver, item) for item in items if (driver := self._driver(item)) is not None]
        if not options:
            return None
        best, chosen = options[0] if len(options) == 1 else min(options, key=lambda option: self._weight(option[0].ids))
        rest = [item for item in items if item is not chosen]
        if best.rest is not None:
            rest.append(best.rest)
        return replace(best, rest=rest[0] if len(rest) == 1 else And(tuple(rest)))

    def _weight(self, ids: Sequence[int]) -> int:
        if not ids:
            return 0
        sql = (
            f"SELECT count(*) FROM (SELECT 1 FROM photo_labels WHERE label_id IN ({id_list(ids)}) LIMIT {_ENOUGH}) AS s"
        )
        return int(next(self._reader.rows(sql, {}))[0])

    def _surest_first(
        self, driver: _Driver, span: set[int] | None, after: Cursor | None
    ) -> Iterator[tuple[int, Cursor]]:
        """The photos of some labels by their best row, those that fail the other conditions left out."""
        condition = " AND NOT l.removed" + (" AND l.shown" if driver.shown else "")
        if driver.comparison is not None:
            condition += f" AND {self._where.bound('l.confidence', driver.comparison)}"
        earlier = behind = ""
        if after is not None:
            confidence, photo = self._where.parameter(after[1]), self._where.parameter(after[2])
            behind = f" AND l.confidence <= {confidence} AND (l.confidence < {confidence} OR l.photo_id > {photo})"
            # A photo stands in the results once, where its best row is: one that stood before is not shown again.
            earlier = (
                f" AND NOT EXISTS (SELECT 1 FROM photo_labels l WHERE l.photo_id = p.id"
                f" AND +l.label_id IN ({id_list(driver.ids)}){condition}"
                f" AND (l.confidence > {confidence} OR (l.confidence = {confidence} AND l.photo_id <= {photo})))"
            )
        if span is not None and len(span) <= _SHORTLIST:
            rows = self._shortlist(driver.ids, condition, span)
        else:
            rows = merge(*(self._stream(number, condition + behind) for number in driver.ids))
        candidates = _once(rows, span)
        size = _FIRST_BATCH
        while batch := list(islice(candidates, size)):
            passed = self._passing([photo_id for _, photo_id in batch], driver.rest, earlier)
            yield from ((number, (SUREST, -value, number)) for value, number in batch if number in passed)
            size = min(2 * size, _LAST_BATCH)

    def _stream(self, label: int, condition: str) -> Iterator[tuple[float, int]]:
        """(negative confidence, photo) of the rows of a label in this order, read as they are asked for."""
        sql = (
            f"SELECT l.confidence, l.photo_id FROM photo_labels l WHERE l.label_id = {label}{condition}"
            " ORDER BY l.confidence DESC, l.photo_id"
        )
        for confidence, photo_id in self._reader.rows(sql, self._where.parameters):
            yield -confidence, photo_id

    def _shortlist(self, labels: Sequence[int], condition: str, photos: set[int]) -> Iterator[tuple[float, int]]:
        """(negative confidence, photo) of those of a few photos that have one of some labels, by their best row."""
        # The plus keeps SQLite from beginning with every row of the labels.
        sql = (
            f"SELECT l.photo_id, max(l.confidence) AS best FROM photo_labels l WHERE l.photo_id IN ({id_list(photos)})"
            f" AND +l.label_id IN ({id_list(labels)}){condition} GROUP BY l.photo_id ORDER BY best DESC, l.photo_id"
        )
        return ((-best, photo_id) for photo_id, best in self._reader.rows(sql, self._where.parameters))

    def _in_span(self) -> set[int] | None:
        """The photos of the time spans and paths that every match has; None if there are none, or too many photos."""
        spans = tuple(item for item in self._needed() if _kinds(item) <= {Taken, PathPart})
        if not spans:
            return None
        sql = f"SELECT p.id FROM photos p WHERE {self._where.sql(And(spans), 'p.id')} LIMIT {_SPAN + 1}"
        found = {photo_id for (photo_id,) in self._reader.rows(sql, self._where.parameters)}
        return found if len(found) <= _SPAN else None

    def _needed(self) -> tuple[Node, ...]:
        """The conditions that every match meets."""
        if self.query is None:
            return ()
        return self.query.items if isinstance(self.query, And) else (self.query,)

    def _by_path(self) -> bool:
        """Whether every match has a part of a path."""
        return any(PathPart in _kinds(item) <= {Taken, PathPart} for item in self._needed())

    def _passing(self, photos: Sequence[int], rest: Node | None, condition: str) -> set[int]:
        """Those of some photos that are there and meet two conditions."""
        condition += "" if rest is None else f" AND {self._where.sql(rest, 'p.id')}"
        sql = f"SELECT p.id FROM photos p WHERE p.id IN ({id_list(photos)}) AND p.missing_since IS NULL{condition}"
        return {photo_id for (photo_id,) in self._reader.rows(sql, self._where.parameters)}

    def _in_path_order(self) -> Iterator[tuple[int, None]]:
        sql = f"SELECT p.id FROM photos p WHERE {self._there()} ORDER BY p.root_id, p.path_folded, p.id"
        for (photo_id,) in self._reader.rows(sql, self._where.parameters):
            yield photo_id, None

    def _newest_first(self, after: Cursor | None, span: set[int] | None) -> Iterator[tuple[int, Cursor]]:
        """By the date taken; those without a date last, the latest found first. `span`: the photos that may match."""
        if span is not None:
            yield from self._newest_of(span, after)
            return
        there = self._there()
        dated = undated = ""
        if after is not None:
            behind = f"{self._where.parameter(after[1])}, {self._where.parameter(after[2])}"
            dated = f" AND (p.taken, p.id) < ({behind})"
            if after[0] == UNDATED:
                undated = f" AND p.id < {self._where.parameter(after[2])}"
        if after is None or after[0] == DATED:
            sql = (
                f"SELECT p.id, p.taken FROM photos p WHERE {there} AND p.taken IS NOT NULL{dated}"
                " ORDER BY p.taken DESC, p.id DESC"
            )
            for photo_id, taken in self._reader.rows(sql, self._where.parameters):
                yield photo_id, (DATED, taken, photo_id)
        sql = f"SELECT p.id FROM photos p WHERE {there} AND p.taken IS NULL{undated} ORDER BY p.id DESC"
        for (photo_id,) in self._reader.rows(sql, self._where.parameters):
            yield photo_id, (UNDATED, None, photo_id)

    def _newest_of(self, photos: set[int], after: Cursor | None) -> Iterator[tuple[int, Cursor]]:
        """Those of some photos that match. They may lie anywhere in time, so the index of dates is of no help."""
        date = "coalesce(p.taken, '')"
        behind = ""
        if after is not None:
            last = f"{self._where.parameter(str(after[1] or ''))}, {self._where.parameter(after[2])}"
            behind = f" AND ({date}, p.id) < ({last})"
        these = f"p.id IN ({id_list(photos)}){behind}"
        sql = f"SELECT {date}, p.id FROM photos p WHERE {these} ORDER BY {date} DESC, p.id DESC"
        candidates = self._reader.rows(sql, self._where.parameters)
        while batch := list(islice(candidates, _FIRST_BATCH)):
            passed = self._passing([number for _, number in batch], self.query, "")
            for taken, number in batch:
                if number in passed:
                    yield number, (DATED, taken, number) if taken else (UNDATED, None, number)

    def _there(self) -> str:
        """The condition that a photo is there and matches."""
        return "p.missing_since IS NULL" + ("" if self.query is None else f" AND {self._where.sql(self.query, 'p.id')}")

    def _roots(self) -> dict[int, str]:
        return {number: disk_path(path) for number, path in self._reader.rows("SELECT id, path FROM roots", {})}

    def _complete(
        self,
        places: Sequence[tuple[int, Cursor | None]],
        roots: dict[int, str],
        wanted: frozenset[int] | None,
        with_labels: bool,
    ) -> Iterator[FoundPhoto]:
        """Paths and matched labels of photos, in the order given. `wanted` None: any shown label matched."""
        ids = id_list(photo_id for photo_id, _ in places)
        photos = {
            row[0]: row
            for row in self._reader.rows(
                f"SELECT id, root_id, path, taken, size, mtime_ns FROM photos WHERE id IN ({ids})", {}
            )
        }
        labels: dict[int, list[tuple[int, float, str]]] = {}
        sql = f"SELECT photo_id, label_id, confidence, shown, rank FROM photo_labels WHERE photo_id IN ({ids})"
        rows = self._reader.rows(f"{sql} AND NOT removed", {}) if with_labels else ()
        for photo_id, label_id, confidence, shown, rank in rows:
            if shown if wanted is None else label_id in wanted:
                labels.setdefault(photo_id, []).append((rank, -confidence, self._vocabulary.names[label_id]))
        for photo_id, place in places:
            _, root, path, taken, size, mtime_ns = photos[photo_id]
            matched = tuple((name, -confidence) for _, confidence, name in sorted(labels.get(photo_id, [])))
            version = Fingerprint(size, mtime_ns).version
            yield FoundPhoto(photo_id, PhotoPath(roots[root], disk_path(path)), taken, version, matched, place)

    def _positive(self, node: Node) -> frozenset[int] | None:
        """The labels that the query asks for; None if it names none, and then a photo's shown labels stand in."""
        found = {number for word in _words(node) for number in self._vocabulary.ids(word)}
        return frozenset(found) or None


def _words(node: Node) -> Iterator[Word]:
    """The words of a query that are not below a NOT."""
    match node:
        case Word():
            yield node
        case And(items) | Or(items):
            for item in items:
                yield from _words(item)
        case _:
            return


def _kinds(node: Node) -> set[type]:
    """The kinds of conditions in an OR; of a single condition, its own."""
    return set().union(*map(_kinds, node.items)) if isinstance(node, Or) else {type(node)}


def _once(rows: Iterable[tuple[float, int]], photos: set[int] | None) -> Iterator[tuple[float, int]]:
    """The first row of each photo, of some or of all."""
    seen: set[int] = set()
    for row in rows:
        if row[1] not in seen and (photos is None or row[1] in photos):
            seen.add(row[1])
            yield row


def _pages(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page
