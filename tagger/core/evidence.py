"""What is known of a photo besides the classifier's features: the evidence that the label policy weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.boxes import Box

# Icons, and pictures of 32 pixels that networks are tried on: to others than a network trained on such, all are alike.
# People are still found on a photo of 50 pixels.
_TINY = 48


def is_tiny(width: int | None, height: int | None) -> bool:
    """Whether no side of a picture is longer than 48 pixels; not if they are not known."""
    return width is not None and height is not None and max(width, height) <= _TINY


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What other witnesses than the classifier say of one photo. None: that witness has not looked.

    `boxes`: of the detector, the surest first. `words`: the built-in model's mean features, float32 (features,), for
    everyday words. `kinds`: what the file itself tells, see `PhotoFacts.kinds`. `tiny`: the picture is so small that
    none of them can be believed.
    """

    boxes: tuple[Box, ...] | None = None
    words: NDArray[np.float32] | None = None
    kinds: tuple[str, ...] | None = None
    tiny: bool = False


NO_EVIDENCE = Evidence()
