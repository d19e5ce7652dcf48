"""How much of a truncated picture could be read."""

from __future__ import annotations

import numpy as np
from PIL import Image

_STRIP_ROWS = 64


def readable_share(picture: Image.Image) -> float:
    """The share of the height above the uniform area that a decoder leaves where data is missing."""
    width, height = picture.size
    last = np.asarray(picture.crop((0, height - 1, 1, height)).convert("RGB"))
    # From the bottom, a strip at a time: a large picture must not be copied for this.
    for bottom in range(height, 0, -_STRIP_ROWS):
        top = max(0, bottom - _STRIP_ROWS)
        rows = np.asarray(picture.crop((0, top, width, bottom)).convert("RGB"))
        different = np.flatnonzero(~(rows == last).all(axis=(1, 2)))
        if len(different):
            return float(top + different[-1] + 1) / height
    return 0.0
