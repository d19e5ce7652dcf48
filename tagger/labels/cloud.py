"""Which labels of a library are worth listing, and which one is the example of a search."""

from __future__ import annotations

from collections.abc import Sequence

from tagger.imaging.kinds import KINDS
from tagger.labels.taxonomy import load
from tagger.store.counts import LabelCount

# A wide word is left out where the narrower ones are shown on this share of its photos, at the most.
_SAID = 0.5
# How a photo was taken, and what stands behind everything: true of very many photos, and nobody's first search.
_NO_SUBJECTS = frozenset(
    (
        *KINDS,
        *("portrait", "silhouette", "landscape", "winter", "clothing", "furniture"),
        *("sky", "cloud", "water", "grass", "field", "sand", "rock", "ice", "mud", "smoke"),
        *("road", "room", "wall", "window", "stairs", "roof", "fence"),
    )
)


def worth_listing(counts: Sequence[LabelCount]) -> list[LabelCount]:
    """The shown labels without those wide words that narrower ones make superfluous, in the order given.

    A search finds the photos of those as well, and they stand in the hierarchy.
    """
    shown = [label for label in counts if label.shown]
    return [label for label in shown if label.key not in load().wide or not _is_said(label, shown)]


def _is_said(label: LabelCount, shown: Sequence[LabelCount]) -> bool:
    below = load().below(label.key)
    return sum(other.shown for other in shown if other.key in below and other is not label) >= _SAID * label.shown


def example(counts: Sequence[LabelCount]) -> LabelCount | None:
    """The label to show a search with: the most frequent person, animal, thing, place or event. None without any label.

    A label of the owner's own is one, whatever it is called.
    """
    listed = worth_listing(counts)
    aside = {load().label_named(name) for name in _NO_SUBJECTS}
    return next((label for label in listed if label.key not in aside), listed[0] if listed else None)
