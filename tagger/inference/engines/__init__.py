"""The engines that compute features from pixels. Imported by child processes only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tagger.inference.head import Head
from tagger.inference.precision import Precision, Trial
from tagger.inference.registry import Architecture


@dataclass(frozen=True, slots=True)
class EngineOrder:
    """What an engine runs. `file`: in the engine's own format. `batch_size`: the most photos in one batch."""

    architecture: Architecture
    file: Path
    threads: int
    batch_size: int
    precision: Precision


class Engine(Protocol):
    """The interface of an engine."""

    architecture: Architecture

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB pixels (photos, size, size, 3), 0 to 255 -> pooled features, float32 (photos, features)."""
        ...

    def head(self) -> Head:
        """The network's last layer."""
        ...

    def describe(self) -> dict[str, Any]:
        """Versions, device, threads and precision, as JSON values."""
        ...


@runtime_checkable
class TriesBfloat16(Protocol):
    """An engine that can test whether bfloat16 is faster on this machine and gives the same labels."""

    def try_bfloat16(self, pixels: NDArray[np.uint8]) -> Trial:
        """Compare both precisions on RGB pixels (photos, size, size, 3), 0 to 255, and keep the better one."""
        ...
