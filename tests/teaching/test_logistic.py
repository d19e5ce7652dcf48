"""The head of a taught label against scikit-learn's, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tagger.core.linear_heads import sigmoid, unit
from tagger.teaching.evaluate import choose, operating_points, out_of_fold, separation
from tagger.teaching.logistic import STRENGTH, fit


def examples(
    count: int, dimensions: int, positive: float, shift: float, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    yes = np.arange(count) < positive * count
    rows = np.abs(random.normal(size=(count, dimensions)))
    rows[yes, : dimensions // 8] += shift
    return unit(rows.astype("<f2")), yes


@pytest.mark.parametrize(
    ("count", "dimensions", "positive"), [(80, 256, 0.5), (300, 32, 0.1), (1040, 512, 0.04), (60, 64, 0.9)]
)
def test_it_is_the_same_as_scikit_learns(count: int, dimensions: int, positive: float) -> None:
    rows, yes = examples(count, dimensions, positive, 0.5)
    weights, bias = fit(rows, yes)
    reference = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=10_000, tol=1e-8)
    reference.fit(rows.astype(np.float64), yes)
    ours = sigmoid(rows @ weights + np.float32(bias))
    assert np.abs(ours - reference.predict_proba(rows)[:, 1]).max() < 1e-3
    assert np.abs(weights - reference.coef_[0]).max() < 1e-2 * np.abs(reference.coef_).max()


def test_examples_that_can_be_told_apart_for_certain_give_finite_weights() -> None:
    rows = unit(np.repeat(np.eye(2, 8), 20, axis=0))
    weights, bias = fit(rows, np.arange(40) < 20)
    assert np.isfinite(weights).all()
    assert np.isfinite(bias)
    assert ((rows @ weights + bias > 0) == (np.arange(40) < 20)).all()


def test_examples_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit(np.ones((4, 2), np.float32), np.ones(4, bool))


def test_examples_without_meaning_are_chance() -> None:
    rows, yes = examples(200, 64, 0.5, 0.0)
    told = separation(out_of_fold(rows, yes), yes)
    assert 0.3 < told.auc < 0.7
    assert told.chance > 0.001


def test_pictures_of_one_burst_are_never_in_training_and_test_at_once() -> None:
    # Each picture is there five times. Without any meaning in the kinds, only remembering the copies could do well.
    random = np.random.default_rng(3)
    rows = unit(np.repeat(np.abs(random.normal(size=(40, 64))), 5, axis=0) + random.normal(0, 0.01, (200, 64)))
    yes = np.repeat(random.permutation(np.arange(40) < 20), 5)
    assert separation(out_of_fold(rows, yes), yes).auc < 0.75


def test_the_area_is_what_counting_pairs_gives() -> None:
    random = np.random.default_rng(5)
    scores = random.integers(0, 9, 50).astype(np.float32)
    yes = random.random(50) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[yes] for b in scores[~yes]]
    assert separation(scores, yes).auc == pytest.approx(float(np.mean(pairs)))


def test_the_threshold_finds_most_with_the_wanted_precision() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], np.float32)
    yes = np.array([True, True, True, False, True, True, False, False])
    points = operating_points(scores, yes, (1.0, 1.0))
    exact = choose(points, 1.0)
    assert exact is not None
    assert (exact.recall, exact.precision) == (0.6, 1.0)
    assert 0.6 < exact.threshold < 0.7
    loose = choose(points, 0.8)
    assert loose is not None
    assert (loose.recall, round(loose.precision, 3), loose.wrong) == (1.0, 0.833, 1)
    # Each wrong one stands for ten photos of a library.
    rare = choose(operating_points(scores, yes, (1.0, 10.0)), 0.8)
    assert rare is not None
    assert rare.recall == 0.6
    assert choose(operating_points(-scores, yes, (1.0, 1.0)), 0.8) is None
