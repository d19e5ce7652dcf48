"""Plain measures of a picture's pixels: whether it lacks colour, is dark, drawn rather than photographed, a page.

Each takes a fraction of a millisecond, because it is measured on a few pixels or on a small copy. The figures were
chosen on real photos and pages; benchmarks/everyday/file_kinds.py counts what they find and what they take wrongly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

_NEAREST = 0  # Image.Resampling.NEAREST, without importing Pillow where only the names of kinds are needed
_SAMPLES = 48
# A page is measured on a copy whose longer side has 320 to 500 pixels, in blocks of 8 x 8.
_LONGEST = 320
_BLOCK = 8


def is_colourless(seen: Image.Image) -> bool:
    """Whether a picture in RGB is black and white, or toned in a warm colour as old photographs are (sepia).

    A colour photo of things with little colour is not: it has some somewhere. Nor is a picture of black and white
    areas only, such as text on black.
    """
    pixels = np.asarray(seen.resize((_SAMPLES, _SAMPLES), _NEAREST)).reshape(-1, 3).astype(np.float32)
    lightness = pixels.mean(1)
    if np.mean((lightness > 20) & (lightness < 235)) < 0.1:
        return False
    # Red and blue less green: (samples, 2).
    colour = pixels[:, [0, 2]] - pixels[:, 1:2]
    if _percentile(np.abs(colour).max(1), 99) <= 5:
        return True
    # A toned picture is so in its lights, too; grey paper on brown wood is not. A sunset is more so.
    red, blue = colour[lightness >= _percentile(lightness, 75)].mean(0)
    if red <= 2 or not 7 < -blue < 50:
        return False
    # Its colour follows from its lightness alone, but for what JPEG blurs, which is more where there is more colour.
    shade = lightness / 128 - 1
    powers = np.stack([np.ones_like(shade), shade, shade * shade], 1)
    tone = np.linalg.lstsq(powers, colour, rcond=None)[0]
    return bool(_percentile(np.abs(colour - powers @ tone).max(1), 99) <= max(9, -blue / 3))


def usual_lightness(seen: Image.Image) -> float:
    """The median lightness of a picture in RGB, 0 to 255."""
    return float(np.median(np.asarray(seen.resize((_SAMPLES, _SAMPLES), _NEAREST).convert("L"))))


def is_drawn(seen: Image.Image) -> bool:
    """Whether a third of a picture in RGB has exactly one of eight colours, as screens and drawings have."""
    pixels = np.asarray(seen.resize((2 * _SAMPLES, 2 * _SAMPLES), _NEAREST)).reshape(-1, 3).astype(np.int32)
    counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)[1]
    return bool(np.sort(counts)[-8:].sum() >= 0.34 * len(pixels))


def is_page(seen: Image.Image) -> bool:
    """Whether a picture in RGB shows paper with lines of text: a scan, or a photo of a page or a receipt.

    Paper is where blocks of pixels are about as bright as their neighbours at their brightest. A block of text is
    paper with thin dark strokes: mostly bright, and crossed from light to dark and back more than once.
    """
    small = _smaller(seen)
    rows, columns = small.height // _BLOCK, small.width // _BLOCK
    if min(rows, columns) < 6:
        return False
    grey = small.convert("L").crop((0, 0, columns * _BLOCK, rows * _BLOCK))
    bands = np.asarray(grey).reshape(rows, _BLOCK, columns * _BLOCK)
    top = bands.max(1).reshape(rows, columns, _BLOCK).max(2).astype(np.int16)
    span = top - bands.min(1).reshape(rows, columns, _BLOCK).min(2)
    mean = np.asarray(grey.reduce(_BLOCK)).astype(np.int16)
    white = float(np.partition(top, int(top.size * 0.9), axis=None)[int(top.size * 0.9)])
    light = top >= 0.75 * white
    even = light & _alike(top)
    strokes = light & (span > 0.14 * top)
    # How much of a block is not paper.
    ink = (top - mean) / np.maximum(span, 1)
    text = even & strokes & (ink < 0.42)
    paper = even & ~strokes
    share = text.sum() / max(1, strokes.sum())
    if white < 120 or text.mean() < 0.1 or paper.mean() < 0.04 or share < 0.65 or even.sum() < 0.95 * light.sum():
        return False
    colours = np.asarray(small.reduce(_BLOCK))[:rows, :columns].astype(np.int16)
    chroma = colours.max(2) - colours.min(2)
    if np.median(chroma[text]) > 32 or np.median(chroma[text | paper]) > 35:
        return False
    across, down = _crossings(bands, text, top - 0.4 * span)
    crossed = np.mean(across + down >= 2 * _BLOCK)
    in_lines = np.median(np.maximum(across, down)) >= 2 * _BLOCK and crossed >= 0.6
    return bool(in_lines or (crossed >= 0.55 and share >= 0.72 and np.median(ink[strokes]) <= 0.3))


def _crossings(
    bands: NDArray[np.uint8], chosen: NDArray[np.bool_], threshold: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How often light becomes dark or dark light in each of the chosen blocks: along its rows, along its columns."""
    rows, columns = chosen.shape
    blocks = bands.reshape(rows, _BLOCK, columns, _BLOCK).transpose(0, 2, 1, 3)[chosen]
    dark = blocks < threshold[chosen][:, None, None]
    return (dark[:, :, 1:] != dark[:, :, :-1]).sum((1, 2)), (dark[:, 1:] != dark[:, :-1]).sum((1, 2))


def _alike(top: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Where at least two of a block's four neighbours are about as bright."""
    near = np.maximum(0.07 * top, 6)
    count = np.zeros(top.shape, np.int8)
    beside = np.abs(np.diff(top, axis=1)) < near[:, 1:]
    below = np.abs(np.diff(top, axis=0)) < near[1:]
    count[:, 1:] += beside
    count[:, :-1] += beside
    count[1:] += below
    count[:-1] += below
    return count >= 2


def _smaller(seen: Image.Image) -> Image.Image:
    """A copy whose longer side has at most 500 pixels or so; the picture itself, if it is no larger."""
    longest = max(seen.size)
    if longest >= 4 * _LONGEST:
        # Large ones not by averages of all their pixels, which would take milliseconds.
        share = 2 * _LONGEST / longest
        seen = seen.resize((max(1, round(seen.width * share)), max(1, round(seen.height * share))), _NEAREST)
        longest = max(seen.size)
    return seen.reduce(-(-longest // _LONGEST)) if longest > 1.25 * _LONGEST else seen


def _percentile(values: NDArray[np.floating], share: int) -> float:
    place = min(len(values) - 1, len(values) * share // 100)
    return float(np.partition(values, place)[place])
