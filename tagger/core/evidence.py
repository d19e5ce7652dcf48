"""What is known of a photo besides the classifier's features: the evidence that the label policy weighs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.core.boxes import Box


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What other witnesses than the classifier say of one photo. None: that witness has not looked.

    `boxes`: of the detector, the surest first. `words`: the built-in model's mean features, float32 (features,), for
    everyday words. `kinds`: what the file itself tells, see `PhotoFacts.kinds`.
    """

    boxes: tuple[Box, ...] | None = None
    words: NDArray[np.float32] | None = None
    kinds: tuple[str, ...] | None = None


NO_EVIDENCE = Evidence()
