"""Which parts of a picture the network sees: squares that cover it undistorted, or the whole picture squeezed."""

from __future__ import annotations

import math

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
