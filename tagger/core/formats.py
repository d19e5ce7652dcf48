"""Recognise photos: by extension while walking, by their first bytes everywhere else."""

from __future__ import annotations

import os

# fmt: off
RAW_EXTENSIONS = frozenset((
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".k25", ".kdc", ".mef", ".mos", ".mrw",
    ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
))
PHOTO_EXTENSIONS = RAW_EXTENSIONS | {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib",
    ".heic", ".heif", ".hif", ".avif",
}
# fmt: on

# The first bytes of a JPEG file: SOI and the first byte of the next marker.
JPEG_START = b"\xff\xd8\xff"

# The number of bytes that `sniff` needs.
SNIFF_BYTES = 64

_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"avif", b"avis")
)


def extension(name: str) -> str:
    """The extension of a file name, in lower case and with its dot; empty if there is none."""
    # Not pathlib, which is slower: this is called for every file.
    return os.path.splitext(name)[1].lower()


def looks_like_photo(name: str) -> bool:
    """Whether a file has a photo's extension."""
    return extension(name) in PHOTO_EXTENSIONS


def sniff(header: bytes) -> str | None:
    """The format of a file by its first `SNIFF_BYTES` bytes, as Pillow names it; None if unknown.

    Sources: JPEG ITU T.81 B.1.1, PNG 1.2 section 5.2, GIF89a section 17, TIFF 6.0 section 2, BigTIFF, the WebP
    container specification, ISO/IEC 14496-12 section 4.3 for HEIF and AVIF. `RAW` stands for camera formats with first
    bytes of their own; most are TIFF inside and are recognised by extension only.
    """
    if header.startswith(JPEG_START):
        return "JPEG"
    if header.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if header.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    if header[4:8] == b"ftyp":
        return _base_media(header)
    if header.startswith((b"FUJIFILMCCD-RAW", b"IIU\x00", b"IIRO", b"IIRS", b"MMOR", b"FOVb")):
        return "RAW"
    if header[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "RAW" if header[8:10] == b"CR" else "TIFF"
    # "BM" alone is too common, so the size of the second header must be a known one, too.
    if header[:2] == b"BM" and int.from_bytes(header[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124):
        return "BMP"
    return None


def _base_media(header: bytes) -> str | None:
    size = min(int.from_bytes(header[:4], "big"), len(header))
    brands = {header[8:12], *(header[start : start + 4] for start in range(16, max(16, size - 3), 4))}
    if header[8:12] == b"crx ":
        return "RAW"
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None
