"""Taught labels as classifiers on a model's features: one logistic regression for each label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tagger.core.names import folded
from tagger.core.photo import Label, Origin


def unit(features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scale features (photos, features) of any float type to rows of length one, float32; zeros stay zeros.

    Only the direction of features says what is in a picture, so classifiers and similarity use these rows.
    """
    wide: NDArray[np.float32] = features.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, np.newaxis]
    wide /= np.maximum(lengths, np.float32(1e-12))
    return wide


def weights_to_bytes(weights: NDArray[np.floating]) -> bytes:
    """Encode a classifier's weights (features,) for the database and for export: little-endian float32."""
    return weights.astype("<f4").tobytes()


def weights_from_bytes(stored: bytes) -> NDArray[np.float32]:
    """Decode the bytes of `weights_to_bytes` -> float32 (features,)."""
    return np.frombuffer(stored, "<f4")


@dataclass(frozen=True, slots=True)
class TaughtHead:
    """A taught label for one model's features. `weights`: float32 (features,), for rows of length one.

    `threshold`: the least probability for which a photo gets the label.
    """

    key: str
    name: str
    weights: NDArray[np.float32]
    bias: float
    threshold: float

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows of length one, float32 (photos, features) -> probabilities, float32 (photos,)."""
        return sigmoid(rows @ self.weights + np.float32(self.bias))


@dataclass(frozen=True)
class TaughtHeads:
    """All taught labels that are switched on, for one model's features."""

    heads: tuple[TaughtHead, ...]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(text for head in self.heads for text in (head.key, folded(head.name)))

    def added(self, features: NDArray[np.floating], given: Sequence[tuple[Label, ...]]) -> list[tuple[Label, ...]]:
        """Put the taught labels before the labels that the policy gave each photo.

        A taught label replaces the model's own label of the same name. features: (photos, features), as stored.
        """
        if not self.heads or not len(features):
            return list(given)
        rows = unit(features)
        scores = np.stack([head.scores(rows) for head in self.heads], axis=1)
        return [self._merged(row, labels) for row, labels in zip(scores, given, strict=True)]

    def _merged(self, scores: NDArray[np.float32], given: tuple[Label, ...]) -> tuple[Label, ...]:
        sure = sorted(
            ((float(score), head) for score, head in zip(scores, self.heads, strict=True) if score >= head.threshold),
            key=lambda item: (-item[0], item[1].name),
        )
        taught = [Label(head.key, head.name, score, 0, Origin.TAUGHT, shown=True) for score, head in sure]
        others = [label for label in given if label.key not in self._names and folded(label.name) not in self._names]
        return tuple(
            Label(label.key, label.name, label.confidence, rank, label.origin, label.shown)
            for rank, label in enumerate([*taught, *others], 1)
        )


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), float32; clipped at -60 and 60, beyond which float32 shows no difference."""
    powers = np.exp(-np.clip(logits.astype(np.float32), -60, 60))
    found: NDArray[np.float32] = np.reciprocal(powers + np.float32(1))
    return found
