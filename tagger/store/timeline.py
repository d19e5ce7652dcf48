"""How many photos were taken in each month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    # From month to month along the index of dates, which counts a million in a twentieth of a second; the few that are
    # missing are taken off, for which their rows are read.
    counts: Counter[str] = Counter()
    before: str | None = None
    while True:
        earlier = "" if before is None else " WHERE taken < :before"
        [(last,)] = reader.rows(f"SELECT max(taken) FROM photos{earlier}", {} if before is None else {"before": before})
        if last is None:
            break
        before = last[:7]
        within = "SELECT count(*) FROM photos WHERE taken >= :first AND taken <= :last"
        [(counts[before],)] = reader.rows(within, {"first": before, "last": last})
    [(undated,)] = reader.rows("SELECT count(*) FROM photos WHERE taken IS NULL", {})
    gone = "SELECT substr(taken, 1, 7), count(*) FROM photos WHERE missing_since IS NOT NULL GROUP BY 1"
    for month, number in reader.rows(gone, {}):
        if month is None:
            undated -= number
        else:
            counts[month] -= number
    return in_time(counts, undated)


def in_time(counts: Mapping[str, int], undated: int) -> Timeline:
    """Months in their order, without those that have no photos."""
    return Timeline(tuple(Month(name, counts[name]) for name in sorted(counts, reverse=True) if counts[name]), undated)
