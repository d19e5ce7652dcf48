"""What a person removes again and again is shown less: learned from corrections, for each library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from tagger.core.config import LabelSettings
from tagger.core.names import folded
from tagger.core.photo import DERIVED, Label
from tagger.core.sentences import Sentence
from tagger.labels.policy import CandidateReport
from tagger.labels.whys import compared, fate
from tagger.store.corrections import removed_often

# Removed from so many photos, and confirmed on no more than this share of them: it is wrong here, not there.
LEAST_REMOVED = 5
_MOST_CONFIRMED = 0.25
_STEP = 0.01


@dataclass(frozen=True, slots=True)
class Learned:
    """A label that a person removed from `removed` photos. `threshold`: it is shown only if it is as sure as this."""

    threshold: float
    removed: int


def learned_thresholds(session: Session, settings: LabelSettings) -> dict[str, Learned]:
    """What the corrections of this library say, by the label's key; nothing of labels with a threshold of the owner's.

    A label that is wrong again and again is shown where it is surer than on any photo from which it was removed.
    """
    ruled = {folded(name) for name in settings.thresholds}
    return {
        one.key: Learned(min(1.0, one.surest + _STEP), one.removed)
        for one in removed_often(session, LEAST_REMOVED)
        if one.confirmed <= _MOST_CONFIRMED * one.removed and ruled.isdisjoint({folded(one.key), folded(one.name)})
    }


def less_shown(labels: Sequence[Label], learned: Mapping[str, Learned]) -> tuple[Label, ...]:
    """A photo's labels with those hidden that are not sure enough; they rank after all that are shown."""
    if not any(_hides(learned, label) for label in labels):
        return tuple(labels)
    hidden = [replace(label, shown=label.shown and not _hides(learned, label)) for label in labels]
    hidden.sort(key=lambda label: (not label.shown, label.rank))
    return tuple(replace(label, rank=rank) for rank, label in enumerate(hidden, 1))


def explained(reports: Sequence[CandidateReport], learned: Mapping[str, Learned]) -> list[CandidateReport]:
    """The same for reports: hidden ones say why."""
    found = []
    for report in reports:
        one = learned.get(report.key)
        if one is None or not report.shown or report.probability >= one.threshold:
            found.append(report)
            continue
        said = Sentence(
            "you removed it from {number} photos, so it must be surer than on any of them: {why}",
            number=f"{one.removed:,}",
            why=compared(f"{report.probability:.2f}", f"{one.threshold:.2f}", reached=False),
        )
        why = fate(shown=False, stored=True, why=said)
        found.append(replace(report, shown=False, why=why, threshold=one.threshold))
    return found


def _hides(learned: Mapping[str, Learned], label: Label) -> bool:
    one = learned.get(label.key)
    return one is not None and label.shown and label.origin in DERIVED and label.confidence < one.threshold
