"""What the library holds, at a glance: with what the start page begins."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from tagger.core import events
from tagger.core.errors import TaggerError
from tagger.core.local_zone import LocalZone
from tagger.labels.review import uncertain
from tagger.store.covers import Cover, Town, covers_of, lately_added, on_days, towns
from tagger.web.context import WebContext, context_of
from tagger.web.label_pages import Card, in_sections
from tagger.web.remembered import Remembered
from tagger.web.visitor import spoken_of

_LOG = logging.getLogger("tagger")
# As many of each kind.
_EACH = 4
# Of one day of one year at most so many, so that several years are seen.
_OF_A_DAY = 2
# Seconds for which photos stay on the shelves.
SHELVES_FRESH = 60.0
SHOWN = ("people", "animals", "places")


@dataclass(frozen=True, slots=True)
class Shelves:
    """Photos with which a visit begins. `this_day`: of this day in earlier years; `doubtful`: with unsure labels."""

    towns: list[Town]
    recent: list[Cover]
    this_day: list[Cover]
    doubtful: list[Cover]

    @property
    def years(self) -> list[str]:
        """The years of this day."""
        return sorted({one.taken[:4] for one in self.this_day})


@dataclass(frozen=True, slots=True)
class Start:
    """The start page's shelves, and the most frequent labels of some groups by the groups' names."""

    shelves: Shelves
    labels: dict[str, list[Card]]

    def __bool__(self) -> bool:
        shelves = self.shelves
        return bool(any(self.labels.values()) or shelves.this_day or shelves.doubtful or shelves.towns)


def start(request: Request) -> Start:
    """What a visitor sees first. Raises StoreError."""
    context, spoken = context_of(request), spoken_of(request)
    found = {section.name: cards[:_EACH] for section, cards in in_sections(context, spoken) if section.name in SHOWN}
    known: Remembered[Shelves] = request.app.state.shelves
    return Start(known.get(), found)


def shelves(context: WebContext) -> Shelves:
    """Read them from the library. Raises StoreError."""
    today = datetime.fromtimestamp(context.clock.now(), LocalZone())
    months = [one.name for one in context.timeline.get().months if one.name[5:] == f"{today:%m}"]
    days = [f"{month}-{today:%d}" for month in months if month[:4] < f"{today:%Y}"]
    with context.reader() as reader:
        return Shelves(
            towns(reader, _EACH),
            lately_added(reader, _EACH),
            on_days(reader, days, _OF_A_DAY)[: 2 * _EACH],
            covers_of(reader, _doubtful(context)),
        )


def _doubtful(context: WebContext) -> list[int]:
    """Photos of which a label is unsure, as many as are shown."""
    try:
        with context.reader() as reader:
            found = uncertain(reader, context.policy, 3 * _EACH)
    except TaggerError as error:
        # Settings or a model that make no sense are told of by the status; the photos are there all the same.
        _LOG.debug(events.PAGE_WAITS(why=str(error)))
        return []
    return list(dict.fromkeys(one.photo_id for one in found))[:_EACH]
