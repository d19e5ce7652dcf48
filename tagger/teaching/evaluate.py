"""Evaluating a taught label on examples that its classifier has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import sigmoid
from tagger.core.union_find import UnionFind
from tagger.teaching.logistic import fit

FOLDS = 5
# Pictures at least this similar (cosine) are of one burst: with one in training, the other tests nothing.
_BURST = 0.97
# A threshold that finds a smaller share, or fewer, of the examples is useless.
_LEAST_RECALL, _LEAST_FOUND = 0.1, 3


def out_of_fold(rows: NDArray[np.float32], yes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Each example's probability, float32 (examples,), by a classifier trained without it and its near-duplicates.

    rows: of length one, float32 (examples, features). Every fold holds the same share of both kinds.
    """
    folds = _folds(rows, yes)
    scores = np.zeros(len(rows), np.float32)
    for fold in range(FOLDS):
        test = folds == fold
        if not test.any():
            continue
        if not 0 < yes[~test].sum() < (~test).sum():
            # All examples of one kind are near-duplicates: nothing can be measured.
            scores[test] = 0.5
            continue
        weights, bias = fit(rows[~test], yes[~test])
        scores[test] = sigmoid(rows[test] @ weights + np.float32(bias))
    return scores


def _folds(rows: NDArray[np.float32], yes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The fold of each example, int (examples,); the same each time."""
    groups = _groups(rows)
    mixed = np.random.default_rng(0).permutation(np.unique(groups)).tolist()
    # The largest group first, each into the fold with the fewest of its kind.
    order = sorted(mixed, key=lambda group: -int((groups == group).sum()))
    folds = np.zeros(len(rows), np.int64)
    filled = np.zeros((2, FOLDS), np.int64)
    for group in order:
        members = groups == group
        positive = int(yes[members].sum())
        kind = int(2 * positive > members.sum())
        fold = int(np.argmin(filled[kind]))
        folds[members] = fold
        filled[1, fold] += positive
        filled[0, fold] += int(members.sum()) - positive
    return folds


def _groups(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """The group of near-duplicates of each example, int (examples,)."""
    groups = UnionFind(len(rows))
    for start in range(0, len(rows), 1000):
        alike = rows[start : start + 1000] @ rows.T >= _BURST
        for row, column in zip(*np.nonzero(alike), strict=True):
            groups.join(start + int(row), int(column))
    return groups.roots()


@dataclass(frozen=True, slots=True)
class Separation:
    """How well scores separate right from wrong. `auc`: how often a right example scores above a wrong one.

    `chance`: the probability that random scores do as well (their `auc` is 0.5 on average).
    """

    auc: float
    chance: float


def separation(scores: NDArray[np.float32], yes: NDArray[np.bool_]) -> Separation:
    """The area under the ROC curve with the Mann-Whitney test (normal approximation, ties counted half)."""
    right, wrong = np.sort(scores[yes]), scores[~yes]
    below = (np.searchsorted(right, wrong, "left") + np.searchsorted(right, wrong, "right")) / 2
    pairs = len(right) * len(wrong)
    auc = 1 - float(below.sum()) / pairs
    deviation = math.sqrt((len(scores) + 1) / (12 * pairs))
    return Separation(auc, 0.5 * math.erfc((auc - 0.5) / deviation / math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class Operating:
    """A threshold, with its precision and recall on unseen examples. `wrong`: wrong examples above it."""

    threshold: float
    precision: float
    recall: float
    wrong: int


def operating_points(
    scores: NDArray[np.float32], yes: NDArray[np.bool_], weights: tuple[float, float]
) -> list[Operating]:
    """Every useful threshold, the lowest last.

    `weights`: how many photos of the library each right and each wrong example stands for.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order], yes[order]
    found_right, found_wrong = np.cumsum(right), np.cumsum(~right)
    total = int(yes.sum())
    points = []
    for i in range(len(order)):
        if i + 1 < len(order) and ranked[i + 1] == ranked[i]:
            continue
        true, false = float(found_right[i]) * weights[0], float(found_wrong[i]) * weights[1]
        recall = float(found_right[i]) / total
        if recall < _LEAST_RECALL or found_right[i] < _LEAST_FOUND:
            continue
        below = float(ranked[i + 1]) if i + 1 < len(order) else 0.0
        threshold = (float(ranked[i]) + below) / 2
        points.append(Operating(threshold, true / (true + false), recall, int(found_wrong[i])))
    return points


def choose(points: list[Operating], wanted: float) -> Operating | None:
    """The threshold with the highest recall that has at least the wanted precision; None if there is none."""
    good = [point for point in points if point.precision >= wanted]
    return max(good, key=lambda point: (point.recall, point.threshold), default=None)
