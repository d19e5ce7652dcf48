"""Charts of a training: curves of loss and accuracy, and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _MARGIN = 900, 420, 60
_INK, _GRID, _TRAIN, _HELD = (32, 32, 36), (222, 222, 226), (38, 99, 197), (214, 94, 28)


def curves_picture(history: Sequence[Mapping[str, float]], best_epoch: int) -> Image.Image:
    """Accuracy and loss by epoch, for training and validation, with the best epoch marked."""
    picture = Image.new("RGB", (2 * _WIDTH, _HEIGHT + 60), "white")
    draw = ImageDraw.Draw(picture)
    for left, name in ((0, "accuracy"), (_WIDTH, "loss")):
        _chart(draw, left, name, history, best_epoch)
    for x, text, colour in ((80, "training", _TRAIN), (240, "validation", _HELD)):
        draw.line([(x, _HEIGHT + 36), (x + 40, _HEIGHT + 36)], colour, 4)
        draw.text((x + 48, _HEIGHT + 26), text, _INK, _font(18))
    draw.text((400, _HEIGHT + 26), f"dashed: the best epoch, {best_epoch}", _INK, _font(18))
    return picture


def _chart(
    draw: ImageDraw.ImageDraw, left: int, name: str, history: Sequence[Mapping[str, float]], best_epoch: int
) -> None:
    # A loss may become infinite or NaN.
    values = [entry[key] for entry in history for key in (name, f"val_{name}") if math.isfinite(entry[key])]
    low, high = (0.0, 1.0) if name == "accuracy" else (0.0, 5 * _round_step(max([*values, 1e-6]) / 5))
    last = max(2, len(history))
    x0, x1, y0, y1 = left + _MARGIN, left + _WIDTH - 30, _HEIGHT - 40, 50

    def point(epoch: float, value: float) -> tuple[float, float]:
        return x0 + (x1 - x0) * (epoch - 1) / (last - 1), y0 + (y1 - y0) * (value - low) / (high - low)

    draw.text((x0, 14), name, _INK, _font(22))
    for line in range(6):
        value = low + (high - low) * line / 5
        draw.line([point(1, value), point(last, value)], _GRID, 1)
        draw.text((x0 - 48, point(1, value)[1] - 9), f"{value:.2f}", _INK, _font(16))
    step = max(1, round(_round_step(last / 10)))
    for epoch in (1, *range(step if step > 1 else 2, last + 1, step)):
        draw.text((point(epoch, low)[0] - 6, y0 + 8), str(epoch), _INK, _font(16))
    x = point(best_epoch, low)[0]
    for y in range(y1, y0, 12):
        draw.line([(x, y), (x, y + 6)], _INK, 1)
    for key, colour in ((name, _TRAIN), (f"val_{name}", _HELD)):
        curve = [point(number, entry[key]) for number, entry in enumerate(history, 1) if math.isfinite(entry[key])]
        if len(curve) > 1:
            draw.line(curve, colour, 3, joint="curve")
        for place in curve if len(curve) < 3 else []:
            draw.circle(place, 4, fill=colour)


def _round_step(least: float) -> float:
    """The smallest number of the form 1, 2, 4 or 5 times a power of ten that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 4, 5, 10) if digit * power >= least)


def confusion_picture(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Image.Image:
    """True classes as rows, predicted classes as columns; each row's shares as shades, counts where they fit."""
    count = len(classes)
    cell = max(6, min(72, 1200 // count))
    font, small = _font(min(18, max(8, cell - 4))), _font(min(18, max(8, cell // 3)))
    room = round(max(font.getlength(name) for name in classes)) + 20
    legend, wide = "Rows: what it is. Columns: what it was found to be.", _font(16)
    width = max(room + count * cell, round(wide.getlength(legend)) + 10) + 20
    picture = Image.new("RGB", (width, room + count * cell + 50), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((10, room + count * cell + 18), legend, _INK, wide)
    for row, name in enumerate(classes):
        draw.text((room - 10, room + row * cell + cell / 2), name, _INK, font, anchor="rm")
        across = Image.new("RGB", (room, cell), "white")
        ImageDraw.Draw(across).text((10, cell / 2), name, _INK, font, anchor="lm")
        picture.paste(across.rotate(90, expand=True), (room + row * cell, 0))
        total = max(1, sum(matrix[row]))
        for column, number in enumerate(matrix[row]):
            share = number / total
            corner = (room + column * cell, room + row * cell)
            shade = tuple(round(255 + (full - 255) * share) for full in _TRAIN)
            draw.rectangle([corner, (corner[0] + cell - 1, corner[1] + cell - 1)], shade, _GRID)
            if cell >= 28 and number:
                ink = "white" if share > 0.5 else _INK
                draw.text((corner[0] + cell / 2, corner[1] + cell / 2), f"{number:,}", ink, small, anchor="mm")
    return picture


def _font(size: float) -> ImageFont.FreeTypeFont:
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found
