from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagger.core.config import Settings
from tagger.inference.processes.beside import mean_features
from tagger.inference.registry import REGISTRY, REVISIONS, views_of_revision
from tagger.labels.labeller import show_threshold
from tagger.store.models import Model


class Engine:
    """Its features of a view are the view's mean colour."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(pixels))
        means: NDArray[np.float32] = pixels.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        return means


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.integers(1, 9))
def test_a_photos_features_are_the_mean_of_its_views_and_batches_count_views(counts: list[int], batch: int) -> None:
    chance = np.random.default_rng(sum(counts))
    photos = [chance.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8) for count in counts]
    engine: Any = Engine()
    found = mean_features(engine, photos, batch)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [photo.mean(axis=(0, 1, 2)) for photo in photos], rtol=1e-4)
    assert sum(engine.batches) == sum(counts)
    assert max(engine.batches) <= batch


def test_the_show_threshold_is_the_models_own_unless_it_is_set() -> None:
    model = Model(1, "0" * 16, "efficientnet_lite2", "0" * 64, REVISIONS["squares"])
    whole = Model(2, "1" * 16, "efficientnet_lite2", "0" * 64, REVISIONS["whole"])
    assert (show_threshold(Settings(), model), show_threshold(Settings(), whole)) == (0.35, 0.40)
    # The configured one: ResNet50 with squares.
    assert show_threshold(Settings()) == REGISTRY["resnet50"].show_threshold("squares")
    own = Settings.model_validate({"labels": {"show_threshold": 0.3}})
    assert show_threshold(own, model) == show_threshold(own) == 0.3


@pytest.mark.parametrize("views", ["squares", "whole"])
def test_a_models_revision_tells_what_it_sees(views: Any) -> None:
    assert views_of_revision(REVISIONS[views]) == views
