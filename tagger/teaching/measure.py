"""Training a label's classifier on its examples, and measuring how good it is. Stores nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import TaughtHead
from tagger.store.examples import Kind
from tagger.teaching.evaluate import Operating, Separation, choose, operating_points, out_of_fold, separation
from tagger.teaching.logistic import fit
from tagger.teaching.report import Report

LEAST = 10
# Drawn photos that score above this share of the right examples may be right ones: nobody said, so they are left out.
_ALIKE = 0.25
# A classifier is better than chance if random scores do as well with less than this probability.
_CHANCE = 0.001
# How many right photos a library has is estimated where this share of them is found; from fewer it would be noise.
_ENOUGH = 0.25
# The wrong photos' scores are followed from where half of the library, to where this share of it, scores higher.
_TOP = 0.1
# A picture of the thresholds has so many of them.
_POINTS = 40
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
class Examples:
    """What a classifier is trained on: `rows`, of length one, float32 (examples, features); `kinds`, of `Kind`;

    `ids`: the photo of each, 0 for a file outside the library.
    """

    rows: NDArray[np.float32]
    kinds: NDArray[np.str_]
    ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier before it is measured. `head`: without its threshold; None if there are too few examples.

    Of each example: `scores`, float32, by a classifier that has not seen it, nor those that are left out; `alike`,
    bool, drawn photos that look like right ones and were left out. `told`: how well scores separate the kinds.
    """

    head: TaughtHead | None
    report: Report
    examples: Examples
    alike: NDArray[np.bool_]
    scores: NDArray[np.float32]
    told: Separation


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured classifier. `head`: None if it must not be used, for the reason in `report`.

    `curve`: (threshold, precision, recall) of thresholds that it might have, from the highest on.
    """

    head: TaughtHead | None
    report: Report
    curve: tuple[tuple[float, float, float], ...] = ()


def train_head(key: str, name: str, examples: Examples, report: Report) -> Fitted:
    """Train a classifier. `report`: has the counts of examples; the result's report has more."""
    rows, kinds = examples.rows, examples.kinds
    sampled, yes = kinds == Kind.SAMPLED, kinds == Kind.YES
    alike = np.zeros(len(kinds), np.bool_)
    if report.yes < LEAST or report.no + report.sampled < LEAST:
        lacks = f"{report.yes} right" if report.yes < LEAST else f"{report.no + report.sampled} wrong"
        why = f"there are only {lacks} examples; at least {LEAST} of each kind are needed"
        return Fitted(None, replace(report, refused=why), examples, alike, _NONE, _UNKNOWN)
    first = out_of_fold(rows, yes)
    like = sampled & (first >= np.quantile(first[yes], _ALIKE))
    if (~like & ~yes).sum() >= LEAST:
        alike = like
    used, scores = ~alike, first.copy()
    weights, bias = fit(rows[used], yes[used])
    head = TaughtHead(key, name, weights, bias, 1.0)
    if alike.any():
        scores[used] = out_of_fold(rows[used], yes[used])
        scores[alike] = head.scores(rows[alike])
    report = replace(report, alike=int(alike.sum()))
    return Fitted(head, report, examples, alike, scores, separation(first, yes))


def train_on_given(key: str, name: str, examples: Examples, report: Report) -> Fitted | None:
    """The same on what a person gave alone; None if that is all there is, or too little.

    What is frequent in the library is among the drawn photos, too, so that they would teach that it is wrong.
    """
    rows, kinds = examples.rows, examples.kinds
    given, yes = kinds != Kind.SAMPLED, kinds == Kind.YES
    if given.all() or min(report.yes, report.no) < LEAST:
        return None
    weights, bias = fit(rows[given], yes[given])
    head = TaughtHead(key, name, weights, bias, 1.0)
    scores = head.scores(rows)
    scores[given] = out_of_fold(rows[given], yes[given])
    return Fitted(head, report, examples, ~given, scores, separation(scores[given], yes[given]))


