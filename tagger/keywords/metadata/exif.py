"""XPKeywords in EXIF, written without moving any existing value.

A photo without EXIF gets a new block from piexif. In a photo with EXIF, a new IFD0 is appended to the TIFF block and
the header's offset is set to it. Every other value stays in place, so that maker notes, which point into the block,
stay valid. Sources: TIFF 6.0 section 2, Exif 2.32 section 4.7.2; Microsoft's XPKeywords is tag 0x9C9E, BYTE,
UTF-16LE ended by a zero, keywords separated by `;`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

HEADER = b"Exif\0\0"
_XP_KEYWORDS = 0x9C9E
_BYTE = 1
# Tags that point at another directory: SubIFDs, Exif, GPS, interoperability.
_DIRECTORIES = frozenset((0x014A, 0x8769, 0x8825, 0xA005))
_THUMBNAIL, _THUMBNAIL_SIZE = 0x0201, 0x0202
_MANY = 32
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


# What may be a directory entry, at any offset: a tag, a type, a count below 2**24, a value.
_LITTLE = re.compile(rb"(?=..[\x01-\x0d]\0...\0.{4})", re.DOTALL)
_BIG = re.compile(rb"(?=..\0[\x01-\x0d]\0.{7})", re.DOTALL)


class ExifError(ValueError):
    """A TIFF block that is damaged or cannot be extended without loss."""


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    raw: bytes
    offset: int  # of the value, from the beginning of the block
    size: int


class Block:
    """The TIFF block of an EXIF segment. Raises ExifError where IFD0 cannot be read."""

    def __init__(self, tiff: bytes) -> None:
        self._tiff = tiff
        order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
        if order is None or len(tiff) < 14 or struct.unpack(order + "H", tiff[2:4])[0] != 42:
            raise ExifError("it has no TIFF header")
        self._order = order
        self._ifd0 = self._offset(tiff[4:8])
        self._entries, self._next = self._read(self._ifd0)

    def _read(self, start: int) -> tuple[list[_Entry], bytes]:
        if start < 8 or start + 2 > len(self._tiff):
            raise ExifError("its first directory is out of bounds")
        (count,) = struct.unpack_from(self._order + "H", self._tiff, start)
        end = start + 2 + 12 * count
        if not count or end + 4 > len(self._tiff):
            raise ExifError("its first directory is cut off")
        entries = []
        for at in range(start + 2, end, 12):
            tag, kind, number = struct.unpack_from(self._order + "HHI", self._tiff, at)
            size = _SIZES.get(kind, 0) * number
            offset = at + 8 if size <= 4 else self._offset(self._tiff[at + 8 : at + 12])
            entries.append(_Entry(tag, self._tiff[at : at + 12], offset, size))
        return entries, self._tiff[end : end + 4]

    @property
    def keywords(self) -> list[str]:
        """The keywords of XPKeywords, in order."""
        return [part for part in self._text.split(";") if part.strip()]

    @property
    def has_keywords(self) -> bool:
        """Whether the field exists."""
        return any(entry.tag == _XP_KEYWORDS for entry in self._entries)

    @property
    def _text(self) -> str:
        for entry in self._entries:
            if entry.tag == _XP_KEYWORDS:
                if entry.offset + entry.size > len(self._tiff):
                    raise ExifError("XPKeywords is out of bounds")
                value = self._tiff[entry.offset : entry.offset + entry.size]
                return value[: len(value) // 2 * 2].decode("utf-16-le", "replace").rstrip("\0")
        return ""

    @property
    def closed(self) -> str:
        """Why the block cannot be extended without loss; empty if it can."""
        tags = [entry.tag for entry in self._entries]
        if tags != sorted(tags):
            return "its first directory is not in order"
        return "its first directory is used twice" if self._shared() else ""

    def edited(self, keywords: Sequence[str]) -> bytes:
        """The block with other XPKeywords; without keywords, the block without the field."""
        kept = [entry.raw for entry in self._entries if entry.tag != _XP_KEYWORDS]
        tags = [entry.tag for entry in self._entries]
        base = self._tiff[: self._own_end()]
        base += b"\0" * (len(base) % 2)
        start = len(base)
        value = _encoded(keywords) if keywords else b""
        if keywords:
            where = start + 2 + 12 * (len(kept) + 1) + 4
            pointer = struct.pack(self._order + "I", where) if len(value) > 4 else value.ljust(4, b"\0")
            entry = struct.pack(self._order + "HHI", _XP_KEYWORDS, _BYTE, len(value)) + pointer
            position = sum(tag < _XP_KEYWORDS for tag in tags)
            kept.insert(position, entry)
        if not kept:
            raise ExifError("nothing would be left in its first directory")
        table = struct.pack(self._order + "H", len(kept)) + b"".join(kept) + self._next
        header = self._tiff[:4] + struct.pack(self._order + "I", start)
        return header + base[8:] + table + (value if len(value) > 4 else b"")

    def _shared(self) -> bool:
        """Whether something else points at IFD0, too: some cameras reuse it as an empty directory."""
        pointers = [entry for entry in self._entries if entry.tag in _DIRECTORIES and entry.size == 4]
        places = [self._number(entry) for entry in pointers]
        for place in places:
            try:
                inner, following = self._read(place)
            except ExifError:
                continue
            places += [self._number(entry) for entry in inner if entry.tag in _DIRECTORIES and entry.size == 4]
            places.append(self._offset(following))
            if len(places) > _MANY:
                return True
        return self._ifd0 in (*places, self._offset(self._next))

    def reaches_out(self) -> bool:
        """Whether a directory has a value, or the thumbnail, that ends after the end of the block."""
        todo = [self._ifd0]
        seen: set[int] = set()
        while todo and len(seen) < _MANY:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            try:
                entries, following = self._read(place)
            except ExifError:
                continue
            values = {entry.tag: self._number(entry) for entry in entries if entry.size == 4}
            thumbnail = values.get(_THUMBNAIL, 0) + values.get(_THUMBNAIL_SIZE, 0)
            if thumbnail > len(self._tiff) or any(
                entry.size > 4 and entry.offset + entry.size > len(self._tiff) for entry in entries
            ):
                return True
            todo += [self._offset(following), *(values[tag] for tag in _DIRECTORIES if tag in values)]
        return False

    def _number(self, entry: _Entry) -> int:
        return self._offset(entry.raw[8:12])

    def _offset(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self._order == "<" else "big")

    def _own_end(self) -> int:
        """Where the block ends, not counting a directory that an earlier edit appended."""
        end = self._ifd0 + 2 + 12 * len(self._entries) + 4
        outside = [entry for entry in self._entries if entry.size > 4]
        mine = [entry for entry in outside if entry.tag == _XP_KEYWORDS]
        others = [entry for entry in outside if entry.tag != _XP_KEYWORDS]
        if (
            self._ifd0 > 8
            and len(mine) == 1
            and mine[0].offset == end
            and end + mine[0].size == len(self._tiff)
            and all(entry.offset + entry.size <= self._ifd0 for entry in others)
            and self._offset(self._next) < self._ifd0
        ):
            return self._ifd0
        return len(self._tiff)

    def unchanged_in(self, other: Block) -> bool:
        """Whether another block has all values of this one except XPKeywords, at the same offsets."""
        mine = [entry.raw for entry in self._entries if entry.tag != _XP_KEYWORDS]
        end = self._own_end()
        return (
            mine == [entry.raw for entry in other._entries if entry.tag != _XP_KEYWORDS]
            and self._next == other._next
            and other._tiff[:4] == self._tiff[:4]
            and other._tiff[8:end] == self._tiff[8:end]
        )


def counts_from_file(tiff: bytes, origin: int) -> bool:
    """Whether some value's offset counts from the start of the file (in a maker note, which has its own directories).

    Then its end seems to be after the end of the block, by at most the block's offset in the file, `origin`.
    """
    little = tiff[:2] == b"II"
    order = "<" if little else ">"
    for match in (_LITTLE if little else _BIG).finditer(tiff):
        _, kind, count, offset = struct.unpack_from(order + "HHII", tiff, match.start())
        size = _SIZES[kind] * count
        # Directories begin at even offsets (TIFF 6.0 section 2).
        if match.start() % 2 == 0 and size > 4 and 8 <= offset <= len(tiff) < offset + size <= len(tiff) + origin:
            return True
    return False


def reaches_out(tiff: bytes) -> bool:
    """Whether a directory of the block has a value, or the thumbnail, that ends after the end of the block."""
    try:
        return Block(tiff).reaches_out()
    except ExifError:
        return False


def new_block(keywords: Sequence[str], size: tuple[int, int], density: tuple[int, int, int]) -> bytes:
    """The payload of a new EXIF segment, including its header, with XPKeywords and the tags that Exif requires.

    `size`: the picture's width and height in pixels. `density`: EXIF's unit (2 inch, 3 cm) and the pixels per unit
    across and down, as the photo's other metadata have them. piexif would write XPKeywords before a tag that must be
    first, so they are appended as in any other block.
    """
    import piexif

    unit, across, down = density
    block: bytes = piexif.dump(
        {
            "0th": {
                piexif.ImageIFD.XResolution: (across, 1),
                piexif.ImageIFD.YResolution: (down, 1),
                piexif.ImageIFD.ResolutionUnit: unit,
                piexif.ImageIFD.YCbCrPositioning: 1,
            },
            "Exif": {
                piexif.ExifIFD.ExifVersion: b"0232",
                piexif.ExifIFD.ComponentsConfiguration: b"\1\2\3\0",
                piexif.ExifIFD.FlashpixVersion: b"0100",
                piexif.ExifIFD.ColorSpace: 65535,
                piexif.ExifIFD.PixelXDimension: size[0],
                piexif.ExifIFD.PixelYDimension: size[1],
            },
        }
    )
    return HEADER + Block(block.removeprefix(HEADER)).edited(keywords)


def _encoded(keywords: Sequence[str]) -> bytes:
    return ";".join(keywords).encode("utf-16-le") + b"\0\0"
