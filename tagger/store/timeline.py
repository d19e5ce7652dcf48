"""How many photos were taken in each month."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tagger.store.reader import Reader


@dataclass(frozen=True, slots=True)
class Month:
    """A month, as `2023-06`, and the photos taken in it whose files are there."""

    name: str
    photos: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """The months that have photos, the newest first, and how many photos have no date."""

    months: tuple[Month, ...]
    undated: int


def timeline_of(reader: Reader) -> Timeline:
    """The months of a library."""
    # The index of dates tells all of them; the few that are missing are taken off, for which their rows are read.
    counts: Counter[str] = Counter()
    for sign, condition in ((1, "1 = 1"), (-1, "missing_since IS NOT NULL")):
        months = f"SELECT substr(taken, 1, 7), count(*) FROM photos WHERE {condition} GROUP BY 1"
        for month, number in reader.rows(months, {}):
            counts[month or ""] += sign * number
    undated = counts.pop("", 0)
    return Timeline(tuple(Month(name, counts[name]) for name in sorted(counts, reverse=True) if counts[name]), undated)
