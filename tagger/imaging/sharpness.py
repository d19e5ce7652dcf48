"""How sharp a picture looks, so that copies of one photo can be compared, whatever their sizes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# All are compared at this size: what is small looks soft when it is shown as large as the others.
_LONGEST = 512


def sharpness(jpeg: bytes) -> float:
    """How strong the finest detail of a picture is beside its contrast: 0 to about 2; blurred ones are below 0.1.

    The root mean square of the Laplacian (as in Pertuz, Puig and Garcia, "Analysis of focus measure operators for
    shape-from-focus", 2013: LAP4 is its variance), divided by the standard deviation of the brightness, so that a
    darker copy is as sharp. `jpeg`: a small copy that tagger made; nothing is checked.
    """
    with Image.open(io.BytesIO(jpeg)) as picture:
        share = _LONGEST / max(picture.size)
        size = (max(3, round(picture.width * share)), max(3, round(picture.height * share)))
        light = np.asarray(picture.convert("L").resize(size, Image.Resampling.BICUBIC), np.float32)
    inner = light[1:-1, 1:-1]
    laplacian = light[:-2, 1:-1] + light[2:, 1:-1] + light[1:-1, :-2] + light[1:-1, 2:] - 4 * inner
    contrast = float(light.std())
    return float(np.sqrt(np.mean(laplacian**2))) / contrast if contrast > 0.5 else 0.0
