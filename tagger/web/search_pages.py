"""Searching page by page, and suggesting labels while somebody types: for the pages and for the API."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from tagger.labels import taxonomy
from tagger.labels.taxonomy import normal
from tagger.search.query import parse
from tagger.search.run import DATED, SUREST, UNDATED, Cursor, FoundPhoto, Search
from tagger.search.vocabulary import UnknownWord
from tagger.web.context import WebContext
from tagger.web.problems import ProblemError

PAGE = 60


@dataclass(frozen=True, slots=True)
class Page:
    """Some results. `next`: the cursor of the page behind them, empty on the last."""

    photos: list[FoundPhoto]
    next: str
    unknown: tuple[UnknownWord, ...]


def search(context: WebContext, query: str, after: str, limit: int = PAGE) -> Page:
    """A page of the photos that a query finds, the surest first; without labels in it, or empty, the newest first.

    Raises QueryError, StoreError, ProblemError for a cursor of another query.
    """
    tree = parse(query) if query.strip() else None
    place = _place(after) if after else None
    with context.reader() as reader:
        search = Search(reader, taxonomy.load(), tree, context.settings.labels.silence)
        try:
            found = list(search.results(limit + 1, newest=True, after=place))
        except ValueError as error:
            raise _not_of_this_query() from error
        # Unknown words are reported on the first page only.
        unknown = () if after else search.unknown_words
    more = len(found) > limit
    photos = found[:limit]
    return Page(photos, _cursor(photos[-1].place) if more else "", unknown)


def by_ids(context: WebContext, ids: list[int]) -> list[FoundPhoto]:
    """Photos with their shown labels, in the order given."""
    with context.reader() as reader:
        return Search(reader, taxonomy.load(), None).named(ids)


def suggest(context: WebContext, text: str, limit: int) -> list[tuple[str, int]]:
    """Labels of the library for the beginning of a word, as (name, photos that show it), the most frequent first."""
    word = normal(text)
    if not word:
        return []
    counts = [(label.name, label.shown) for label in context.label_counts() if label.shown]
    begins = [item for item in counts if normal(item[0]).startswith(word)]
    inside = [item for item in counts if f" {word}" in f" {normal(item[0])}" and item not in begins]
    return (begins + inside)[:limit]


def _cursor(place: Cursor | None) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> Cursor:
    """The place that a cursor stands for; whatever somebody made up instead is refused."""
    try:
        kind, value, photo_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fits = {SUREST: float, DATED: str, UNDATED: type(None)}[kind]
        # JSON writes 1.0 as 1.0, so a confidence stays a float.
        if (
            not isinstance(value, float | str | None)
            or not isinstance(value, fits)
            or type(photo_id) is not int
            or not 0 < photo_id < 2**62
        ):
            raise TypeError
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise _not_of_this_query() from error
    return str(kind), value, photo_id


def _not_of_this_query() -> ProblemError:
    return ProblemError(400, "`after` is no cursor of this query.", "Use the `next` of the page before, or begin anew.")
