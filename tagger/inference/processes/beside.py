"""The networks in the package that look at photos beside the classifier: for objects, and for everyday words.

A photo that can be labelled never fails because of them: what goes wrong is told once, and the photo goes without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tagger.core.boxes import boxes_to_bytes
from tagger.core.errors import ModelError
from tagger.core.photo import PhotoFacts
from tagger.imaging.inputs import NetworkInput
from tagger.inference.detector import PICTURE
from tagger.inference.engines import Engine
from tagger.inference.protocol import BOXES, WORDS, wire_features
from tagger.inference.registry import BUILT_IN, REGISTRY

_Given = TypeVar("_Given")
# Views that are copied together: the light model takes four at a time, and more only take memory.
_TOGETHER = 8


class Beside:
    """Those networks that the parent's first message orders and that can be loaded."""

    def __init__(self, load: dict[str, Any], threads: int) -> None:
        self._told: set[str] = set()
        self._faults: list[str] = []
        # Imported late and only where they are wanted: LiteRT takes a tenth of a second.
        self._detector = self._loaded("people and things", _detector, threads) if load["objects"] else None
        words = load["words"]
        self._words = self._loaded("everyday words", _built_in, Path(words["file"]), threads) if words else None
        self.inputs: dict[str, NetworkInput] = {}
        if self._detector is not None:
            self.inputs[BOXES] = NetworkInput(PICTURE, "picture")
        if self._words is not None:
            self.inputs[WORDS] = NetworkInput(REGISTRY[BUILT_IN].input_size, words["views"])

    def boxes(self, photos: Sequence[tuple[NDArray[np.uint8], PhotoFacts]]) -> list[bytes | None]:
        """Whole photos, each uint8 (1, height, width, 3), -> their boxes as stored.

        A photo on which it fails has none, so that it is not asked for at every start; None: there was no memory.
        """
        detector = self._detector
        assert detector is not None

        def found(photo: tuple[NDArray[np.uint8], PhotoFacts]) -> bytes:
            pixels, facts = photo
            return boxes_to_bytes(detector.look(pixels[0], (facts.width, facts.height)))

        return [self._guarded("people and things", found, photo, failed=b"") for photo in photos]

    def words(self, photos: Sequence[NDArray[np.uint8]]) -> list[bytes | None]:
        """Photos' views, each uint8 (views, size, size, 3), -> the built-in model's mean features; None: it failed."""
        engine = self._words
        assert engine is not None

        def features(several: Sequence[NDArray[np.uint8]]) -> list[bytes | None]:
            return [*wire_features(mean_features(engine, several, _TOGETHER))]

        together = self._guarded("everyday words", features, photos)
        if together is not None:
            return together
        # One of them may be the reason.
        alone = [self._guarded("everyday words", features, [photo]) for photo in photos]
        return [None if found is None else found[0] for found in alone]

    def take_faults(self) -> list[str]:
        """What went wrong for the first time since the last call, in sentences for people."""
        faults, self._faults = self._faults, []
        return faults

    def _guarded(
        self, what: str, run: Callable[..., _Given], *arguments: Any, failed: _Given | None = None
    ) -> _Given | None:
        try:
            return run(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the photo is labelled without
            self._say(what, f"a photo could not be looked at for {what}", error)
            return None if isinstance(error, MemoryError) else failed

    def _loaded(self, what: str, load: Callable[..., _Given], *arguments: Any) -> _Given | None:
        try:
            return load(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, photos are labelled without
            self._say(what, f"the network that finds {what} cannot be loaded", error)
            return None

    def _say(self, what: str, how: str, error: Exception) -> None:
        if what not in self._told:
            self._told.add(what)
            detail = error.message if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
            self._faults.append(f"{how}, so photos are labelled without: {detail}")


def mean_features(engine: Engine, photos: Sequence[NDArray[np.uint8]], batch_size: int) -> NDArray[np.float32]:
    """Each photo's views, uint8 (views, size, size, 3) -> the mean of their features, float32 (photos, features).

    Batches are of views: no more than `batch_size` go through the network at once, whatever photo they are of.
    """
    counts = [len(views) for views in photos]
    views = [view for photo in photos for view in photo]
    rows = [engine.features(np.stack(views[start : start + batch_size])) for start in range(0, len(views), batch_size)]
    sums = np.add.reduceat(np.concatenate(rows), np.cumsum([0, *counts[:-1]]), axis=0)
    means: NDArray[np.float32] = (sums / np.array(counts)[:, np.newaxis]).astype(np.float32)
    return means


def _detector(threads: int) -> Any:
    from tagger.inference.engines.detecting import Detector

    return Detector(threads)


def _built_in(file: Path, threads: int) -> Engine:
    from tagger.inference.engines.litert import LiteRtEngine

    # One view at a time: 8 MB less than with four, at a tenth more time.
    return LiteRtEngine(REGISTRY[BUILT_IN], file, threads=threads, together=1)
