"""Photos of a query in another order than the labels' or a description's: by path, or the newest first.

Where few photos can match, as an index tells, these are looked up and sorted. Else photos are gone through in the order
that is wanted until enough match: those of the time that is asked for, or of which the index of paths tells that they
may. Where that takes too long, because those that match stand together far behind, all that match are looked up after
all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from tagger.search import path_index
from tagger.store.reader import Reader

# What results are sorted by: the kind of order, the photo's value in it, and its id.
Cursor = tuple[str, float | str | None, int]
# A photo, and where it stands.
Placed = tuple[int, Cursor | None]
SUREST, DATED, UNDATED = "surest", "dated", "undated"
# The kinds of order of the less sure ones begin with this.
LESS_SURE = "less sure, "
# Photos whose conditions are checked at once, at first and at most; so many are gone through, and so many where the
# index of paths tells all in a tenth of a second.
_FIRST, _LAST, _WALKED, _WALKED_IF_TOLD = 200, 5000, 20_000, 3000
_DATE = "coalesce(p.taken, '')"
_BY_DATE = f"{_DATE} DESC, p.id DESC"
_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Source:
    """The photos that match a query.

    `matches`: the condition on a photo `p`, as SQL with `parameters`; `passing`: those of some photos that meet it.
    `among`: a query, or ids, for photos of which those that match are part; `few`: it is known that these are few.
    `whole`: `matches` says everything, and `passing` no more. `told`: the index of paths holds all that is asked.
    `may`, `times`: what every match meets, as far as that index or the one of dates holds it; further conditions.
    `driven`: a query for the photos of labels, and the condition by which these match; else None.
    """

    reader: Reader
    matches: str
    parameters: Mapping[str, Any]
    passing: Callable[[Sequence[int]], set[int]]
    among: str = ""
    few: bool = False
    whole: bool = True
    told: bool = False
    may: str = ""
    times: str = ""
    driven: tuple[str, str] | None = None

    def all(self, order: str, limit: int | None, what: str = "p.id", behind: str = "") -> Iterator[tuple[Any, ...]]:
        """Those that match, as one query; `behind`: a further condition."""
        end = f" LIMIT {limit}" if limit is not None and self.whole else ""
        sql = f"SELECT {what} FROM {self._those(limit)}{behind} ORDER BY {order}{end}"
        rows = self.reader.rows(sql, self.parameters)
        return rows if self.whole else self._that_pass(rows)

    def is_gathered(self, limit: int | None) -> bool:
        """Whether the photos are those that another index tells, which are in no order."""
        return self._is_among(limit) or self.driven is not None

    def _is_among(self, limit: int | None) -> bool:
        return bool(self.among) and (self.few or (limit is not None and not self.told))

    def _those(self, limit: int | None) -> str:
        if self._is_among(limit):
            return f"photos p WHERE p.id IN ({self.among}) AND {self.matches}"
        if self.driven is not None:
            those = f"(SELECT +s.photo_id AS photo_id FROM ({self.driven[0]}) AS s GROUP BY +s.photo_id) AS d"
            return f"{those} CROSS JOIN photos p WHERE p.id = d.photo_id AND {self.driven[1]}"
        return f"{path_index.photos(self.reader)} WHERE {self.matches}"

    def _that_pass(self, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        while page := list(islice(rows, _LAST)):
            passed = self.passing([row[0] for row in page])
            yield from (row for row in page if row[0] in passed)

    def first(
        self,
        limit: int | None,
        walk: Iterator[tuple[Any, ...]],
        everything: Callable[[], Iterable[tuple[Any, ...]]],
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of photos that match, which begin with an id. `walk`: of all photos; `everything`: that match."""
        if limit is None or self.few:
            yield from everything()
            return
        walked, found, size = 0, 0, _FIRST
        while walked < (_WALKED_IF_TOLD if self.told else _WALKED):
            batch = list(islice(walk, size))
            if not batch:
                return
            passed = self.passing([row[0] for row in batch])
            for row in batch:
                if row[0] in passed:
                    found += 1
                    yield row
            walked, size = walked + len(batch), min(2 * size, _LAST)
        yield from islice(everything(), found, None)


def by_path(source: Source, limit: int | None) -> Iterator[Placed]:
    """As in a listing."""
    order = path_index.order(source.reader)
    # The sum keeps the database from going through all photos in this order instead of those that an index tells.
    sorted_by = order.replace("p.root_id", "p.root_id + 0") if source.is_gathered(limit) else order

    def all_of_them() -> Iterator[tuple[Any, ...]]:
        return source.all(sorted_by, limit, "p.id, NULL")

    if source.told and not source.few:
        yield from all_of_them()
        return
    may = f"SELECT p.id, NULL FROM {path_index.photos(source.reader)} WHERE p.missing_since IS NULL{source.may}"
    walk = source.reader.rows(f"{may} ORDER BY {order}", source.parameters)
    yield from source.first(limit, walk, all_of_them)


def newest_first(source: Source, limit: int | None, after: Cursor | None = None) -> Iterator[Placed]:
    """By the date taken; those without a date last, the latest found first. `after`: behind this place."""
    last = {} if after is None else {"last_date": str(after[1] or ""), "last": after[2]}
    behind = "" if after is None else f" AND ({_DATE}, p.id) < (:last_date, :last)"
    known = replace(source, parameters={**source.parameters, **last})

    def all_of_them() -> Iterator[tuple[Any, ...]]:
        return known.all(_BY_DATE, limit, f"p.id, {_DATE}", behind)

    for number, date in source.first(limit, _through_time(known, after), all_of_them):
        yield number, (DATED, date, number) if date else (UNDATED, None, number)


def _through_time(source: Source, after: Cursor | None) -> Iterator[tuple[Any, ...]]:
    """Every photo that is there, by date; of some times only those of them."""
    dated, undated = source.times, ""
    only_undated = after is not None and after[0] == UNDATED
    if after is not None:
        dated += " AND (p.taken, p.id) < (:last_date, :last)"
        undated = " AND p.id < :last" if only_undated else ""
    there = "SELECT p.id, p.taken FROM photos p WHERE p.missing_since IS NULL AND p.taken IS"
    with_date = f"{there} NOT NULL{dated} ORDER BY p.taken DESC, p.id DESC"
    without = f"{there} NULL{undated} ORDER BY p.id DESC"
    queries = [*([] if only_undated else [with_date]), *([] if source.times else [without])]
    return chain.from_iterable(source.reader.rows(sql, source.parameters) for sql in queries)


def in_order(reader: Reader, found: Sequence[Placed], sort: str) -> list[Placed]:
    """Photos that were found in another order, by "date" or by "path"."""
    column = _DATE if sort == "date" else "p.path_folded"
    keys: dict[int, tuple[Any, ...]] = {}
    for start in range(0, len(found), _PAGE):
        ids = ",".join(str(number) for number, _ in found[start : start + _PAGE])
        rows = reader.rows(f"SELECT p.id, p.root_id, {column} FROM photos p WHERE p.id IN ({ids})", {})
        keys |= {number: (key, number) if sort == "date" else (root, key, number) for number, root, key in rows}
    return sorted(found, key=lambda one: keys[one[0]], reverse=sort == "date")
