"""Learning everyday words: what a probability means, and where the threshold comes to lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tagger.core.errors import UsageError
from tagger.core.linear_heads import sigmoid, unit
from tagger.labels.words import Word
from tagger.teaching.build_words import counted
from tagger.teaching.described import read_described, read_features
from tagger.teaching.evaluate import separation
from tagger.teaching.word_heads import FOLDS, Evidence, scale, threshold, train

WIDTH = 64
NONE = np.zeros((0, WIDTH), np.float32), np.zeros(0, bool)


def photos(count: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Photos of which a tenth shows the word, and how many describers say it: most of five, or by mistake one."""
    random = np.random.default_rng(seed)
    shows = random.random(count) < 0.1
    rows = np.abs(random.normal(size=(count, WIDTH)))
    rows[shows, :8] += shift
    sayers = np.where(shows, random.binomial(5, 0.7, count), random.random(count) < 0.03)
    return unit(rows), sayers.astype(np.int64)


def test_a_probability_is_the_share_confirmed_on_photos_that_trained_nothing() -> None:
    rows, sayers = photos(3000, 0.8, 1)
    head = train(Evidence(rows, sayers, *NONE), np.arange(3000) % FOLDS)
    assert head is not None
    others, said = photos(20_000, 0.8, 2)
    chances = sigmoid(others @ head.weights + np.float32(head.bias))
    for low, high in ((0.05, 0.3), (0.3, 0.7), (0.7, 0.97)):
        inside = (chances >= low) & (chances < high)
        assert inside.sum() > 50
        assert abs(chances[inside].mean() - (said[inside] >= 1).mean()) < 0.08


@pytest.mark.parametrize(("shift", "found"), [(0.8, 0.2), (1.5, 0.6)])
def test_what_is_shown_is_right_as_often_as_promised(shift: float, found: float) -> None:
    rows, sayers = photos(3000, shift, 1)
    head = train(Evidence(rows, sayers, *NONE), np.arange(3000) % FOLDS)
    assert head is not None
    others, said = photos(20_000, shift, 2)
    count = counted(sigmoid(others @ head.weights + np.float32(head.bias)) >= head.threshold, said, 0)
    assert count.confirmed >= 0.9
    assert count.found > found


def test_other_pictures_teach_it_too() -> None:
    rows, sayers = photos(100, 0.8, 1)
    more, said = photos(3000, 0.8, 3)
    others, truth = photos(20_000, 0.8, 2)
    apart = []
    for other in (NONE, (more, said >= 1)):
        evidence = Evidence(rows, sayers, *other)
        weights, _ = evidence.fit(np.ones(100, bool), np.ones(len(other[0]), bool), 1.0)
        apart.append(separation(others @ weights, truth >= 1).auc)
    assert apart[1] > apart[0] + 0.02


def test_a_word_that_features_do_not_tell_is_not_learned() -> None:
    rows, sayers = photos(1000, 1.5, 1)
    mixed = np.random.default_rng(0).permutation(sayers)
    assert train(Evidence(rows, mixed, *NONE), np.arange(1000) % FOLDS) is None


@pytest.mark.parametrize(("right", "wrong"), [(500, 1500), (30, 4000)])
def test_the_scale_is_that_of_an_unpenalised_regression(right: int, wrong: int) -> None:
    random = np.random.default_rng(0)
    logits = np.concatenate([random.normal(1, 2, right), random.normal(-3, 2, wrong)]).astype(np.float32)
    yes = np.arange(right + wrong) < right
    slope, offset = scale(logits, yes)
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(logits[:, np.newaxis], yes)
    # Platt's targets are a little short of 0 and 1.
    assert slope == pytest.approx(reference.coef_[0, 0], rel=0.1)
    assert offset == pytest.approx(reference.intercept_[0], abs=0.05)


def test_the_scale_stays_finite_where_the_kinds_are_apart() -> None:
    logits = np.concatenate([np.full(10, 5.0), np.full(90, -5.0)]).astype(np.float32)
    slope, offset = scale(logits, logits > 0)
    assert np.isfinite([slope, offset]).all()
    assert sigmoid(np.float32([slope * 5 + offset]))[0] > 0.85


def test_the_threshold_keeps_its_promise_on_few_photos() -> None:
    falling = np.linspace(0.99, 0.01, 100).astype(np.float32)
    first = np.arange(100)
    assert threshold(falling, first < 8) is None
    assert threshold(falling, first < 9) == falling[8]
    # Below one half nothing is shown, however many are confirmed.
    assert threshold(falling, first < 100) == falling[falling >= 0.5].min()


def test_sentences_are_counted_by_photo(tmp_path: Path) -> None:
    path = tmp_path / "captions.tsv"
    path.write_text("b.jpg\tA DOG runs .\na.jpg\tHot-dogs\nb.jpg\tTwo doggies\nb.jpg\tdog, dog!\n")
    found = read_described(path)
    assert found.names == ("a.jpg", "b.jpg")
    assert found.sayers(Word("dog", "n02084071", said=("dog", "hot dogs"))).tolist() == [1, 2]
    assert found.only(["b.jpg"]).names == ("b.jpg",)
    path.write_text("no tab\n")
    with pytest.raises(UsageError, match="line 1"):
        read_described(path)


def test_a_file_without_features_is_said(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    path.write_bytes(b"PK")
    with pytest.raises(UsageError, match="does not hold the features"):
        read_features(path)


def test_what_describers_leave_out_is_shown_though_fewer_confirm_it() -> None:
    rows, sayers = photos(3000, 1.5, 1)
    # Every eighth photo that shows it is described by people who do not say so.
    sayers[np.flatnonzero(sayers)[::8]] = 0
    others, said = photos(20_000, 1.5, 2)
    counts = []
    for least in (None, 0.85):
        head = train(Evidence(rows, sayers, *NONE, least), np.arange(3000) % FOLDS)
        assert head is not None
        shown = sigmoid(others @ head.weights + np.float32(head.bias)) >= head.threshold
        counts.append(counted(shown, said, 0))
    assert counts[1].found > counts[0].found + 0.1
    assert counts[1].confirmed >= 0.9


def test_other_pictures_set_the_threshold_where_few_sentences_say_the_word() -> None:
    rows, sayers = photos(1500, 1.5, 1)
    few = np.sort(np.concatenate([np.flatnonzero(sayers == 0), np.flatnonzero(sayers >= 2)[:6]]))
    rows, sayers, fold = rows[few], sayers[few], np.arange(len(few)) % FOLDS
    more, said = photos(1500, 1.5, 3)
    assert train(Evidence(rows, sayers, *NONE), fold) is None
    assert train(Evidence(rows, sayers, more, said >= 1), fold) is not None
