"""How a grid of photos is laid out: in rows of one height, in which every photo keeps its proportions.

A photo's share of its row follows from its proportions alone, so style sheets can do it, without a script, and before
a picture is there. The Content-Security-Policy forbids styles in the page itself: there is a class for each proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from tagger.search.found_photo import FoundPhoto
from tagger.search.ordered import DATED, UNDATED

# Width by height, in hundredths; what is wider or taller is shown whole, with a margin.
_LEAST, _MOST = 40, 400
_SQUARE = (400, 400)
# Fewer photos of a month than these share a heading with those of the next.
_FEW = 8
# As many under a shared heading are enough.
_ENOUGH = 24


@dataclass(frozen=True, slots=True)
class Shape:
    """A photo's size in pixels, and the class that has its proportions."""

    width: int
    height: int

    @property
    def name(self) -> str:
        """The class, which differs from the proportions by half a hundredth at most."""
        return f"r{min(max(round(100 * self.width / self.height), _LEAST), _MOST)}"

    def across(self, longest: int) -> int:
        """The width in pixels of a small copy of which the longer side has at most `longest`."""
        return max(1, round(self.width * min(1, longest / max(self.width, self.height))))

    def rem(self, height: float) -> float:
        """About how wide it is in a row of that height."""
        return round(height * min(max(self.width / self.height, _LEAST / 100), _MOST / 100), 1)


@dataclass(frozen=True, slots=True)
class Group:
    """Photos under one heading: of the months from `oldest` to `newest`, as `2023-06`; empty where dates are unknown.

    None: they are in another order than that of time.
    """

    oldest: str | None
    newest: str | None
    photos: list[FoundPhoto]


def shapes(photos: Sequence[FoundPhoto], sizes: dict[int, tuple[int, int]]) -> dict[int, Shape]:
    """The shape of each photo by its id; a square where its size is not known."""
    return {one.photo_id: Shape(*sizes.get(one.photo_id, _SQUARE)) for one in photos}


def by_month(photos: Sequence[FoundPhoto]) -> list[Group]:
    """Photos by the months in which they were taken, if they come in that order, newest first; else one group.

    Months of few photos that follow each other share a heading: a row for each would be mostly empty.
    """
    if not all(one.place is not None and one.place[0] in (DATED, UNDATED) for one in photos):
        return [Group(None, None, list(photos))] if photos else []
    found: list[Group] = []
    for month, each in groupby(photos, lambda one: (one.taken or "")[:7]):
        taken, last = list(each), found[-1] if found else None
        rare = last is not None and (len(last.photos) < _FEW or last.oldest != last.newest)
        if month and last is not None and rare and len(taken) < _FEW and len(last.photos) < _ENOUGH:
            found[-1] = Group(month, last.newest, [*last.photos, *taken])
        else:
            found.append(Group(month, month, taken))
    return found


@cache
def style_sheet() -> str:
    """The classes of all proportions."""
    lines = [f".r{one}{{--r:{one / 100:g}}}" for one in range(_LEAST, _MOST + 1)]
    return "\n".join([*lines, f".r{_LEAST} img,.r{_MOST} img{{object-fit:contain}}"]) + "\n"
