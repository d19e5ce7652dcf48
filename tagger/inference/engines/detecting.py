"""Finds objects with LiteRT: letterboxed pictures -> boxes. Never imports TensorFlow."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from tagger.core.boxes import MOST_BOXES, OBJECTS, Box
from tagger.core.errors import EngineError
from tagger.imaging.inputs import letterboxed
from tagger.imaging.views import Frame, letterbox
from tagger.inference.detector import BINS, DETECTOR_FILE, SIZE, STRIDES
from tagger.inference.engines.litert import QuantizedInput
from tagger.inference.preprocessing import Preprocessing
from tagger.system.allocator import let_go_of_pages

# Boxes are kept from so low a score on, so that thresholds can change without looking again.
LEAST_SCORE = 0.2
# Boxes of one kind that overlap more, as intersection over union, are of one object.
_SAME_OBJECT = 0.6
# More candidates are not compared with each other: the surest are enough for the most boxes that are kept.
_MOST_CANDIDATES = 300
# Where no person's box has this score, the surest is looked at again, closer, if it is small: in a part of the picture
# that is so many times as large as the box, and at least this share of the picture's shorter side.
_PERSON, _SURE, _TIMES, _LEAST_PART = 0, 0.40, 3.0, 0.5
# Who has this score there is a person: on captioned photos 14 of 14 are confirmed (on every other one, by which it was
# chosen, 7 of 7); snapshots without people have 0.37 at most.
_SURE_CLOSER = 0.45


class Detector:
    """The network that finds objects. Raises EngineError if its file cannot be run."""

    def __init__(self, threads: int, file: Path = DETECTOR_FILE) -> None:
        try:
            self._interpreter = Interpreter(model_path=os.fspath(file), num_threads=threads)
            self._interpreter.allocate_tensors()
            [taken], [given] = self._interpreter.get_input_details(), self._interpreter.get_output_details()
            self._input = QuantizedInput(self._interpreter, taken, Preprocessing.NANODET)
            let_go_of_pages(file)
        except (ValueError, RuntimeError) as error:
            raise EngineError(f"LiteRT cannot run {file}: {' '.join(str(error).split())[:300]}.") from error
        self._output, (self._scale, self._zero) = given["index"], given["quantization"]
        self._centres, self._strides = _cells()

    def boxes(
        self, pixels: NDArray[np.uint8], frames: Sequence[Frame], least: float = LEAST_SCORE
    ) -> list[tuple[Box, ...]]:
        """Letterboxed RGB pictures, uint8 (photos, SIZE, SIZE, 3), and where they stand -> boxes, the surest first.

        `least`: the lowest score of a box, more than 0 and less than 1.
        """
        found = []
        for start in range(0, len(pixels), self._input.batch):
            part = pixels[start : start + self._input.batch]
            self._input.set(part)
            self._interpreter.invoke()
            given = self._interpreter.get_tensor(self._output)[: len(part)]
            found += [
                self._boxes(levels, frame, least)
                for levels, frame in zip(given, frames[start : start + len(part)], strict=True)
            ]
        return found

    def look(self, picture: NDArray[np.uint8], full: tuple[int, int]) -> tuple[Box, ...]:
        """A whole upright picture, RGB, uint8 (height, width, 3) -> its boxes, the surest first.

        `full`: width and height of the upright picture in its file. Small people of whom it is not sure it looks at
        closer.
        """
        image = Image.fromarray(picture)
        [found] = self.boxes(letterboxed(image, full, SIZE), [letterbox(*full, SIZE)])
        unsure = next((box for box in found if box.kind == _PERSON), None)
        if unsure is None or unsure.score >= _SURE:
            return found
        closer = self._closer(image, unsure)
        if closer is None:
            return found
        return tuple(sorted((closer if box is unsure else box for box in found), key=lambda box: -box.score))

    def _closer(self, image: Image.Image, box: Box) -> Box | None:
        """The surest person in the part of a picture around a box; None without, and where that is nearly all of it."""
        width, height = image.size
        short = min(width, height)
        side = _TIMES * max((box.right - box.left) * width, (box.bottom - box.top) * height)
        if side > short:
            return None
        side = max(1, round(max(side, _LEAST_PART * short)))
        left = round(min(max(0.0, (box.left + box.right) / 2 * width - side / 2), width - side))
        top = round(min(max(0.0, (box.top + box.bottom) / 2 * height - side / 2), height - side))
        part = image.crop((left, top, left + side, top + side))
        [found] = self.boxes(letterboxed(part, part.size, SIZE), [letterbox(*part.size, SIZE)])
        near = next((one for one in found if one.kind == _PERSON and one.score >= _SURE_CLOSER), None)
        if near is None:
            return None
        # One only: the rest of the picture is not looked at like this, so it is no measure of how many there are.
        return Box(
            _PERSON,
            near.score,
            left=(left + near.left * side) / width,
            top=(top + near.top * side) / height,
            right=(left + near.right * side) / width,
            bottom=(top + near.bottom * side) / height,
        )

    def _boxes(self, levels: NDArray[np.uint8], frame: Frame, least: float) -> tuple[Box, ...]:
        """What the network gives for one picture, quantized, (cells, 80 + 4 x BINS) -> boxes."""
        classes = levels[:, : len(OBJECTS)]
        # Compared as it is stored, so that only what is kept is computed.
        lowest = math.ceil(math.log(least / (1 - least)) / self._scale) + self._zero
        cells, kinds = np.divmod(np.flatnonzero(classes >= lowest), len(OBJECTS))
        sure = classes[cells, kinds]
        if len(sure) > _MOST_CANDIDATES:
            surest = np.argsort(sure, kind="stable")[::-1][:_MOST_CANDIDATES]
            cells, kinds, sure = cells[surest], kinds[surest], sure[surest]
        scores = np.float32(1) / (np.float32(1) + np.exp(-self._real(sure)))
        corners = self._corners(levels[cells, len(OBJECTS) :], cells)
        kept = suppressed(corners, scores, kinds)[:MOST_BOXES]
        shares = np.clip((corners[kept] - frame.offset) / frame.extent, 0, 1)
        return tuple(
            Box(kind, score, *sides)
            for kind, score, sides in zip(kinds[kept].tolist(), scores[kept].tolist(), shares.tolist(), strict=True)
        )

    def _corners(self, bins: NDArray[np.uint8], cells: NDArray[np.intp]) -> NDArray[np.float32]:
        """Quantized distributions (boxes, 4 x BINS) of these cells -> left, top, right, bottom in pixels."""
        logits = self._real(bins).reshape(-1, 4, BINS)
        powers = np.exp(logits - logits.max(axis=2, keepdims=True))
        means = powers @ np.arange(BINS, dtype=np.float32) / powers.sum(axis=2)
        distances = means * self._strides[cells, np.newaxis]
        centres = self._centres[cells]
        return np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], axis=1)

    def _real(self, levels: NDArray[np.uint8]) -> NDArray[np.float32]:
        real: NDArray[np.float32] = (levels.astype(np.float32) - np.float32(self._zero)) * np.float32(self._scale)
        return real


def suppressed(corners: NDArray[np.float32], scores: NDArray[np.float32], kinds: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which boxes (n, 4) remain, the surest first, where of those of one kind that overlap only the surest is kept."""
    order = np.argsort(-scores, kind="stable")
    corners, kinds = corners[order], kinds[order]
    areas = np.prod(np.clip(corners[:, 2:] - corners[:, :2], 0, None), axis=1)
    sides = np.minimum(corners[:, np.newaxis, 2:], corners[:, 2:]) - np.maximum(
        corners[:, np.newaxis, :2], corners[:, :2]
    )
    common = np.prod(np.clip(sides, 0, None), axis=2)
    either = areas[:, np.newaxis] + areas - common
    same = (common > _SAME_OBJECT * either) & (kinds[:, np.newaxis] == kinds)
    remain = np.ones(len(order), bool)
    for place in range(len(order)):
        if remain[place]:
            remain[place + 1 :] &= ~same[place, place + 1 :]
    return order[remain]


def _cells() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The centre of each cell in pixels, (cells, 2), and its stride, (cells,), in the order of the network's output."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = np.divmod(np.arange((SIZE // stride) ** 2), SIZE // stride)
        centres.append((np.stack([columns, rows], axis=1) + 0.5) * stride)
        strides.append(np.full(len(rows), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)