def measure_best(candidates: Sequence[Fitted], scored: Sequence[Scored], asked: Set[int]) -> tuple[Measured, Scored]:
    """The one that finds most with the wanted precision, the first of equals.

    If the last may not be used, none is: photos of the library contradict what was given.
    """
    both = [(measure(one, scores, asked), scores) for one, scores in zip(candidates, scored, strict=True)]
    usable = [one for one in both if one[0].head is not None] if both[-1][0].head is not None else both[-1:]
    return max(usable, key=lambda one: one[0].report.recall)


def measure(candidate: Fitted, scored: Scored, asked: Set[int]) -> Measured:
    """Choose the threshold for the wanted precision in the library. `scored`: the library's scores by the classifier.

    `asked`: photos of the library that a person was asked about because the label would be given to them.
    """
    if candidate.head is None:
        return Measured(None, candidate.report)
    report, told = candidate.report, candidate.told
    places = _places(candidate, scored, asked)
    best = choose([place.hoped for place in places], report.wanted)
    curve = _curve(places, best)
    why = ""
    if told.chance > _CHANCE:
        why = f"it is no better than chance (a right example scores above a wrong one {told.auc:.0%} of the time)"
    elif best is None:
        nearest = max((place.hoped.precision for place in places), default=0.0)
        why = f"no threshold reaches the wanted precision of {report.wanted:.0%}; the best is {nearest:.0%}"
    report = replace(report, refused=why, auc=told.auc, library=len(scored.ids))
    if why or best is None:
        return Measured(None, report, curve)
    place = next(place for place in places if place.hoped is best)
    report = replace(
        report,
        precision=place.precision,
        recall=best.recall,
        wrong=best.wrong,
        threshold=best.threshold,
        photos=len(scored.above(best.threshold)),
        looked=place.looked,
        looked_right=place.looked_right,
    )
    return Measured(replace(candidate.head, threshold=best.threshold), report, curve)


@dataclass(frozen=True, slots=True)
class _Place:
    """A threshold. `hoped`: with the best precision that the examples and the library's scores allow.

    `precision`: in the library, as far as it is known. `looked`, `looked_right`: the photos above the threshold that a
    person was asked about, and those of them that are right.
    """

    hoped: Operating
    precision: float
    looked: int = 0
    looked_right: int = 0


def _places(candidate: Fitted, scored: Scored, asked: Set[int]) -> list[_Place]:
    """Every useful threshold. All counts are of scores by classifiers that had not seen the photo."""
    kinds, ids, scores, used = candidate.examples.kinds, candidate.examples.ids, candidate.scores, ~candidate.alike
    points = operating_points(scores[used], (kinds == Kind.YES)[used], (1.0, 1.0))
    if not (kinds == Kind.SAMPLED).any():
        # The library was judged nearly whole, or there is none: the examples are all that is known.
        return [_Place(point, point.precision) for point in points]
    inside, said = np.isin(ids, scored.ids), kinds != Kind.SAMPLED
    unseen, judged = scored.scores.copy(), np.zeros(len(scored.ids), np.bool_)
    at = np.searchsorted(scored.ids, ids[inside])
    unseen[at], judged[at] = scores[inside], said[inside]
    unknown = np.sort(unseen[~judged])
    rights = _most_rights(unknown, points)
    shown = said & np.isin(ids, np.array(sorted(asked), np.int64))
    answers = _Answers(unknown, scores[shown], (kinds == Kind.YES)[shown])
    # So many examples can promise no more (Laplace's rule of succession).
    most = (candidate.report.yes + 1) / (candidate.report.yes + 2)
    places = []
    for point in points:
        over = said & (scores >= point.threshold)
        yes = over & (kinds == Kind.YES)
        number, right, every = _above(unknown, point.threshold), int((yes & inside).sum()), int((over & inside).sum())
        looked, fine = answers.above(point.threshold)
        sure, hope = answers.share(point.threshold), min(1.0, rights * point.recall / max(number, 1))
        if looked >= LEAST:
            hope = sure
        sure = min(hope, max(sure, _surely(unknown, point.threshold, rights)))
        told, hoped = ((right + part * number) / (every + number) if every + number else 1.0 for part in (sure, hope))
        hoped = min(hoped, int(yes.sum()) / int(over.sum()), most)
        places.append(_Place(replace(point, precision=hoped), told, looked, fine))
    return places


