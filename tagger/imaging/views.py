"""Which parts of a picture a network sees.

Squares that cover it undistorted, the whole picture squeezed, or the whole picture undistorted with black beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.config import Views

# Pictures whose sides differ by no more than this are squeezed into one square, which nobody sees.
_NEARLY_SQUARE = 1.1
_MOST_SQUARES = 4


def parts(width: int, height: int, views: Views) -> list[tuple[float, float, float, float]]:
    """The parts of a picture that become squares, each as left, top, right, bottom in pixels.

    `"squares"`: as many squares along the longer side as cover it, at least two where the sides differ by more than a
    tenth, and at most four, spread evenly. `"whole"`: the picture as it is.
    """
    short, long = sorted((width, height))
    if views == "whole" or long <= _NEARLY_SQUARE * short:
        return [(0.0, 0.0, float(width), float(height))]
    count = min(_MOST_SQUARES, math.ceil(long / short))
    starts = [number * (long - short) / (count - 1) for number in range(count)]
    if width > height:
        return [(start, 0.0, start + short, float(height)) for start in starts]
    return [(0.0, start, float(width), start + short) for start in starts]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a picture stands in a square that it does not fill, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def offset(self) -> NDArray[np.float32]:
        """What to take from left, top, right and bottom in the square: float32 (4,)."""
        return np.array((self.left, self.top, self.left, self.top), np.float32)

    @property
    def extent(self) -> NDArray[np.float32]:
        """What to divide by then, to get shares of the picture: float32 (4,)."""
        return np.array((self.width, self.height, self.width, self.height), np.float32)


def letterbox(width: int, height: int, size: int) -> Frame:
    """Where an upright picture stands in a square of `size` pixels: as large as fits, and centred."""
    share = size / max(width, height)
    across, down = max(1, round(width * share)), max(1, round(height * share))
    return Frame((size - across) // 2, (size - down) // 2, across, down)
