"""The engines that turn pixels into features; imported by the child process only."""

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
    """What an engine is to run. `file`: of the engine's own kind. `batch_size`: how many photos at once, at most."""

    architecture: Architecture
    file: Path
    threads: int
    batch_size: int
    precision: Precision


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


@runtime_checkable
class TriesBfloat16(Protocol):
    """An engine that can find out whether bfloat16 is faster here, and finds the same."""

    def try_bfloat16(self, pixels: NDArray[np.uint8]) -> Trial:
        """Run RGB pixels (photos, size, size, 3), 0 to 255, in both precisions; go on with the better one."""
        ...
