"""The towers that the package contains: what is in the file, and what vectors photos get."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagger.core.config import Settings
from tagger.core.errors import ModelError, WeightsError
from tagger.inference.registry import BUILT_IN, registered
from tagger.inference.selection import choose_model, with_model
from tagger.search.towers import PACKAGED, Small, Towers

FEATURES = registered(BUILT_IN).features


def test_the_package_has_towers_of_the_built_in_model(tmp_path: Path) -> None:
    towers = Towers.load()
    assert towers.width == 256
    assert PACKAGED.stat().st_size < 5_000_000
    assert list(towers.words) == sorted(set(towers.words))
    assert {"dog", "beach", "swing"} <= {*towers.words}
    for views in ("squares", "whole"):
        settings = with_model(Settings(data_dir=tmp_path), name=BUILT_IN, views=views)
        assert choose_model(settings, fetch=False).model_id in towers.model_ids


def test_the_card_says_how_the_towers_were_learned() -> None:
    card = Towers.load().card
    assert card["seed"] == 1
    assert card["learned_from"] > 4000
    assert card["recall"]["photos"] >= 1000
    assert 0 < card["recall"]["first"] < card["recall"]["ten"] < 1


def test_a_photo_becomes_256_bytes_and_a_scale() -> None:
    towers = Towers.load()
    features = np.random.default_rng(0).gamma(0.5, 1.0, (3, FEATURES)).astype(np.float16)
    whole, scales = towers.photo_vectors(features)
    assert (whole.shape, whole.dtype, scales.shape, scales.dtype) == ((3, 256), np.int8, (3,), np.float32)
    assert np.allclose(np.linalg.norm(whole * scales[:, np.newaxis], axis=1), 1, atol=0.01)
    # Only the direction of features counts, and each photo is by itself.
    again, _ = towers.photo_vectors(features[1:] * np.float16(4))
    assert np.abs(again.astype(int) - whole[1:].astype(int)).max() <= 1
    assert towers.photo_vectors(features[:0])[0].shape == (0, 256)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_features_that_say_nothing_give_zeros(value: float) -> None:
    features = np.full((2, FEATURES), 0.5, np.float32)
    features[0] = value
    whole, scales = Towers.load().photo_vectors(features)
    assert not whole[0].any()
    assert not scales[0]
    assert whole[1].any()


@pytest.mark.parametrize("shape", [(2, 2048), (2, 0), (FEATURES,), (1, 1, FEATURES)])
def test_features_of_another_width_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="need the 1,280 features of efficientnet_lite2"):
        Towers.load().photo_vectors(np.ones(shape, np.float32))


def test_the_same_towers_are_the_same_file(tmp_path: Path) -> None:
    towers = Towers.load()
    for name in ("one", "other"):
        towers.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    loaded = Towers.load(tmp_path / "one")
    assert loaded.words == towers.words
    assert loaded.version == Towers.load(tmp_path / "other").version
    replace(towers, photos=towers.photos + 1).save(tmp_path / "changed")
    assert Towers.load(tmp_path / "changed").version != loaded.version


def test_a_small_matrix_is_near_the_large_one() -> None:
    matrix = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32) * np.array([1e-6, 1, 1e6], np.float32)
    matrix[:, 0] = 0
    small = Small.of(matrix)
    assert np.allclose(small.wide / np.maximum(np.abs(matrix).max(axis=0), 1), matrix / 1e6, atol=1)
    assert np.abs(small.wide - matrix).max(axis=0) == pytest.approx(np.zeros(3), abs=1e6 * 4 / 254)
    assert not small.wide[:, 0].any()


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    good = PACKAGED.read_bytes()
    generator = np.random.default_rng(0)
    refused = []
    for number in range(24):
        bad = bytearray(good)
        if number % 3:
            bad[int(generator.integers(len(bad)))] ^= int(generator.integers(1, 256))
        else:
            del bad[int(generator.integers(len(bad))) :]
        path = tmp_path / f"{number}.npz"
        path.write_bytes(bad)
        try:
            # A byte that nobody reads, such as a time in the archive, does no harm.
            assert Towers.load(path).words == Towers.load().words
        except WeightsError as error:
            refused.append((path, error.message))
    assert len(refused) > 16
    assert [path for path, message in refused if str(path) not in message] == []
    with pytest.raises(WeightsError, match="cannot be read"):
        Towers.load(tmp_path / "missing.npz")


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    towers = Towers.load()
    for number, wrong in enumerate(
        (
            replace(towers, words=towers.words[1:]),
            replace(towers, word_bias=towers.word_bias * np.float32(np.nan)),
            replace(towers, hidden_bias=towers.hidden_bias[1:]),
            replace(towers, said=towers.said[1:]),
        )
    ):
        wrong.save(tmp_path / f"{number}.npz")
        with pytest.raises(WeightsError, match=r"does not fit|not finite"):
            Towers.load(tmp_path / f"{number}.npz")


def test_photos_become_vectors_in_few_megabytes() -> None:
    towers = Towers.load()
    features = np.random.default_rng(4).uniform(0, 2, (2000, FEATURES)).astype(np.float16)
    tracemalloc.start()
    try:
        towers.photo_vectors(features)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_product_by_parts_is_the_product() -> None:
    chance = np.random.default_rng(5)
    small = Small.of(chance.normal(0, 1, (40, 700)))
    rows, bias = chance.normal(0, 1, (30, 40)).astype(np.float32), chance.normal(0, 1, 700).astype(np.float32)
    np.testing.assert_allclose(small.product(rows, bias), rows @ small.wide + bias, rtol=1e-4, atol=1e-4)
