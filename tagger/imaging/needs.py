"""What decoding a picture takes of each limit, told by its header; and which limits stand in its way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from tagger.core.config import LimitSettings
from tagger.core.sentences import Sentence
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.normalize import is_plain

# From so many pixels on a picture that is not plain RGB is converted in strips: the copies would be too large.
_STRIPS_FROM = 32_000_000
# Bytes a pixel, measured, beyond what Pillow stores: while a decoder is at work, and for converting whole pictures.
_DECODING = {"WEBP": 12.1, "HEIF": 4.4, "AVIF": 7.7}
_CONVERTING = {"L": 4.2, "P": 4.2, "1": 4.2, "CMYK": 4.2, "I;16": 15.1, "I;16B": 15.1, "I": 21.1, "F": 21.1}


@dataclass(frozen=True, slots=True)
class Needs:
    """What decoding a picture takes: bytes of its file, pixels that come out of the decoder, bytes of memory."""

    file: int
    pixels: int
    memory: int
    size: tuple[int, int]


def check(needs: Needs, limits: LimitSettings) -> None:
    """Raise DecodeError if a picture needs more than the limits allow; all that stand in the way are named at once."""
    megapixels = needs.pixels / 1e6
    # What it needs of each setting, rounded up so that the value that is told lets it pass.
    found = {
        "megapixels": (math.ceil(megapixels), limits.megapixels, megapixels > limits.megapixels),
        "file_mb": (math.ceil(needs.file / (1 << 20)), limits.file_mb, needs.file > limits.file_mb << 20),
        "memory_mb": (math.ceil(needs.memory / (1 << 20)), limits.memory_mb, needs.memory > limits.memory_mb << 20),
    }
    over = {name: (value, now) for name, (value, now, too_much) in found.items() if too_much}
    if not over:
        return
    width, height = needs.size
    size: str = Sentence("{number} MB", number=f"{needs.file / 1e6:.0f}")
    if width:
        pixels = f"{width * height / 1e6:.0f}"
        size = Sentence(
            "{width} x {height} pixels ({number} megapixels), {size}",
            width=width,
            height=height,
            number=pixels,
            size=size,
        )
    raise DecodeError(
        DecodeFault.TOO_BIG,
        Sentence(
            "it is larger than the settings allow: {size}; it would pass with {settings}",
            size=size,
            settings=_larger(list(over.items())),
        ),
    )


def _larger(over: list[tuple[str, tuple[int, float]]]) -> Sentence:
    """The settings with which a picture would pass."""
    (name, (value, now)), *others = over
    told = {"name": name, "value": value, "now": f"{now:g}"}
    if others:
        return Sentence("limits.{name} = {value} (now {now}) and {others}", **told, others=_larger(others))
    return Sentence("limits.{name} = {value} (now {now})", **told)


def needs_of(picture: Image.Image, full: tuple[int, int], file: int, *, progressive: bool) -> Needs:
    """What decoding takes of each limit. `full`: the size in the file, of which a JPEG may be decoded smaller."""
    pixels = picture.width * picture.height
    # Pillow stores one, two or four bytes a pixel; what is not converted in strips takes copies.
    stored = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}.get(picture.mode, 4)
    copied = 0 if in_strips(picture) or is_plain(picture) else _CONVERTING.get(picture.mode, 9)
    memory = pixels * max(stored + copied, stored + _DECODING.get(picture.format or "", 0))
    if progressive:
        # The coefficients of all components stay in memory, two bytes each.
        memory += full[0] * full[1] * 2 * _samples(picture)
    return Needs(file, pixels, math.ceil(memory), full)


def _samples(picture: Image.Image) -> float:
    """The number of a JPEG's samples for each pixel: 1.5 where colours have half the resolution."""
    # Each component's identifier, then its horizontal and vertical sampling factors (T.81 A.1.1).
    factors = [(component[1], component[2]) for component in getattr(picture, "layer", ())]
    if not factors or not all(across and down for across, down in factors):
        return 4.0
    most: int = max(across for across, _ in factors) * max(down for _, down in factors)
    samples: int = sum(across * down for across, down in factors)
    return samples / most


def in_strips(picture: Image.Image) -> bool:
    """Whether a picture is converted a strip at a time, because a converted copy would be too large."""
    return picture.width * picture.height > _STRIPS_FROM and not is_plain(picture)
