"""Training the classifier of one everyday word, its probability and its threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.linear_heads import sigmoid
from tagger.teaching.logistic import STRENGTH, fit

FOLDS = 5
# A word is there if two describers say it, and not there if none does. What one says alone trains nothing.
SURE, CONFIRMED = 2, 1
# Strengths that are tried. The weaker does a little better on photos unlike those it was trained on, so it wins a draw.
_STRENGTHS = (1.0, STRENGTH)
# Weights need not be exact to the last digit.
_EXACT = 1e-4
# So many of the photos above a threshold are confirmed. On few photos chance alone may do it, so that the second holds
# with one more photo that is not. Where the first pair cannot be had, the next will do.
_PRECISIONS = ((0.95, 0.90), (0.90, 0.85))
# Nor may the photos just above the threshold be much worse than the others: their own probability is at least this.
_LEAST_PROBABILITY = 0.5


@dataclass(frozen=True)
class Evidence:
    """What a word is learned from. `rows`: described photos, float32 (photos, features) of length one.

    `sayers`: how many describers of each say the word. `more`, `shows`: other pictures, and which of them show it.
    `confirmed`: the share of photos above the threshold of which somebody must say it, where it is not the usual one.
    """

    rows: NDArray[np.float32]
    sayers: NDArray[np.int64]
    more: NDArray[np.float32]
    shows: NDArray[np.bool_]
    confirmed: float | None = None

    def fit(
        self, used: NDArray[np.bool_], more: NDArray[np.bool_], strength: float
    ) -> tuple[NDArray[np.float32], float]:
        """Weights and bias, learned from some of the photos."""
        told = used & (self.sayers != CONFIRMED)
        rows = np.concatenate([self.rows[told], self.more[more]])
        return fit(rows, np.concatenate([self.sayers[told] >= SURE, self.shows[more]]), strength, _EXACT)

    @property
    def examples(self) -> int:
        """How many photos show the word for sure."""
        return int((self.sayers >= SURE).sum() + self.shows.sum())


@dataclass(frozen=True)
class WordHead:
    """A word's classifier on rows of length one, whose sigmoid is a probability. `weights`: float32 (features,)."""

    weights: NDArray[np.float32]
    bias: float
    threshold: float
    strength: float


def train(evidence: Evidence, fold: NDArray[np.int64]) -> WordHead | None:
    """The classifier that finds the most photos at the wanted precision; None if none reaches it.

    `fold`: which fifth each described photo is in. The pictures of `more` take turns. They set the threshold only where
    the sentences cannot, because nobody mentions what everybody sees: as photos that show the word, or do not.
    """
    tried = [(strength, *_unseen(evidence, fold, strength)) for strength in _STRENGTHS]
    least = evidence.confirmed
    precisions = _PRECISIONS if least is None else ((least, least - 0.05),)
    confirmed, sure = evidence.sayers >= CONFIRMED, evidence.sayers >= SURE
    found = _best([(strength, logits) for strength, logits, _ in tried], confirmed, sure, precisions)
    if found is None and evidence.shows.any():
        both = [(strength, np.concatenate([logits, more])) for strength, logits, more in tried]
        confirmed, sure = (np.concatenate([said, evidence.shows]) for said in (confirmed, sure))
        found = _best(both, confirmed, sure, precisions)
    if found is None:
        return None
    strength, slope, offset, limit = found
    weights, bias = evidence.fit(np.ones(len(evidence.rows), bool), np.ones(len(evidence.more), bool), strength)
    return WordHead(weights * np.float32(slope), bias * slope + offset, limit, strength)


def _best(
    tried: list[tuple[float, NDArray[np.float32]]],
    confirmed: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    precisions: tuple[tuple[float, float], ...],
) -> tuple[float, float, float, float] | None:
    """Strength, slope, offset and threshold with which the most photos are found; None if no threshold holds.

    `tried`: strengths and the logits by each.
    """
    for precision in precisions:
        found = []
        for strength, logits in tried:
            slope, offset = scale(logits, confirmed)
            probabilities = sigmoid(slope * logits + offset)
            limit = threshold(probabilities, confirmed, precision) if slope > 0 else None
            if limit is not None:
                found.append((int((sure & (probabilities >= limit)).sum()), (strength, slope, offset, limit)))
        if found:
            return max(found, key=lambda one: one[0])[1]
    return None


def _unseen(
    evidence: Evidence, fold: NDArray[np.int64], strength: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits by classifiers trained on the other folds, float32: of the described photos, and of the others."""
    logits, more = np.zeros(len(fold), np.float32), np.zeros(len(evidence.more), np.float32)
    turns = np.arange(len(more)) % FOLDS
    for number in range(FOLDS):
        out, out_more = fold == number, turns == number
        weights, bias = evidence.fit(~out, ~out_more, strength)
        logits[out] = evidence.rows[out] @ weights + np.float32(bias)
        more[out_more] = evidence.more[out_more] @ weights + np.float32(bias)
    return logits, more


def scale(logits: NDArray[np.float32], yes: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset for which sigmoid(slope * logit + offset) is the share of yes: Platt's scaling.

    Newton's method on the likelihood, with Platt's targets, which keep it finite where the two kinds are apart
    (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector machines", 2007).
    """
    right, count = int(yes.sum()), len(yes)
    targets = np.where(yes, (right + 1) / (right + 2), 1 / (count - right + 2))
    x = np.stack([logits.astype(np.float64), np.ones(count)], axis=1)
    point = np.array([0.0, np.log((right + 1) / (count - right + 1))])

    def loss(at: NDArray[np.float64]) -> float:
        z = x @ at
        return float((np.logaddexp(0, z) - targets * z).sum())

    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(x @ point, -500, 500)))
        gradient = x.T @ (chance - targets)
        if np.abs(gradient).max() < 1e-6 * count:
            break
        step = np.linalg.solve(x.T @ (x * (chance * (1 - chance))[:, np.newaxis]) + 1e-9 * np.eye(2), gradient)
        size = 1.0
        while size > 1e-8 and loss(point - size * step) > loss(point):
            size /= 2
        point = point - size * step
    return float(point[0]), float(point[1])


def threshold(
    probabilities: NDArray[np.float32], confirmed: NDArray[np.bool_], precision: tuple[float, float] = _PRECISIONS[0]
) -> float | None:
    """The least probability above which enough of what is shown is confirmed; None if there is none."""
    order = np.argsort(-probabilities, kind="stable")
    right, shown = np.cumsum(confirmed[order]), np.arange(1, len(order) + 1)
    enough = (right >= precision[0] * shown) & (right >= precision[1] * (shown + 1))
    good = np.flatnonzero(enough & (probabilities[order] >= _LEAST_PROBABILITY))
    return float(probabilities[order][good[-1]]) if len(good) else None
