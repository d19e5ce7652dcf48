"""Searching page by page, and suggesting labels while somebody types: for the pages and for the API."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from tagger.labels import taxonomy
from tagger.labels.search_only import search_only
from tagger.labels.taxonomy import normal
from tagger.search.query import parse
from tagger.search.run import DATED, LESS_SURE, SUREST, UNDATED, Cursor, FoundPhoto, Search
from tagger.search.vocabulary import UnknownWord
from tagger.store.counts import LabelCount
from tagger.web.context import WebContext
from tagger.web.problems import ProblemError

PAGE = 60
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """Some results. `next`: the cursor of the page behind them, empty on the last.

    `less_sure`: on the last page, how many more photos there are on which the labels are less sure, up to `COUNTED`.
    """

    photos: list[FoundPhoto]
    next: str
    unknown: tuple[UnknownWord, ...]
    less_sure: int


def search(context: WebContext, query: str, after: str, limit: int = PAGE, *, less_sure: bool = False) -> Page:
    """A page of the photos that a query finds, the surest first; without labels in it, or empty, the newest first.

    `less_sure`: behind all of them those on which the labels are not sure enough to be shown.
    Raises QueryError, StoreError, ProblemError for a cursor of another query.
    """
    tree = parse(query) if query.strip() else None
    place = _place(after) if after else None
    with context.reader() as reader:
        search = Search(reader, taxonomy.load(), tree, context.settings.labels.silence)
        try:
            found = list(search.results(limit + 1, newest=True, after=place, less_sure=less_sure))
        except ValueError as error:
            raise _not_of_this_query() from error
        # Unknown words are reported on the first page only.
        unknown = () if after else search.unknown_words
        more = len(found) > limit
        others = 0 if more or less_sure else search.count_less_sure(COUNTED)
    photos = found[:limit]
    return Page(photos, _cursor(photos[-1].place) if more else "", unknown, others)


def by_ids(context: WebContext, ids: list[int]) -> list[FoundPhoto]:
    """Photos with their shown labels, in the order given."""
    with context.reader() as reader:
        return Search(reader, taxonomy.load(), None).named(ids)


def suggest(context: WebContext, text: str, limit: int) -> list[tuple[str, int]]:
    """Labels of the library for the beginning of a word, as (name, photos that have it), the most frequent first."""
    word = normal(text)
    if not word:
        return []
    counts = [(label.name, _found(label)) for label in context.label_counts() if _found(label)]
    begins = [item for item in counts if normal(item[0]).startswith(word)]
    inside = [item for item in counts if f" {word}" in f" {normal(item[0])}" and item not in begins]
    return (begins + inside)[:limit]


def _found(label: LabelCount) -> int:
    """The photos on which a search finds a label: it is shown, or would be if it served more than search."""
    return label.stored if label.key in search_only() else label.shown


def _cursor(place: Cursor | None) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Cursor:
    """The place that a cursor stands for; whatever somebody made up instead is refused."""
    try:
        kind, value, photo_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fits = {SUREST: float, DATED: str, UNDATED: type(None)}[kind.removeprefix(LESS_SURE)]
        # JSON writes 1.0 as 1.0, so a confidence stays a float.
        if (
            not isinstance(value, float | str | None)
            or not isinstance(value, fits)
            or type(photo_id) is not int
            or not 0 < photo_id < 2**62
        ):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
        raise _not_of_this_query() from error
    return str(kind), value, photo_id


def _not_of_this_query() -> ProblemError:
    return ProblemError(400, "`after` is no cursor of this query.", "Use the `next` of the page before, or begin anew.")
