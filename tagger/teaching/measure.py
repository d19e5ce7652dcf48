"""Training a label's classifier on its examples, and measuring how good it is. Stores nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import TaughtHead
from tagger.store.examples import Kind
from tagger.teaching.evaluate import Operating, Separation, choose, operating_points, out_of_fold, separation
from tagger.teaching.logistic import fit
from tagger.teaching.report import Report

LEAST = 10
# Drawn photos that score above this share of the right examples may be right ones and are left out, unless they are
# more than this share of those drawn: then it is the classifier that cannot tell.
_ALIKE, _MOST_ALIKE = 0.25, 0.05
# A classifier is better than chance if random scores do as well with less than this probability.
_CHANCE = 0.001
_NOWHERE = Operating(1.0, 0.0, 0.0, 0)
_UNKNOWN = Separation(0.0, 1.0)
_NONE: NDArray[np.float32] = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Scored:
    """The library's scores by a classifier: photo ids (ascending) and their probabilities, float32.

    `since`: seconds since the epoch; photos labelled at or after this time may be missing or outdated.
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    since: float = 0.0

    @classmethod
    def nothing(cls) -> Scored:
        """A library without photos."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32))

    def above(self, threshold: float) -> dict[int, float]:
        """The photos that reach a threshold, with their probabilities."""
        found = self.scores >= threshold
        return dict(zip(self.ids[found].tolist(), self.scores[found].tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier before it is measured. `head`: without its threshold; None if there are too few examples.

    For the examples it was trained on: `scores`, float32 (used,), by a classifier that has not seen them; `yes`, bool
    (used,). `sampled`: whether any was drawn from the library. `alike`: bool (examples,), drawn photos that look like
    right ones and are not used; `doubtful`: their scores. `told`: how well the scores separate the kinds.
    """

    head: TaughtHead | None
    report: Report
    alike: NDArray[np.bool_]
    scores: NDArray[np.float32]
    yes: NDArray[np.bool_]
    doubtful: NDArray[np.float32]
    sampled: bool
    told: Separation


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured classifier. `head`: None if it must not be used, for the reason in `report`."""

    head: TaughtHead | None
    report: Report


def train_head(key: str, name: str, rows: NDArray[np.float32], kinds: NDArray[np.str_], report: Report) -> Fitted:
    """Train a classifier. rows: features of length one, float32 (examples, features); kinds: (examples,) of `Kind`.

    `report`: has the counts of examples; the result's report has more.
    """
    sampled, yes = kinds == Kind.SAMPLED, kinds == Kind.YES
    alike = np.zeros(len(kinds), np.bool_)
    if report.yes < LEAST or report.no + report.sampled < LEAST:
        lacks = f"{report.yes} right" if report.yes < LEAST else f"{report.no + report.sampled} wrong"
        why = f"there are only {lacks} examples; at least {LEAST} of each kind are needed"
        return Fitted(None, replace(report, refused=why), alike, _NONE, yes[:0], _NONE, False, _UNKNOWN)
    first = out_of_fold(rows, yes)
    like = sampled & (first >= np.quantile(first[yes], _ALIKE))
    scores = first
    if 0 < like.sum() <= _MOST_ALIKE * sampled.sum() and (~like & ~yes).sum() >= LEAST:
        alike, scores = like, first.copy()
        scores[~alike] = out_of_fold(rows[~alike], yes[~alike])
    used = ~alike
    weights, bias = fit(rows[used], yes[used])
    return Fitted(
        TaughtHead(key, name, weights, bias, 1.0),
        replace(report, alike=int(alike.sum())),
        alike,
        scores[used],
        yes[used],
        first[alike],
        bool(sampled[used].any()),
        separation(first, yes),
    )


def measure(candidate: Fitted, scored: Scored) -> Measured:
    """Choose the threshold for the wanted precision. `scored`: the library's scores by the classifier."""
    if candidate.head is None:
        return Measured(None, candidate.report)
    report, scores, yes, told = candidate.report, candidate.scores, candidate.yes, candidate.told
    stand_for = _stand_for(scored, scores, yes) if candidate.sampled else (1.0, 1.0)
    points = operating_points(scores, yes, stand_for)
    best = choose(points, report.wanted)
    why = ""
    if told.chance > _CHANCE:
        why = f"it is no better than chance (a right example scores above a wrong one {told.auc:.0%} of the time)"
    elif best is None:
        nearest = max(points, key=lambda point: point.precision, default=_NOWHERE)
        why = f"no threshold reaches the wanted precision of {report.wanted:.0%}; the best is {nearest.precision:.0%}"
    point = best or _NOWHERE
    report = replace(
        report,
        refused=why,
        cautious=_with_wrong(point, int((candidate.doubtful >= point.threshold).sum()), int(yes.sum()), stand_for),
        auc=told.auc,
        precision=point.precision,
        recall=point.recall,
        wrong=point.wrong,
        threshold=point.threshold,
        photos=0 if why else len(scored.above(point.threshold)),
        library=len(scored.ids),
    )
    return Measured(None if why else replace(candidate.head, threshold=point.threshold), report)


def _stand_for(scored: Scored, scores: NDArray[np.float32], yes: NDArray[np.bool_]) -> tuple[float, float]:
    """How many photos of the library each right and each wrong example stands for, if wrong ones were drawn from it.

    Right ones are rarer in the library than among the examples. Their share is estimated as the share of photos found,
    minus the rate of false positives, divided by the difference of the two rates (Forman, "Quantifying counts and
    costs via classification", 2008: adjusted count).
    """
    if not len(scored.ids):
        return 1.0, 1.0
    right = float((scores[yes] >= 0.5).mean())
    false = float((scores[~yes] >= 0.5).mean())
    found = float((scored.scores >= 0.5).mean())
    share = max(found - false, 0.0) / max(right - false, 0.05)
    library = len(scored.ids)
    rights = min(max(share * library, float(yes.sum())), library / 2)
    return rights / float(yes.sum()), (library - rights) / float((~yes).sum())


def _with_wrong(point: Operating, more: int, right: int, weights: tuple[float, float]) -> float:
    """A threshold's precision with `more` wrong examples above it. `weights`: see operating_points."""
    true, false = point.recall * right * weights[0], (point.wrong + more) * weights[1]
    return true / (true + false) if true else 0.0
