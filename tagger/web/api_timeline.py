"""The months of the library, for whoever goes to a date."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from tagger.search.ordered import DATED, UNDATED
from tagger.web.context import context_of
from tagger.web.search_pages import cursor

router = APIRouter(tags=["photos"])
_HIGHEST = 2**62 - 1


class MonthOut(BaseModel):
    """A month, as `2023-06`. `after`: what search takes to begin with it."""

    month: str
    photos: int
    after: str


class TimelineOut(BaseModel):
    """The months that have photos, the newest first. `undated`: photos without a date, from `undated_after` on."""

    months: list[MonthOut]
    undated: int
    undated_after: str


@router.get("/timeline")
def get_timeline(request: Request) -> TimelineOut:
    """How many photos were taken in each month; of half a minute ago, however many ask."""
    found = context_of(request).timeline.get()
    return TimelineOut(
        months=[MonthOut(month=one.name, photos=one.photos, after=_before(one.name)) for one in found.months],
        undated=found.undated,
        undated_after=cursor((UNDATED, None, _HIGHEST)),
    )


def _before(month: str) -> str:
    """The place in the order of dates behind which a month's photos begin."""
    year, _, number = month.partition("-")
    # What is no date of the calendar stands between dates all the same.
    later = f"{year}-{int(number) + 1:02}" if number.isdecimal() else month + "~"
    return cursor((DATED, later, 1))
