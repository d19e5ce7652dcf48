"""Convert decoded pictures of any mode to upright RGB."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image

# A strip has about so many pixels, which are a few megabytes in every mode.
_STRIP_PIXELS = 1 << 20

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


def is_plain(picture: Image.Image) -> bool:
    """Whether `as_seen` returns the picture itself."""
    return picture.mode == "RGB" and "transparency" not in picture.info


def as_seen(picture: Image.Image) -> Image.Image:
    """Convert to RGB: transparency over white, 16-bit and floating-point pictures scaled to their range."""
    if is_plain(picture):
        return picture
    if picture.mode.startswith("I") or picture.mode == "F":
        return _scaled(picture, *_range_of(picture, len_of_strip=picture.height))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        return white
    return picture.convert("RGB")


def seen_smaller(picture: Image.Image, factor: int) -> Image.Image:
    """As `as_seen`, and smaller by a whole number. A strip at a time, so that it takes next to no memory."""
    grey = picture.mode.startswith("I") or picture.mode == "F"
    rows = factor * max(1, _STRIP_PIXELS // (picture.width * factor))
    span = _range_of(picture, len_of_strip=rows) if grey else (0.0, 0.0)
    small = Image.new("RGB", (math.ceil(picture.width / factor), math.ceil(picture.height / factor)))
    for strip, top in _strips(picture, rows):
        seen = _scaled(strip, *span) if grey else as_seen(strip)
        small.paste(seen.reduce(factor), (0, top // factor))
    return small


def _strips(picture: Image.Image, rows: int) -> Iterator[tuple[Image.Image, int]]:
    """Strips of a picture from top to bottom, each with the row where it begins."""
    for top in range(0, picture.height, rows):
        yield picture.crop((0, top, picture.width, min(top + rows, picture.height))), top


def _range_of(picture: Image.Image, len_of_strip: int) -> tuple[float, float]:
    """The lowest and the highest value of a grey picture; a usual range where its values are within one."""
    if picture.mode.startswith("I;16"):
        return 0.0, 65535.0
    low = top = 0.0
    for strip, _ in _strips(picture, len_of_strip):
        grey = np.asarray(strip)
        finite = grey[np.isfinite(grey)]
        low = min(low, float(finite.min(initial=0)))
        top = max(top, float(finite.max(initial=0)))
    return low, next((usual for usual in (1.0, 255.0, 65535.0) if 0 < top <= usual and low == 0), top)


def _scaled(picture: Image.Image, low: float, top: float) -> Image.Image:
    """Grey of 16 bits, 32 bits or floating point -> RGB. Pillow's own conversion clips instead of scaling."""
    grey = np.asarray(picture)
    span = top - low or 1.0
    eight = np.nan_to_num((grey.astype(np.float32) - low) * (255.0 / span)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(eight).convert("RGB")
