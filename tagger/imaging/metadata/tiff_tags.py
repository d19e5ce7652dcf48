"""The tags of a TIFF structure: of EXIF blocks, TIFF files, and the RAW files that are TIFF inside.

Reads no more than the directories and the values that are asked for. Whatever the bytes are, no error: what cannot be
read is missing. Sources: TIFF 6.0 section 2; Exif 2.32 sections 4.6.3 to 4.6.6.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_BIG_TIFF = 43
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MOST_ENTRIES = 4096
_MOST_NUMBERS = 64


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value as it stands in the file. `kind`: its TIFF type; `order`: as `struct` writes it."""

    kind: int
    raw: bytes
    order: str

    @property
    def text(self) -> str:
        """As a text up to its first zero; programs write UTF-8 where Exif asks for ASCII."""
        raw = self.raw.split(b"\0", 1)[0]
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("cp1252", "replace")

    @property
    def numbers(self) -> list[Fraction | float]:
        """As numbers; of fractions without a denominator 0/0 is NaN, which means unknown, and others are infinite."""
        if self.kind in (5, 10):
            pair = struct.Struct(self.order + ("II" if self.kind == 5 else "ii"))
            pairs = pair.iter_unpack(self.raw[: len(self.raw) // 8 * 8])
            return [Fraction(up, down) if down else math.inf if up else math.nan for up, down in pairs]
        code = _NUMBERS.get(self.kind)
        if code is None:
            return []
        size = _SIZES[self.kind]
        count = min(len(self.raw) // size, _MOST_NUMBERS)
        return list(struct.unpack(f"{self.order}{count}{code}", self.raw[: count * size]))


Directory = Mapping[int, Value]


@dataclass(frozen=True, slots=True)
class Tags:
    """The values that were asked for: of the first directory, of Exif's and of GPS's."""

    main: Directory = field(default_factory=dict)
    exif: Directory = field(default_factory=dict)
    gps: Directory = field(default_factory=dict)


def read_tags(source: IO[bytes], wanted: Mapping[int, int], start: int = 0) -> Tags:
    """The wanted tags of a TIFF structure that begins at `start`. `wanted`: the most bytes of each tag's value.

    Raises OSError only if the storage fails.
    """
    head = _read(source, start, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8 or struct.unpack(order + "H", head[2:4])[0] == _BIG_TIFF:
        return Tags()
    reader = _Reader(source, order, start)
    first = struct.unpack(order + "I", head[4:])[0]
    main = reader.directory(first, {**wanted, _EXIF_IFD: 4, _GPS_IFD: 4})
    inner = [reader.directory(reader.pointer(main, tag), wanted) for tag in (_EXIF_IFD, _GPS_IFD)]
    return Tags(main, *inner)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: IO[bytes]
    order: str
    start: int

    def pointer(self, directory: Directory, tag: int) -> int:
        numbers = directory[tag].numbers if tag in directory else []
        return int(numbers[0]) if numbers and math.isfinite(numbers[0]) else 0

    def directory(self, place: int, wanted: Mapping[int, int]) -> dict[int, Value]:
        """The wanted values of the directory at a place."""
        found: dict[int, Value] = {}
        head = _read(self.source, self.start + place, 2) if place >= 8 else b""
        if len(head) < 2:
            return found
        count = min(struct.unpack(self.order + "H", head)[0], _MOST_ENTRIES)
        table = _read(self.source, self.start + place + 2, 12 * count)
        for at in range(0, len(table) // 12 * 12, 12):
            tag, kind, number = struct.unpack_from(self.order + "HHI", table, at)
            size = _SIZES.get(kind, 0) * number
            if tag in found or not 0 < size <= wanted.get(tag, 0):
                continue
            raw = table[at + 8 : at + 8 + size]
            if size > 4:
                raw = _read(self.source, self.start + struct.unpack(self.order + "I", table[at + 8 : at + 12])[0], size)
            if len(raw) == size:
                found[tag] = Value(kind, raw, self.order)
        return found


def _read(source: IO[bytes], place: int, size: int) -> bytes:
    source.seek(place)
    return source.read(size)