def _curve(places: Sequence[_Place], best: Operating | None) -> tuple[tuple[float, float, float], ...]:
    """Some of the thresholds, evenly spread, and the best one, each with its precision in the library, and recall."""
    chosen = set(np.linspace(0, len(places) - 1, min(len(places), _POINTS)).round().astype(int).tolist())
    return tuple(
        (round(place.hoped.threshold, 4), round(place.precision, 4), round(place.hoped.recall, 4))
        for number, place in enumerate(places)
        if number in chosen or place.hoped is best
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a person said of photos that were shown because the label would be given to them.

    `unknown`: ascending scores of the library's photos that nobody judged. Of those that a person was asked about:
    `scores`, float32; `right`, bool.
    """

    unknown: NDArray[np.float32]
    scores: NDArray[np.float32]
    right: NDArray[np.bool_]

    def above(self, threshold: float, below: float = 2.0) -> tuple[int, int]:
        """How many reach a threshold (and not another one), and how many of these are right."""
        found = (self.scores >= threshold) & (self.scores < below)
        return int(found.sum()), int((found & self.right).sum())

    def share(self, threshold: float) -> float:
        """The share of right ones among the unknown above a threshold: Laplace's rule of succession.

        By itself for the half that scores higher and the other: those with high scores say nothing of the others. It
        is a half where nobody was asked; of the labels of benchmarks/teach_library.py most do better.
        """
        number = _above(self.unknown, threshold)
        if not number:
            return 1.0
        middle = float(self.unknown[len(self.unknown) - (number + 1) // 2])
        halves = self.above(threshold, middle), self.above(middle)
        return sum((right + 1) / (asked + 2) for asked, right in halves) / 2


def _above(ordered: NDArray[np.float32], threshold: float) -> int:
    """How many ascending scores reach a threshold."""
    return len(ordered) - int(np.searchsorted(ordered, np.float32(threshold), "left"))


def _most_rights(ordered: NDArray[np.float32], points: list[Operating]) -> float:
    """How many right photos there can be at most among those with these ascending scores.

    Were all that reach a threshold right, there would be their number / recall of them; the smallest of these bounds
    counts (Blanchard, Lee and Scott, "Semi-supervised novelty detection", JMLR 2010: the share of a mixture).
    """
    found = [(_above(ordered, point.threshold), point.recall) for point in points if point.recall >= _ENOUGH]
    return min((number / recall for number, recall in found), default=0.0)


def _surely(ordered: NDArray[np.float32], threshold: float, rights: float) -> float:
    """The share of the photos above a threshold that no wrong ones can account for. `ordered`: ascending scores.

    The wrong ones become fewer towards high scores at least as fast as they do below (in log odds against the log of
    how many score higher, which is concave for the usual distributions); `rights`: the most that right ones can be,
    where they do not count.
    """
    count = len(ordered)
    half, top = count // 2, int(max(_TOP * count, 2 * rights))
    number = _above(ordered, threshold)
    if not number or not 0 < top < half:
        return 0.0
    low, high, here = (_log_odds(one) for one in (float(ordered[count - half]), float(ordered[count - top]), threshold))
    falls = math.log(half / top) / max(high - low, 1e-9)
    return max(0.0, 1 - top * math.exp(-falls * (here - high)) / number)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(inside / (1 - inside))
