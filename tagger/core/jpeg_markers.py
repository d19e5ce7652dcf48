"""The markers of a JPEG stream from one of its places on (ITU T.81, annex B)."""

from __future__ import annotations

import re
from collections.abc import Iterator

SOS, EOI = 0xDA, 0xD9
# Markers without a segment behind them: TEM and the restarts.
STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SOI = 0xD8
# In scans 0xFF is followed by 0x00 (a stuffed byte) or a restart marker; anything else is a marker.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


def markers(data: bytes | memoryview, start: int) -> Iterator[tuple[int, int]]:
    """Each marker from a place on, and where it ends. What its segment holds (a thumbnail, perhaps) is skipped.

    Never fails on damaged data. Restart markers inside scans are not told.
    """
    position = start
    while match := _MARKER.search(data, position):
        marker, position = match[1][0], match.end()
        yield marker, position
        if marker not in STANDALONE and marker not in (_SOI, EOI):
            position += max(2, int.from_bytes(bytes(data[position : position + 2]), "big"))
