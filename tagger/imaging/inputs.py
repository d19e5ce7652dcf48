"""What networks see of a decoded picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tagger.core.config import Views
from tagger.imaging.normalize import upright
from tagger.imaging.views import letterbox, parts


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """What a network sees: squares of `size` pixels a side. `views`: as in the settings, "letterbox", or "picture".

    A letterboxed picture is whole and undistorted, with black beside it; `views.letterbox` says where it stands. A
    "picture" is the whole one as it was decoded, its longer side no longer than `size`; half of that will do.
    """

    size: int
    views: Views | Literal["letterbox", "picture"]

    def share(self, width: int, height: int) -> float:
        """The share of its width and height at which a picture of so many pixels is just large enough."""
        if self.views == "picture":
            return self.size / 2 / max(width, height)
        return self.size / (max(width, height) if self.views == "letterbox" else min(width, height))


def input_pixels(
    picture: Image.Image, full: tuple[int, int], orientation: int, wanted: NetworkInput
) -> NDArray[np.uint8]:
    """A picture in RGB, not yet upright -> what the network sees, upright: uint8 (views, size, size, 3).

    Of a "picture", uint8 (1, height, width, 3). `full`: width and height of the picture in its file, of which
    `picture` may be a smaller copy.
    """
    size = wanted.size
    if wanted.views == "picture":
        share = size / max(picture.size)
        if share < 1:
            smaller = (max(1, round(picture.width * share)), max(1, round(picture.height * share)))
            picture = picture.resize(smaller, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return np.array(upright(picture, orientation), np.uint8)[np.newaxis]
    if wanted.views == "letterbox":
        return letterboxed(upright(picture, orientation), full[::-1] if orientation >= 5 else full, size)
    return np.stack(
        [
            np.asarray(upright(picture.resize((size, size), Image.Resampling.BILINEAR, box=box), orientation), np.uint8)
            for box in parts(*picture.size, wanted.views)
        ]
    )


def letterboxed(picture: Image.Image, full: tuple[int, int], size: int) -> NDArray[np.uint8]:
    """An upright picture in RGB, whole in a square of `size` pixels, the rest black: uint8 (1, size, size, 3).

    `full`: width and height of the picture in its file, upright, as `views.letterbox` takes them.
    """
    frame = letterbox(*full, size)
    square = Image.new("RGB", (size, size))
    square.paste(picture.resize((frame.width, frame.height), Image.Resampling.BILINEAR), (frame.left, frame.top))
    return np.asarray(square, np.uint8)[np.newaxis]
