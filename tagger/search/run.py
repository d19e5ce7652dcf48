"""Answering a query: query tree -> photos, the surest first.

A photo matches a label word when a label of that name, of a synonym, or of anything below it is *shown* on it, or would
be if it served more than search; a bound of the query (`dog<0.5`) takes the place of that. NOT leaves out what the word
finds. Photos on which a label is stored only, less sure, follow behind all others where they are asked for.

Speed comes from the index (label, confidence descending, photo). One set of labels drives a search: every match has
one of them. Their rows are merged as they are read, the surest first, and the photos so found are asked for the other
conditions in batches; so with a limit `animal` (450 labels, half a library) is as fast as `tiger`. Where every match
lies in a time span or has a part of a path, those photos are read from their index first: it holds a million paths, and
looking through it takes less than a tenth of a second.

A description (`like:`) drives a search before any label: its photos come from the index of vectors, likeliest first.

Pages follow each other by cursors: a page begins behind the `place` of the last result of the page before, a position
in the sort order, so the thousandth page is as fast as the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import merge
from itertools import chain, islice
from typing import TypeVar

from tagger.core.config import LabelSettings
from tagger.labels.taxonomy import Taxonomy
from tagger.search import path_index, spans
from tagger.search.conditions import Conditions
from tagger.search.counting import among_ids, counted, counted_among, counted_combined
from tagger.search.drivers import Driver, driver_of, is_many
from tagger.search.found_photo import FoundPhoto, Place, Wanted, found_photos, labels_asked_for, roots_of
from tagger.search.looks import LikenessOf, no_likeness, probability_of
from tagger.search.ordered import LESS_SURE, SUREST, Cursor, Placed, Source, by_path, in_order, newest_first
from tagger.search.query_tree import Node, likes, may_be_less_sure
from tagger.search.vocabulary import UnknownWord, Vocabulary, id_list
from tagger.store.reader import Reader

_PAGE = 500
# Photos whose other conditions are checked at once: few at first, then more and more.
_FIRST_BATCH, _LAST_BATCH = 200, 5000
# Of up to so many photos of a time span, path or field, the labels are read in advance.
_SHORTLIST = 30_000
_Item = TypeVar("_Item")

_NO_PHOTO = "SELECT q.id AS photo_id FROM photos q WHERE 1 = 0"
# An order by date, unless something else gives one.
_ANY_DATE = "newest"


@dataclass(frozen=True, slots=True)
class _Order:
    """In which order photos are wanted, how many, and behind which place. `sort`: "date", "path" or what is natural."""

    sort: str = ""
    limit: int | None = None
    after: Cursor | None = None


class Search:
    """One query against one library; without a query, everything.

    `labels`: the settings that say which labels are silenced, and in which language they are asked for and named.
    `likeness`: answers the descriptions of a query; needed only where there are some.
    """

    def __init__(
        self,
        reader: Reader,
        taxonomy: Taxonomy,
        query: Node | None,
        labels: LabelSettings | None = None,
        likeness: LikenessOf = no_likeness,
    ) -> None:
        self._reader = reader
        labels = labels or LabelSettings()
        self._vocabulary = Vocabulary(reader, taxonomy, labels.silence, labels.language)
        self._likeness = likeness
        self._describes = query is not None and any(likes(query))
        self._where = Conditions(reader, self._vocabulary, likeness)
        # Whether the photos are looked for now that match by stored labels only.
        self._wide = False
        self.query = None if query is None else self._vocabulary.join(query)

    @property
    def unknown_words(self) -> tuple[UnknownWord, ...]:
        """Words of the query that no photo of the library has; complete after `results`."""
        return (*self._vocabulary.unknown.values(), *self._vocabulary.without_photos())

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of how words were taken, a sentence each; complete after `results`."""
        return (*self._vocabulary.told.values(), *self._vocabulary.places_told())

    def results(  # noqa: PLR0913 - how results are wanted, each with a default
        self,
        limit: int | None = None,
        *,
        labels: bool = True,
        newest: bool = False,
        after: Cursor | None = None,
        less_sure: bool = False,
        sort: str = "",
        passed: int = 0,
    ) -> Iterator[FoundPhoto]:
        """The photos that match, the surest first; without labels to go by in path order, or the newest first.

        `limit`: of results. `labels`: whether to read which labels matched; without, `FoundPhoto.labels` is empty.
        `after`: go on behind the result that has this place. Raises ValueError for a place of another kind of query.
        `less_sure`: behind them, in the same order, those on which a label is stored that is not sure enough to show.
        `sort`: "date" for the newest first or "path", whatever the query is. `passed`: leave out so many, the first.
        """
        if not sort or sort == "confidence":
            sort = _ANY_DATE if newest else ""
        last = None if limit is None else passed + limit
        places = self._places(_Order(sort, last, after), less_sure)
        wanted = None if self.query is None else labels_asked_for(self.query, self._vocabulary)
        for page in _pages(islice(places, passed, last), _PAGE if limit is None else min(limit, _PAGE)):
            yield from self._complete(page, wanted if labels else {})

    def count(self, *, less_sure: bool = False) -> int:
        """How many photos match."""
        number = None if less_sure else self._counted()
        return sum(1 for _ in self._places(_Order(), less_sure)) if number is None else number

    def ids(self, most: int | None = None, *, less_sure: bool = False) -> list[int]:
        """The photos that match, by their ids, at most so many."""
        return [number for number, _, _ in islice(self._places(_Order(), less_sure), most)]

    def all_ids(self, most: int, *, less_sure: bool = False) -> list[int]:
        """As `ids`, in no order, which is faster where many photos have the labels that are asked for."""
        driver = self._driver(less_sure=False)
        if driver is None or driver.alike or less_sure or self._describes:
            return self.ids(most, less_sure=less_sure)
        found = among_ids(self._rows(driver), self._and(driver.rest), most)
        return [number for (number,) in self._reader.rows(found, self._where.parameters)]

    def among(self, photos: Sequence[int], *, less_sure: bool = False) -> list[int]:
        """Those of some photos that match."""
        self._driver(less_sure=False)
        also = self._and(self.query)
        if self.query is not None and less_sure:
            ways = [self._where.sql(self.query, "p.id", less_sure=wide) for wide in (False, True)]
            also = f" AND ({' OR '.join(ways)})"
        pages = (photos[start : start + _LAST_BATCH] for start in range(0, len(photos), _LAST_BATCH))
        return [photo for page in pages for photo in sorted(self._passing(page, also))]

    def count_less_sure(self, most: int) -> int:
        """How many photos `less_sure` would add; counted up to `most`."""
        return sum(1 for _ in islice(self._less_sure(_Order()), most))

    def named(self, ids: Sequence[int]) -> list[FoundPhoto]:
        """Photos by their ids, with their shown labels, in the order given; whichever is not there is left out."""
        there = self._passing(ids, "")
        return list(self._complete([(number, None, False) for number in ids if number in there], None))

    def in_time(self) -> Source | None:
        """What tells the photos that match, where they come in the order of time; None where in another."""
        return (
            None
            if self._driver(less_sure=False) is not None or self._describes
            else self._source(dated=True, driver=None)
        )

    # --- which photos, in which order -----------------------------------------------------------------

    def _places(self, order: _Order, less_sure: bool) -> Iterator[Place]:
        after = order.after
        if after is None or not after[0].startswith(LESS_SURE):
            yield from ((number, place, False) for number, place in self._in_order(order, less_sure=False))
            order = replace(order, after=None)
        elif not less_sure:
            raise ValueError("the place is of another query")
        if less_sure:
            yield from self._less_sure(order)

    def _less_sure(self, order: _Order) -> Iterator[Place]:
        """The photos of which only stored labels match."""
        if self.query is None or not may_be_less_sure(self.query):
            return
        if order.after is not None:
            order = replace(order, after=(order.after[0].removeprefix(LESS_SURE), *order.after[1:]))
        for number, place in self._in_order(order, less_sure=True):
            yield number, None if place is None else (LESS_SURE + place[0], *place[1:]), True

    def _driver(self, less_sure: bool) -> Driver | None:
        """What drives the search; the conditions are written anew for it."""
        self._where = Conditions(self._reader, self._vocabulary, self._likeness)
        self._wide = less_sure
        if self.query is None:
            return None
        return driver_of(self.query, self._reader, self._vocabulary, lambda like: self._likeness(like, less_sure))

    def _in_order(self, order: _Order, *, less_sure: bool) -> Iterator[Placed]:
        driver, after = self._driver(less_sure), order.after
        if after is not None and (after[0] == SUREST) != (driver is not None):
            raise ValueError("the place is of another query")
        if driver is not None:
            sort = order.sort if order.sort in ("date", "path") else ""
            if not sort or driver.alike or not is_many(driver, self._reader):
                part = order.limit is not None and not sort
                span = spans.span_of(self._reader, self._where, self.query, part=part)
                found = self._surest_first(driver, span, after)
                return iter(in_order(self._reader, list(found), sort)) if sort else found
        dated = order.sort in ("date", _ANY_DATE) or after is not None
        source = self._source(dated, driver)
        return newest_first(source, order.limit, after) if dated else by_path(source, order.limit)

    def _source(self, dated: bool, driver: Driver | None) -> Source:
        """The photos that match, and what an index tells of where they are."""

        def passing(photos: Sequence[int]) -> set[int]:
            return self._passing(photos, also)

        also, matches = self._and(self.query), self._there(self.query)
        told = spans.smallest(self._reader, self._where, self.query, listed=True)
        among, is_few = ("", False) if told is None else (told[0], spans.few(told[1]))
        all_told = path_index.tells(self._reader, self.query)
        if dated and not (is_few or all_told or driver) and spans.has_path(self.query):
            span = spans.span_of(self._reader, self._where, self.query)
            among, is_few = (among, False) if span is None else (id_list(span), True)
        known = [item for item in spans.needed(self.query) if path_index.tells(self._reader, item)]
        return Source(
            self._reader,
            matches,
            self._where.parameters,
            passing,
            among,
            is_few,
            whole=not self._describes,
            told=all_told,
            may="".join(f" AND {self._where.sql(item, 'p.id')}" for item in known),
            times="".join(f" AND {self._where.sql(item, 'p.id')}" for item in spans.times(self.query)),
            driven=None if driver is None else (self._rows(driver), self._there(driver.rest)),
        )

    def _counted(self) -> int | None:
        """How many photos match, counted by the database; None where it cannot."""
        driver = self._driver(less_sure=False)
        if self._describes:
            return None
        if driver is None:
            return counted(self._reader, self._where, self.query)
        told = spans.smallest(self._reader, self._where, self.query)
        if told is not None and is_many(driver, self._reader, told[1]):
            # There are fewer photos to look at than with the labels.
            return counted_among(self._reader, self._where, told[0], self._and(self.query))
        every = self._rows(driver)
        number = None
        if driver.rest is not None and not path_index.tells(self._reader, driver.rest):
            number = counted_combined(self._reader, self._where, self.query, every)
        if number is None:
            number = counted_among(self._reader, self._where, every, self._and(driver.rest))
        return number

    def _surest_first(
        self, driver: Driver, span: set[int] | None, after: Cursor | None
    ) -> Iterator[tuple[int, Cursor]]:
        """The photos of a driver by what is surest of them, those that fail the other conditions left out."""
        also = self._and(driver.rest)
        behind = ""
        place = None if after is None else (float(after[1] or 0), after[2])
        rows: list[Iterator[tuple[float, int]]] = [
            ((-value, number) for value, number in likeness.best_first(place)) for likeness in driver.alike
        ]
        if after is not None and driver.ids:
            confidence, photo = self._where.parameter(after[1]), self._where.parameter(after[2])
            behind = f" AND l.confidence <= {confidence} AND (l.confidence < {confidence} OR l.photo_id > {photo})"
            # A photo stands in the results once, where its best row is: one that stood before is not shown again.
            also += (
                f" AND NOT EXISTS (SELECT 1 FROM photo_labels l WHERE l.photo_id = p.id"
                f" AND +l.label_id IN ({id_list(driver.ids)}){self._rows_of(driver, driver.ids)}"
                f" AND (l.confidence > {confidence} OR (l.confidence = {confidence} AND l.photo_id <= {photo})))"
            )
        if driver.ids and span is not None and len(span) <= _SHORTLIST:
            rows.append(self._shortlist(driver.ids, self._rows_of(driver, driver.ids), span))
        else:
            rows += [self._stream(number, self._rows_of(driver, [number]) + behind) for number in driver.ids]
        candidates = _once(chain(merge(*rows), self._with_keyword(driver.terms, after)), span)
        size = _FIRST_BATCH
        while batch := list(islice(candidates, size)):
            photos = [photo_id for _, photo_id in batch]
            passed = self._passing(photos, also)
            if place is not None:
                for likeness in driver.alike:
                    # As with labels: what stood before is not shown again.
                    passed -= {n for n, value in likeness.among(photos).items() if (-value, n) <= (-place[0], place[1])}
            yield from ((number, (SUREST, -value, number)) for value, number in batch if number in passed)
            size = min(2 * size, _LAST_BATCH)

    def _rows(self, driver: Driver) -> str:
        """A query for the photos of a driver of labels, each as often as it has one."""
        rows = f"SELECT l.photo_id FROM photo_labels l WHERE l.label_id IN ({id_list(driver.ids)})"
        queries = [f"{rows}{self._rows_of(driver, driver.ids)}"] if driver.ids else []
        if driver.terms and not self._wide:
            queries.append(f"SELECT t.photo_id FROM photo_terms t WHERE t.term_id IN ({id_list(driver.terms)})")
        return " UNION ALL ".join(queries) or _NO_PHOTO

    def _rows_of(self, driver: Driver, labels: Sequence[int]) -> str:
        """The condition on the rows of some of a driver's labels, beside which label it is."""
        condition = " AND NOT l.removed"
        if driver.shown:
            condition += " AND l.shown"
        elif driver.comparison is None and not driver.mixed and not self._wide:
            condition += f" AND {self._where.sure('l', labels)}"
        if driver.comparison is not None:
            condition += f" AND {self._where.bound('l.confidence', driver.comparison)}"
        return condition

    def _stream(self, label: int, condition: str) -> Iterator[tuple[float, int]]:
        """(negative confidence, photo) of the rows of a label in this order, read as they are asked for."""
        sql = (
            f"SELECT -l.confidence, l.photo_id FROM photo_labels l WHERE l.label_id = {label}{condition}"
            " ORDER BY l.confidence DESC, l.photo_id"
        )
        return self._reader.rows(sql, self._where.parameters)

    def _with_keyword(self, terms: Sequence[int], after: Cursor | None) -> Iterator[tuple[float, int]]:
        """(0, photo) of the photos that have one of some keywords: behind all others."""
        # The less sure ones have no such keyword, or they would have been found before.
        if terms and not self._wide:
            behind = "" if after is None or after[1] else f" AND t.photo_id > {self._where.parameter(after[2])}"
            sql = f"SELECT DISTINCT t.photo_id FROM photo_terms t WHERE t.term_id IN ({id_list(terms)}){behind}"
            for (photo_id,) in self._reader.rows(f"{sql} ORDER BY t.photo_id", self._where.parameters):
                yield 0.0, photo_id

    def _shortlist(self, labels: Sequence[int], condition: str, photos: set[int]) -> Iterator[tuple[float, int]]:
        """(negative confidence, photo) of those of a few photos that have one of some labels, by their best row."""
        # The plus keeps SQLite from beginning with every row of the labels.
        sql = (
            f"SELECT l.photo_id, max(l.confidence) AS best FROM photo_labels l WHERE l.photo_id IN ({id_list(photos)})"
            f" AND +l.label_id IN ({id_list(labels)}){condition} GROUP BY l.photo_id ORDER BY best DESC, l.photo_id"
        )
        return ((-best, photo_id) for photo_id, best in self._reader.rows(sql, self._where.parameters))

    def _passing(self, photos: Sequence[int], condition: str) -> set[int]:
        """Those of some photos that are there and meet a condition that `_and` wrote."""
        condition = self._where.for_photos(condition, photos)
        sql = f"SELECT p.id FROM photos p WHERE p.id IN ({id_list(photos)}) AND p.missing_since IS NULL{condition}"
        return {photo_id for (photo_id,) in self._reader.rows(sql, self._where.parameters)}

    def _there(self, query: Node | None) -> str:
        """The condition that a photo is there and matches; descriptions are left out."""
        if not self._describes:
            return f"p.missing_since IS NULL{self._and(query)}"
        plain = [item for item in spans.needed(query) if not any(likes(item))]
        return " AND ".join(
            ["p.missing_since IS NULL", *(self._where.sql(one, "p.id", less_sure=self._wide) for one in plain)]
        )

    def _and(self, node: Node | None) -> str:
        """A part of the query as further conditions on a photo; of the less sure photos, that they are such."""
        parts = [] if node is None else [self._where.sql(node, "p.id", less_sure=self._wide)]
        if self._wide and self.query is not None:
            parts.append(f"NOT ({self._where.sql(self.query, 'p.id')})")
        return "".join(f" AND {part}" for part in parts)

    @cached_property
    def _roots(self) -> dict[int, str]:
        return roots_of(self._reader)

    def _complete(self, places: Sequence[Place], wanted: Wanted) -> Iterator[FoundPhoto]:
        def probability(photo: int, less_sure: bool) -> float | None:
            return probability_of(self.query, photo, less_sure, self._likeness) if self._describes else None

        return found_photos(self._reader, self._vocabulary, places, self._roots, wanted, probability)


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
