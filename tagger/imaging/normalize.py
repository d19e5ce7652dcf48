"""Convert decoded pictures of any mode to upright RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Rotate or mirror a picture by its EXIF orientation (Exif 2.32, section 4.6.4)."""
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def as_seen(picture: Image.Image) -> Image.Image:
    """Convert to RGB: transparency over white, 16-bit and floating-point pictures scaled to their range."""
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return _scaled(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        return white
    return picture.convert("RGB")


def _scaled(picture: Image.Image) -> Image.Image:
    """Grey of 16 bits, 32 bits or floating point -> RGB. Pillow's own conversion clips instead of scaling."""
    grey = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        top, low = 65535.0, 0.0
    else:
        finite = grey[np.isfinite(grey)]
        low = min(0.0, float(finite.min(initial=0)))
        top = float(finite.max(initial=0))
        # Values within a usual range use that range.
        top = next((usual for usual in (1.0, 255.0, 65535.0) if 0 < top <= usual and low == 0), top)
    span = top - low or 1.0
    eight = np.nan_to_num((grey.astype(np.float32) - low) * (255.0 / span)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(eight).convert("RGB")
