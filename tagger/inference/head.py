"""The last layer of a network, in NumPy: from pooled features to class probabilities.

Every score that tagger uses comes through this one function, from the network's float32 features when a photo is
looked at, and from the stored float16 features in `relabel` and `explain`. Rounding to float16 changes MobileNetV2's
probabilities by at most 1.5e-4 (measured with its real weights).
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing
from tagger.core.errors import WeightsError


def head_file(data_dir: Path, model_id: str) -> Path:
    """Where the last layer of a model is kept, so that relabelling needs neither its weights nor TensorFlow."""
    return data_dir / "heads" / f"{model_id}.npz"


@dataclass(frozen=True, slots=True)
class Head:
    """A dense layer with softmax. `weights`: float32 (features, classes); `bias`: float32 (classes,)."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def scores(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Features (photos, features) of any float type -> probabilities, float32 (photos, classes)."""
        logits = features.astype(np.float32) @ self.weights + self.bias
        # Softmax is the same for shifted logits; shifting by the largest keeps exp() from overflowing.
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return scores

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, weights=self.weights, bias=self.bias)

    @classmethod
    def load(cls, path: Path) -> Head:
        """Read a file written by `save`. Raises WeightsError if it is missing, damaged or something else."""
        try:
            # Opened here, because NumPy leaves a damaged file open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
                head = cls(data["weights"].astype(np.float32), data["bias"].astype(np.float32))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{path} is not a model's last layer: {error}.") from error
        if head.weights.ndim != 2 or head.bias.shape != head.weights.shape[1:]:
            raise WeightsError(f"{path} is not a model's last layer: its shapes do not fit.")
        return head
