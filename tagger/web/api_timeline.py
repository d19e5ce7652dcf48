"""The months of the library or of a search, for whoever goes to a date."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from tagger.core.sentences import Sentence
from tagger.search.months import months_of
from tagger.search.ordered import DATED, UNDATED
from tagger.search.query_tree import Node
from tagger.store.timeline import Timeline
from tagger.web import albums, search_pages
from tagger.web.context import context_of
from tagger.web.problems import ProblemError
from tagger.web.search_pages import Library, cursor
from tagger.web.visitor import Spoken

router = APIRouter(tags=["photos"])
_HIGHEST = 2**62 - 1


class MonthOut(BaseModel):
    """A month, as `2023-06`. `after`: what search takes to begin with it. `photos`: null if they are too many."""

    month: str
    photos: int | None
    after: str


class TimelineOut(BaseModel):
    """The months that have photos, the newest first. `undated`: photos without a date, from `undated_after` on.

    Of a search that finds too many to be counted the months are those of the library, and the numbers null.
    """

    months: list[MonthOut]
    undated: int | None
    undated_after: str


@router.get("/timeline")
def get_timeline(
    request: Request,
    spoken: Spoken,
    q: Annotated[str, Query(max_length=10_000, description="Of what this finds; without, of the library")] = "",
    album: Annotated[int, Query(ge=0, le=2**31 - 1, description="Within this saved search")] = 0,
) -> TimelineOut:
    """How many photos were taken in each month; in a large library as of half a minute ago, however many ask.

    A search that has labels in it is in another order than that of time, and has no months.
    """
    context = context_of(request)
    found = _of_search(Library(context, spoken.code), q, album) if q.strip() or album else context.timeline.get()
    counted = found is not None
    found = found or context.timeline.get()
    return TimelineOut(
        months=[
            MonthOut(month=one.name, photos=one.photos if counted else None, after=_before(one.name))
            for one in found.months
        ],
        undated=found.undated if counted or not found.undated else None,
        undated_after=cursor((UNDATED, None, _HIGHEST)),
    )


def _of_search(library: Library, query: str, album: int) -> Timeline | None:
    """The months of what a search finds; None if it is too much. Raises ProblemError, QueryError."""
    context = library.context
    saved = albums.saved_by_id(context, album) if album else None
    tree = search_pages.query_tree(query, saved)
    return context.months.get((library.code, query, saved), lambda: _counted(library, tree))


def _counted(library: Library, tree: Node | None) -> Timeline | None:
    context = library.context
    with context.reader() as reader:
        source = library.search(reader, tree, context.describer(reader, library.code)).in_time()
        if source is None:
            raise ProblemError(
                400,
                Sentence("What this search finds is in another order than that of time."),
                Sentence("Search without labels, or narrow it with taken:2023."),
            )
        return months_of(source)


def _before(month: str) -> str:
    """The place in the order of dates behind which a month's photos begin."""
    year, _, number = month.partition("-")
    # What is no date of the calendar stands between dates all the same.
    later = f"{year}-{int(number) + 1:02}" if number.isdecimal() else month + "~"
    return cursor((DATED, later, 1))
