"""Which labels of a library are worth listing: a wide word is not, where narrower ones say as much."""

from __future__ import annotations

from collections.abc import Sequence

from tagger.labels.taxonomy import load
from tagger.store.counts import LabelCount

# A wide word is left out where the narrower ones are shown on this share of its photos, at the most.
_SAID = 0.5


def worth_listing(counts: Sequence[LabelCount]) -> list[LabelCount]:
    """The shown labels without those wide words that narrower ones make superfluous, in the order given.

    A search finds the photos of those as well, and they stand in the hierarchy.
    """
    shown = [label for label in counts if label.shown]
    return [label for label in shown if label.key not in load().wide or not _is_said(label, shown)]


def _is_said(label: LabelCount, shown: Sequence[LabelCount]) -> bool:
    below = load().below(label.key)
    return sum(other.shown for other in shown if other.key in below and other is not label) >= _SAID * label.shown
