"""Find the markers of a JPEG stream (ITU T.81, annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator

SOS, EOI = 0xDA, 0xD9
# Markers without a segment: TEM and the restart markers.
STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SOI = 0xD8
# Inside scans, 0xFF is followed by 0x00 (byte stuffing) or a restart marker. Anything else is a marker.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def markers(data: bytes | memoryview, start: int) -> Iterator[tuple[int, int]]:
    """Yield each marker from position `start` on, with the position after it. Skips the contents of segments.

    Never fails on damaged data. Leaves out the restart markers inside scans.
    """
    position = start
    while match := _MARKER.search(data, position):
        marker, position = match[1][0], match.end()
        yield marker, position
        if marker not in STANDALONE and marker not in (_SOI, EOI):
            position += max(2, int.from_bytes(bytes(data[position : position + 2]), "big"))
