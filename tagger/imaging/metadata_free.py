"""A picture's bytes without metadata that no decoder needs, for files whose metadata stands in the way of the picture.

What is kept: everything that pixels are made of, and EXIF, which holds orientation and date and is read with care.
"""

from __future__ import annotations

import struct

from tagger.core.jpeg_markers import SOS, markers

# PNG (third edition), section 11: what pixels and transparency are made of, and eXIf.
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"))
# WebP container specification: chunks that hold no pixels.
_WEBP_DROPPED = frozenset((b"ICCP", b"XMP "))
# T.81 table B.1: the segment for comments; those for applications are 0xE0 to 0xEF.
_COMMENT = 0xFE
_EXIF, _ADOBE = b"Exif\0", b"Adobe"


def without_metadata(data: bytes) -> bytes | None:
    """The same picture with less beside it; None if it is no JPEG, PNG or WebP, or nothing was left out."""
    if data.startswith(_PNG):
        plain = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        plain = _webp(data)
    elif data.startswith(b"\xff\xd8"):
        plain = _jpeg(data)
    else:
        return None
    return plain if len(plain) < len(data) else None


def _png(data: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        at = end
    return b"".join(kept)


def _webp(data: bytes) -> bytes:
    kept, at = [], 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if kind not in _WEBP_DROPPED:
            kept.append(data[at:end])
        at = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _jpeg(data: bytes) -> bytes:
    kept, at = [], 0
    for marker, start in markers(data, 2):
        if marker == SOS:
            break
        if not _is_needed(marker, data[start + 2 : start + 7]):
            kept.append(data[at : start - 2])
            at = start + int.from_bytes(data[start : start + 2], "big")
    return b"".join([*kept, data[at:]])


def _is_needed(marker: int, beginning: bytes) -> bool:
    if marker == _COMMENT:
        return False
    # APP0 to APP15: all but EXIF, and Adobe's, which says how colours are stored.
    return not 0xE0 <= marker <= 0xEF or beginning in (_EXIF, _ADOBE)
