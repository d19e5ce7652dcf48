"""The light engine: runs a light model with LiteRT in 8-bit integers. Never imports TensorFlow."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from tagger.core.errors import WeightsError
from tagger.inference.engine_specs import LITERT
from tagger.inference.engines import EngineOrder
from tagger.inference.head import Head
from tagger.inference.light_model import read_head
from tagger.inference.preprocessing import Preprocessing, preprocessed
from tagger.inference.registry import Architecture
from tagger.system.allocator import let_go_of_pages

# Views that go through the network together: fewer leave processors idle, more are no faster.
TOGETHER = 4


def open_engine(order: EngineOrder) -> LiteRtEngine:
    """Open a light model. It runs in 8-bit integers, whatever `precision` is ordered. Raises WeightsError."""
    return LiteRtEngine(order.architecture, order.file, threads=order.threads)


class LiteRtEngine:
    """A network from a light model. Raises WeightsError if the file is damaged or of another architecture.

    `together`: how many views go through it at once, and so how much memory it takes; features are the same.
    """

    def __init__(self, architecture: Architecture, file: Path, *, threads: int, together: int = TOGETHER) -> None:
        self.architecture = architecture
        self._file, self._threads = file, threads
        # Not kept: it takes 5 MB, and is needed once or not at all.
        head = read_head(file)
        try:
            self._interpreter = Interpreter(model_path=os.fspath(file), num_threads=threads)
            [taken] = self._interpreter.get_input_details()
            self._interpreter.resize_tensor_input(taken["index"], (together, *taken["shape"][1:]))
            self._interpreter.allocate_tensors()
            [taken], [given] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
            self._output = given["index"]
            self._input = QuantizedInput(self._interpreter, taken, architecture.preprocessing)
            size = architecture.input_size
            features = self.features(np.linspace(0, 255, size * size * 3).astype(np.uint8).reshape(1, size, size, 3))
            let_go_of_pages(file)
        except (ValueError, RuntimeError) as error:
            raise WeightsError(f"LiteRT cannot run {file}: {' '.join(str(error).split())[:300]}.") from error
        if features.shape != (1, head.weights.shape[0]) or not np.isfinite(head.scores(features)).all():
            raise WeightsError(f"{file} does not give features of {architecture.name}.")

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB pixels uint8 (photos, size, size, 3) -> pooled features, float32 (photos, features)."""
        found = np.empty((len(pixels), self.architecture.features), np.float32)
        batch = self._input.batch
        for start in range(0, len(pixels), batch):
            part = pixels[start : start + batch]
            self._input.set(part)
            self._interpreter.invoke()
            found[start : start + len(part)] = self._interpreter.get_tensor(self._output)[: len(part)]
        return found

    def head(self) -> Head:
        """The network's last layer. Raises WeightsError."""
        return read_head(self._file)

    def describe(self) -> dict[str, Any]:
        """Version, device, threads and precision, as JSON values."""
        return {
            "engine": LITERT.name,
            "version": version("ai-edge-litert"),
            "device": "CPU",
            "threads": self._threads,
            "precision": "int8",
        }


class QuantizedInput:
    """The input of a network in LiteRT. `taken`: its details, as the interpreter tells them."""

    def __init__(self, interpreter: Any, taken: dict[str, Any], kind: Preprocessing) -> None:
        self._interpreter, self._index = interpreter, taken["index"]
        self._levels = np.zeros(tuple(taken["shape"]), np.uint8)
        self._bgr = kind.turns_to_bgr
        self._table = _table(kind, *taken["quantization"])

    @property
    def batch(self) -> int:
        """The number of pictures in a batch."""
        return len(self._levels)

    def set(self, pixels: NDArray[np.uint8]) -> None:
        """Take RGB pixels, uint8 (up to a batch, size, size, 3): one table look-up for each value."""
        if self._bgr:
            pixels = pixels[..., ::-1]
        for channel, table in enumerate(self._table):
            np.take(table, pixels[..., channel], out=self._levels[: len(pixels), ..., channel])
        self._levels[len(pixels) :] = 0
        self._interpreter.set_tensor(self._index, self._levels)


def _table(kind: Preprocessing, scale: float, zero: int) -> NDArray[np.uint8]:
    """The quantized value of each level 0 to 255 in each of the network's three channels: uint8 (3, 256).

    A real number x is stored as round(x / scale) + zero (TensorFlow Lite's 8-bit quantisation specification).
    """
    levels = np.repeat(np.arange(256, dtype=np.float32)[:, np.newaxis], 3, axis=1)
    quantized = np.round(preprocessed(levels, kind) / scale) + zero
    table: NDArray[np.uint8] = np.clip(quantized, 0, 255).astype(np.uint8).T.copy()
    return table
