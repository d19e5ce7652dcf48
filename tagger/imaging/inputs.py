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
    """What a network sees: squares of `size` pixels a side. `views`: as in the settings, or "letterbox".

    A letterboxed picture is whole and undistorted, with black beside it; `views.letterbox` says where it stands.
    """

    size: int
    views: Views | Literal["letterbox"]

    def share(self, width: int, height: int) -> float:
        """The share of its width and height at which a picture of so many pixels is just large enough."""
        return self.size / (max(width, height) if self.views == "letterbox" else min(width, height))


def input_pixels(
    picture: Image.Image, full: tuple[int, int], orientation: int, wanted: NetworkInput
) -> NDArray[np.uint8]:
    """A picture in RGB, not yet upright -> what the network sees, upright: uint8 (views, size, size, 3).

    `full`: width and height of the picture in its file, of which `picture` may be a smaller copy.
    """
    size = wanted.size
    if wanted.views == "letterbox":
        turned = orientation >= 5
        frame = letterbox(*(full[::-1] if turned else full), size)
        extent = (frame.height, frame.width) if turned else (frame.width, frame.height)
        scaled = upright(picture.resize(extent, Image.Resampling.BILINEAR), orientation)
        square = Image.new("RGB", (size, size))
        square.paste(scaled, (frame.left, frame.top))
        return np.asarray(square, np.uint8)[np.newaxis]
    return np.stack(
        [
            np.asarray(upright(picture.resize((size, size), Image.Resampling.BILINEAR, box=box), orientation), np.uint8)
            for box in parts(*picture.size, wanted.views)
        ]
    )
