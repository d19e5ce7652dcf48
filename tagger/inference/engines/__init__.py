"""The engines that turn pixels into features; imported by the child process only."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tagger.inference.head import Head
from tagger.inference.registry import Architecture


class Engine(Protocol):
    """What the worker needs of an engine."""

    architecture: Architecture

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB pixels (photos, size, size, 3), 0 to 255 -> pooled features, float32 (photos, features)."""
        ...

    def head(self) -> Head:
        """The network's last layer."""
        ...

    def describe(self) -> dict[str, Any]:
        """What runs here: versions, device, threads, precision. JSON-able."""
        ...
