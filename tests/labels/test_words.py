"""The everyday words that the package contains: what is in the file, and what photos get them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tagger.core.boxes import OBJECTS
from tagger.core.config import Settings
from tagger.core.errors import ModelError, WeightsError
from tagger.inference.registry import BUILT_IN, registered
from tagger.inference.selection import choose_model, with_model
from tagger.labels import taxonomy
from tagger.labels.words import PACKAGED, EverydayWords, table
from tagger.teaching.build_words import counted, unpack
from tagger.teaching.described import read_described
from tagger.teaching.photo_features import features_of

WIDTH = registered(BUILT_IN).features
PHOTOS = Path(__file__).resolve().parents[1] / "photos"
# What may be said of each photo; anything else would be silly.
FIT = {
    "astronaut.jpg": {"costume"},
    "brick.jpg": {"building"},
    "cat.jpg": {"cat"},
    "coffee.jpg": {"drink", "food", "table", "restaurant"},
    "coins.jpg": set(),
    "flower.jpg": {"flowers", "plants", "leaves", "garden"},
    "grass.jpg": {"grass", "plants", "field", "leaves"},
    "gravel.jpg": {"rocks", "sand"},
    "motorcycle.jpg": {"motorcycle"},
    "photographer.jpg": {"grass", "field", "park"},
    "rocket.jpg": {"night", "smoke", "fire", "sky"},
    "temple.jpg": {"building", "trees", "city", "sky", "garden"},
}


def test_the_packaged_words_are_those_of_the_table() -> None:
    words = EverydayWords.load()
    known = {word.name: word for word in table()}
    assert sum(one.confirmed >= 0.9 and one.shown > 0 for one in words.counted) >= 45
    assert words.keys == tuple(known[name].key for name in words.names)
    assert words.weights.shape == (WIDTH, len(words.names))
    assert words.weights.dtype == words.bias.dtype == words.thresholds.dtype == np.float32
    assert ((words.thresholds >= 0.5) & (words.thresholds < 1)).all()
    assert all(0 <= one.confirmed <= 1 and 0 <= one.found <= 1 and one.examples > 0 for one in words.counted)
    assert PACKAGED.stat().st_size < 300_000


def test_the_table_says_one_thing_once() -> None:
    words = table()
    assert len({word.key for word in words}) == len({word.name for word in words}) == len(words)
    assert {kind for word in words for kind in word.boxes} <= set(OBJECTS)
    tree = taxonomy.load()
    for word in words:
        assert word.key in tree.names or word.key.startswith(("n", "group:")), word
        assert word.said, word
        # A synonym that is another word's name would find the wrong photos.
        assert not {*word.synonyms} & {other.name for other in words}, word


def test_scores_are_probabilities_of_each_photo() -> None:
    words = EverydayWords.load()
    features = np.random.default_rng(0).gamma(0.5, 1.0, (3, WIDTH)).astype(np.float16)
    scores = words.scores(features)
    assert scores.shape == (3, len(words.names))
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    # Only the direction of features counts.
    assert np.allclose(words.scores(features * np.float16(4)), scores, atol=1e-4)
    assert words.scores(features[:0]).shape == (0, len(words.names))


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_features_that_say_nothing_give_no_word(value: float) -> None:
    words = EverydayWords.load()
    features = np.full((2, WIDTH), 0.5, np.float32)
    features[0] = value
    scores = words.scores(features)
    assert not scores[0].any()
    assert scores[1].any()


@pytest.mark.parametrize("shape", [(2, 2048), (2, 0), (WIDTH,), (1, 1, WIDTH)])
def test_features_of_another_width_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="need the 1,280 features of efficientnet_lite2"):
        EverydayWords.load().scores(np.ones(shape, np.float32))


def test_another_model_with_as_many_features_is_refused(tmp_path: Path) -> None:
    words = EverydayWords.load()
    for views in ("squares", "whole"):
        settings = with_model(Settings(data_dir=tmp_path), name=BUILT_IN, views=views)
        words.require(choose_model(settings, fetch=False).model_id)
    with pytest.raises(ModelError, match="are for the features of efficientnet_lite2"):
        words.require("0123456789abcdef")


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    good = PACKAGED.read_bytes()
    generator = np.random.default_rng(0)
    refused = []
    for number in range(60):
        bad = bytearray(good)
        if number % 3:
            bad[int(generator.integers(len(bad)))] ^= int(generator.integers(1, 256))
        else:
            del bad[int(generator.integers(len(bad))) :]
        path = tmp_path / f"{number}.npz"
        path.write_bytes(bad)
        try:
            # A byte that nobody reads, such as a time in the archive, does no harm.
            assert EverydayWords.load(path).keys == EverydayWords.load().keys
        except WeightsError as error:
            refused.append((path, error.message))
    assert len(refused) > 40
    assert [path for path, message in refused if str(path) not in message] == []
    with pytest.raises(WeightsError, match="cannot be read"):
        EverydayWords.load(tmp_path / "missing.npz")


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    with np.load(PACKAGED) as data:
        parts = dict(data)
    np.savez(path, **(parts | {"bias": parts["bias"][1:]}))
    with pytest.raises(WeightsError, match="its shapes do not fit"):
        EverydayWords.load(path)


def test_saved_words_are_the_same_words(tmp_path: Path) -> None:
    words = EverydayWords.load()
    words.save(tmp_path / "copy.npz")
    again = EverydayWords.load(tmp_path / "copy.npz")
    assert (again.weights == words.weights).all()
    assert (again.thresholds == words.thresholds).all()
    assert again.counted == words.counted
    assert again.model_ids == words.model_ids


def test_photos_get_no_silly_word(tmp_path: Path) -> None:
    settings = with_model(Settings(data_dir=tmp_path), name=BUILT_IN)
    found = features_of(sorted(PHOTOS.glob("*.jpg")), settings, choose_model(settings, fetch=False))
    words = EverydayWords.load()
    scores = words.scores(np.stack(list(found.values())))
    shown = scores >= words.thresholds
    said = {
        path.name: {words.names[number] for number in np.flatnonzero(row)}
        for path, row in zip(found, shown, strict=True)
    }
    assert {name: wrong for name, given in said.items() if (wrong := given - FIT[name])} == {}
    names = [path.name for path in found]
    for word, photo in (("motorcycle", "motorcycle.jpg"), ("grass", "grass.jpg")):
        assert names[int(scores[:, words.names.index(word)].argmax())] == photo


@pytest.mark.slow
def test_they_are_confirmed_on_photos_that_trained_nothing(shared: Path, tmp_path: Path) -> None:
    folder = shared / "datasets" / "captioned"
    (tmp_path / "photos").mkdir()
    unpack(folder / "images.tar", tmp_path / "photos")
    settings = with_model(Settings(data_dir=tmp_path / "data"), name=BUILT_IN)
    photos = sorted((tmp_path / "photos").rglob("*.jpg"))
    found = features_of(photos, settings, choose_model(settings, fetch=False))
    assert len(found) == len(photos) == 1300
    rows = {path.name: row for path, row in found.items()}
    described = read_described(folder / "captions.tsv").only(rows)
    words = EverydayWords.load()
    shown = words.scores(np.stack([rows[name] for name in described.names])) >= words.thresholds
    known = {word.name: word for word in table()}
    counts = [counted(shown[:, number], described.sayers(known[name]), 0) for number, name in enumerate(words.names)]
    assert sum(one.confirmed >= 0.9 and one.shown > 0 for one in counts) >= 45
    right = sum(one.confirmed * one.shown for one in counts)
    assert right / sum(one.shown for one in counts) >= 0.9
    # What the file says of itself is what can be counted.
    for said, one in zip(words.counted, counts, strict=True):
        assert abs(said.shown - one.shown) <= 1
        assert said.found == pytest.approx(one.found, abs=0.1)
