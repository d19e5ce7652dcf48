"""Test photos like a camera's: detail at every scale, some noise, about as many bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

_OCTAVES = (4, 9, 20, 45, 100, 220, 500, 1100)


def scene(width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """RGB noise whose strength falls with its frequency, as in natural pictures (Field 1987), and some sensor noise.

    uint8 (height, width, 3).
    """
    chance = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for across in _OCTAVES:
        small = chance.normal(0, 1, (max(2, across * height // width), across, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(small[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            total[..., channel] += np.asarray(layer) * (70.0 / across**0.5)
    total += 120 + chance.normal(0, 4.0, (height, width, 1)).astype(np.float32)
    return total.clip(0, 255).astype(np.uint8)


def make_photos(
    folder: Path, count: int, megapixels: float, *, progressive: bool = False, seed: int = 1, kind: str = "JPEG"
) -> None:
    """Files of 4:3, each another part of a large scene.

    `kind`: JPEG, PNG, WEBP, TIFF, HEIF, or HEIF+ with a thumbnail of 320 x 240 pixels, as telephones make them.
    """
    pillow_heif.register_heif_opener()
    folder.mkdir(parents=True, exist_ok=True)
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = round(width * 3 / 4)
    large = scene(width * 5 // 4, height * 5 // 4, seed)
    chance = np.random.default_rng(seed)
    for number in range(count):
        top, left = chance.integers(0, height // 4), chance.integers(0, width // 4)
        part = large[top : top + height, left : left + width]
        picture = Image.fromarray(part)
        if kind == "JPEG":
            picture.save(
                folder / f"{number:05}.jpg", quality=90, progressive=progressive, optimize=False, subsampling=2
            )
        elif kind == "HEIF+":
            picture.save(folder / f"{number:05}.heic", "HEIF", thumbnails=[320])
        else:
            picture.save(folder / f"{number:05}.{kind.lower()}", kind)
