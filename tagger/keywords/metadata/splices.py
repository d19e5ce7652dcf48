"""Splices of a file, and how to undo them byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_HUNK = struct.Struct(">QQQ")


@dataclass(frozen=True, slots=True)
class Splice:
    """`[start, end)` of the old file becomes `data`."""

    start: int
    end: int
    data: bytes


def pieces(size: int, splices: Iterable[Splice]) -> Iterator[bytes | range]:
    """The parts of the new file, in order: bytes, and ranges of the old file, which has `size` bytes.

    Raises ValueError if splices overlap or are out of bounds.
    """
    position = 0
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if not position <= splice.start <= splice.end <= size:
            raise ValueError("splices overlap")
        yield range(position, splice.start)
        yield splice.data
        position = splice.end
    yield range(position, size)


def apply(old: bytes, splices: Iterable[Splice]) -> bytes:
    """The file with splices made. Raises ValueError if they overlap or are out of bounds."""
    parts = pieces(len(old), splices)
    return b"".join(old[part.start : part.stop] if isinstance(part, range) else part for part in parts)


def reverse(old: bytes | memoryview, splices: Sequence[Splice]) -> bytes:
    """How to get the old file from the new one, packed: each hunk's position, length and old bytes."""
    hunks = []
    moved = 0
    for splice in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        before = bytes(old[splice.start : splice.end])
        front = _common(before, splice.data)
        back = _common(before[front:][::-1], splice.data[front:][::-1])
        kept = before[front : len(before) - back]
        length = len(splice.data) - front - back
        hunks.append(_HUNK.pack(splice.start + front + moved, length, len(kept)) + kept)
        moved += len(splice.data) - len(before)
    return zlib.compress(b"".join(hunks))


def unpacked(packed: bytes) -> list[Splice]:
    """The splices that turn the new file into the old one, from the result of `reverse`. Raises ValueError."""
    try:
        hunks = zlib.decompress(packed)
        splices = []
        position = 0
        while position < len(hunks):
            start, length, size = _HUNK.unpack_from(hunks, position)
            position += _HUNK.size
            splices.append(Splice(start, start + length, hunks[position : position + size]))
            position += size
    except (zlib.error, struct.error) as error:
        raise ValueError(f"damaged: {error}") from error
    return splices


def _common(left: bytes, right: bytes) -> int:
    """The length of the common start of two byte strings."""
    if left == right:
        return len(left)
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[:middle] == right[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
