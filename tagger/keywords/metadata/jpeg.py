"""The segments of a JPEG file before its first scan, and edits that replace whole segments only.

Sources: ITU T.81 annex B for segments; XMP Specification Part 3 section 1.1.3 for XMP and extended XMP in APP1; CIPA
DC-007 (MPF) section 5.2 for offsets that count from the MPF header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tagger.core.jpeg_markers import EOI, SOS, STANDALONE, markers
from tagger.imaging.metadata.iptc_blocks import HEADER
from tagger.keywords.metadata import exif
from tagger.keywords.metadata.splices import Splice

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_MPF_HEADER = b"MPF\0"
# A segment's length is 16 bits and counts itself.
MAX_PAYLOAD = 0xFFFF - 2
APP0, APP1, APP2, APP13 = 0xE0, 0xE1, 0xE2, 0xED
# SOF0 to SOF15 without DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# The start of a picture. Minolta overwrites the first byte of its previews.
_PICTURE = re.compile(rb".\xd8\xff[\xc0-\xfe]", re.DOTALL)
_MANY = 256
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")


class JpegError(ValueError):
    """A file whose segments are damaged, or in an order that makes an edit unsafe."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment: `[start, end)` includes the marker and the length; `data` is the payload."""

    marker: int
    start: int
    end: int
    data: bytes


class Jpeg:
    """A JPEG file in memory. Raises JpegError where its segments are damaged.

    `data` must stay valid while this is in use.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self.segments, self.scan = _segments(data)
        self.exif = self._only(APP1, exif.HEADER[:5], "EXIF")
        self.xmp = self._only(APP1, XMP_HEADER, "XMP")
        self.photoshop = [s for s in self.segments if s.marker == APP13 and s.data.startswith(HEADER)]
        self.extended = [s for s in self.segments if s.marker == APP1 and s.data.startswith(EXTENDED_HEADER)]
        self._mpf = next((s for s in self.segments if s.marker == APP2 and s.data.startswith(_MPF_HEADER)), None)

    def _only(self, marker: int, header: bytes, what: str) -> Segment | None:
        found = [s for s in self.segments if s.marker == marker and s.data.startswith(header)]
        if len(found) > 1:
            raise JpegError(f"it has {len(found)} {what} segments")
        return found[0] if found else None

    @property
    def density(self) -> tuple[int, int, int]:
        """Resolution in EXIF's terms (unit, across, down): from JFIF if it has one, else 72 dpi."""
        first = self.segments[0] if self.segments else None
        if first is not None and first.marker == APP0 and first.data.startswith(b"JFIF\0") and len(first.data) >= 12:
            unit, across, down = first.data[7], *(int.from_bytes(first.data[i : i + 2], "big") for i in (8, 10))
            if unit in (1, 2) and across and down:
                return unit + 1, across, down
        return 2, 72, 72

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels, from its frame header. Raises JpegError if it has none."""
        for segment in self.segments:
            if segment.marker in _FRAMES and len(segment.data) >= 5:
                height, width = (int.from_bytes(segment.data[i : i + 2], "big") for i in (1, 3))
                return width, height
        raise JpegError("it has no frame header")

    def replaced(self, segment: Segment, payload: bytes | None) -> Splice:
        """The splice that gives a segment another payload, or removes it."""
        return Splice(segment.start, segment.end, b"" if payload is None else _segment(segment.marker, payload))

    def inserted(self, marker: int, payload: bytes) -> Splice:
        """The splice that inserts a segment: EXIF after JFIF, XMP after EXIF, IPTC after XMP; always before MPF."""
        at = 2
        for segment in self.segments:
            if segment.marker != APP0:
                break
            at = segment.end
        if not payload.startswith(exif.HEADER):
            before = [self.exif, self.xmp, *self.extended] if marker == APP13 else [self.exif]
            at = max(at, *(segment.end for segment in before if segment is not None), 0)
        at = min(at, self._fixed_from) if self._fixed_from else at
        return Splice(at, at, _segment(marker, payload))

    def is_fixed(self, place: Segment | Splice) -> bool:
        """Whether the length must not change here, because offsets count from a place before it."""
        return place.end > self._fixed_from

    def check(self, splices: Sequence[Splice]) -> None:
        """Raise JpegError if splices would move something that an offset in the file points at."""
        for splice in splices:
            if len(splice.data) != splice.end - splice.start and self.is_fixed(splice):
                raise JpegError("something in it is found by counting from a place before its keywords")

    @cached_property
    def _fixed_from(self) -> int:
        """The position after which nothing may move, because offsets before it point at what follows.

        MPF's offsets count from its own header. So do EXIF's, which may point out of its segment: at a preview after
        the picture, or a thumbnail longer than the segment. Then XMP goes before EXIF, and the rest stays together.
        The offsets of some maker notes count from the start of the file: then nothing may move at all.
        """
        places = [len(self.data)] if self._mpf is None else [self._mpf.start]
        if self.exif is not None:
            tiff = self.exif.data[len(exif.HEADER) :]
            origin = self.exif.start + 4 + len(exif.HEADER)
            pictures = self._pictures_behind()
            if exif.counts_from_file(tiff, origin) or self._holds(pictures):
                return 0
            if exif.reaches_out(tiff) or self._holds([place - origin for place in pictures]):
                places.append(self.exif.start)
        return min(places)

    def _pictures_behind(self) -> list[int]:
        """Where more pictures begin after the first. Readers find motion photos' videos and Samsung's blocks from the
        end of the file, and nobody needs disk leftovers after a picture."""
        return [picture.start() for picture in _PICTURE.finditer(self.data, _end_of_picture(self.data, self.scan))]

    def _holds(self, places: Sequence[int]) -> bool:
        """Whether EXIF contains one of some offsets, anywhere in it and in either byte order."""
        assert self.exif is not None
        texts = (place.to_bytes(4, order) for place in places for order in _ORDERS)
        return len(places) > _MANY or any(text in self.exif.data for text in texts)


def _end_of_picture(data: bytes | memoryview, scan: int) -> int:
    """Where the picture that begins with a scan ends; the end of the file if it has no end marker."""
    return next((end for marker, end in markers(data, scan) if marker == EOI), len(data))


def _segment(marker: int, payload: bytes) -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise JpegError("its metadata would not fit in a segment")
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def _segments(data: bytes | memoryview) -> tuple[list[Segment], int]:
    """The segments up to the first scan, and where that begins."""
    if data[:2] != b"\xff\xd8":
        raise JpegError("it does not begin like a JPEG")
    found: list[Segment] = []
    position = 2
    while True:
        if data[position : position + 1] != b"\xff":
            raise JpegError("its segments are damaged")
        # Any number of fill bytes may stand before a marker.
        while data[position + 1 : position + 2] == b"\xff":
            position += 1
        if position + 4 > len(data):
            raise JpegError("it ends before its picture begins")
        marker = data[position + 1]
        if marker == SOS:
            return found, position
        if marker in STANDALONE or marker in (0x00, 0xD8, EOI):
            raise JpegError("its segments are damaged")
        end = position + 2 + int.from_bytes(bytes(data[position + 2 : position + 4]), "big")
        if end < position + 4 or end > len(data):
            raise JpegError("its segments are damaged")
        found.append(Segment(marker, position, end, bytes(data[position + 4 : end])))
        position = end
