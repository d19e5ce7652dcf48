"""Count the scans of a progressive JPEG, which determine what decoding costs (ITU T.81, annex B)."""

from __future__ import annotations

from tagger.core.jpeg_markers import EOI, SOS, markers

_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))


def progressive_scans(data: bytes) -> int:
    """The number of scans of a progressive JPEG; 0 for a sequential one. Never fails on damaged data."""
    scans, progressive = 0, False
    for marker, _ in markers(data, 2):
        if marker == EOI:
            break
        progressive = progressive or marker in _PROGRESSIVE
        if marker == SOS and not progressive:
            # Sequential: the rest of the file need not be searched.
            return 0
        scans += marker == SOS
    return scans
