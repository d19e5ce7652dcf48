"""The structure of a JPEG stream, as far as it says what decoding will cost (ITU T.81, annex B)."""

from __future__ import annotations

import re

# Inside entropy-coded data 0xFF is followed by 0x00 (a stuffed byte) or 0xD0..0xD7 (a restart); anything else is
# a marker.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_SOS, _EOI = 0xDA, 0xD9
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))


def progressive_scans(data: bytes) -> int:
    """How many scans a progressive JPEG has; 0 for a sequential one. Never fails on damaged data."""
    position, scans, progressive = 2, 0, False
    while match := _MARKER.search(data, position):
        marker = match[1][0]
        if marker == _EOI:
            break
        position = match.end()
        if marker in _STANDALONE:
            continue
        progressive = progressive or marker in _PROGRESSIVE
        if marker == _SOS and not progressive:
            # Whatever follows is not worth a look at every byte of every photo.
            return 0
        scans += marker == _SOS
        # Skip the segment, so that a thumbnail inside it does not count.
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
    return scans
