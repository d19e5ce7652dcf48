"""Where the metadata stand in a photo file of each format: EXIF, XMP packets, IPTC. No pixel is decoded.

Reads the headers only, in Python alone, with limits on everything that a file may ask for. Whatever the bytes are, no
error but those of the storage.

Sources: ITU T.81 annex B and XMP Specification Part 3 section 1.1.3 (JPEG); PNG (third edition) section 11.3 and
ImageMagick's raw profiles; the WebP container specification; ISO/IEC 14496-12 sections 8.11.3 (iloc) and 8.11.6 (iinf)
for HEIF and AVIF; TIFF 6.0 with XMP (700), IPTC (33723) and Photoshop's resources (34377); Canon's CR3 as described by
L. Clevy; Fujifilm's RAF, whose JPEG stands at the offset in bytes 84 to 87.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from tagger.core.formats import RAW_EXTENSIONS, SNIFF_BYTES, extension, sniff
from tagger.imaging.metadata import iptc_blocks
from tagger.imaging.metadata.tiff_tags import Tags, read_tags

XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG = 700, 33723, 34377
_SMALL = 4096
# The tags that are read, and the most bytes that the value of each may have.
_XP_KEYWORDS = 0x9C9E
_TAGS = {
    **dict.fromkeys((0x010E, 0x010F, 0x0110, 0x0132, 0x4746, 0x4749, 0xA434), _SMALL),
    **dict.fromkeys((0x9003, 0x9004, 0x9010, 0x9011, 0x9012), _SMALL),
    # GPS: latitude, longitude, time and date, each with its reference.
    **dict.fromkeys((1, 2, 3, 4, 7, 0x1D), 256),
    _XP_KEYWORDS: 1 << 16,
}
_MOST_XMP, _MOST_IPTC, _MOST_EXIF = 8 << 20, 1 << 20, 8 << 20
_BLOCKS = {XMP_TAG: _MOST_XMP, IPTC_TAG: _MOST_IPTC, PHOTOSHOP_TAG: _MOST_EXIF}
_MOST_PARTS = 20_000
_EXIF, _XMP, _EXTENDED = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_CR3_TAGS = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_CR3_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(slots=True)
class Headers:
    """What stands in a file. `xmp`: packets; `iptc`: blocks of datasets."""

    tags: Tags = field(default_factory=Tags)
    xmp: list[bytes] = field(default_factory=list)
    iptc: list[bytes] = field(default_factory=list)

    def take_exif(self, block: bytes) -> None:
        """Add a block of EXIF, with or without the six bytes before it."""
        if not self.tags.main and not self.tags.exif:
            tiff = block[6:] if block.startswith(_EXIF) else block
            self.tags = read_tags(io.BytesIO(tiff), _TAGS)

    def take_resources(self, payload: bytes) -> None:
        """Add the IPTC in Photoshop's image resources."""
        try:
            found = iptc_blocks.resources_of(payload)
        except iptc_blocks.IptcError:
            return
        self.iptc += [payload[one.data : one.data + one.size] for one in found if one.number == iptc_blocks.IPTC]


def read_headers(source: IO[bytes], name: str) -> Headers:
    """The metadata of an open photo. `name`: of its file, because most RAW files are recognised by it.

    Raises OSError if the storage fails.
    """
    found = Headers()
    source.seek(0)
    head = source.read(SNIFF_BYTES)
    kind = sniff(head)
    try:
        if kind == "JPEG":
            _jpeg(source, 0, found)
        elif kind == "PNG":
            _png(source, found)
        elif kind == "WEBP":
            _webp(source, found)
        elif head.startswith(b"FUJIFILMCCD-RAW"):
            source.seek(84)
            _jpeg(source, int.from_bytes(source.read(4), "big"), found)
        elif head[4:8] == b"ftyp":
            _base_media(source, found)
        elif kind in ("TIFF", "RAW") or extension(name) in RAW_EXTENSIONS:
            _tiff(source, found)
    except (ValueError, LookupError, struct.error, zlib.error, OverflowError):
        # What was found before the damage is true all the same.
        return found
    return found


def _tiff(source: IO[bytes], found: Headers) -> None:
    found.tags = read_tags(source, {**_TAGS, **_BLOCKS})
    main = found.tags.main
    found.xmp += [main[XMP_TAG].raw] if XMP_TAG in main else []
    found.iptc += [main[IPTC_TAG].raw] if IPTC_TAG in main else []
    if PHOTOSHOP_TAG in main and not found.iptc:
        found.take_resources(main[PHOTOSHOP_TAG].raw)


def _jpeg(source: IO[bytes], start: int, found: Headers) -> None:
    extended: dict[int, bytes] = {}
    resources: list[bytes] = []
    place = start + 2
    for _ in range(_MOST_PARTS):
        source.seek(place)
        head = source.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            break
        if head[1] == 0xFF:
            # Any number of fill bytes may stand before a marker.
            place += 1
            continue
        marker, length = head[1], int.from_bytes(head[2:4], "big")
        if marker == 0xDA or length < 2:
            break
        if marker in (0xE1, 0xED):
            data = source.read(length - 2)
            if data.startswith(_EXIF):
                found.take_exif(data)
            elif data.startswith(_XMP):
                found.xmp.append(data[len(_XMP) :])
            elif data.startswith(_EXTENDED):
                # A digest of 32 bytes, the length of the whole, and where this part stands in it.
                at = len(_EXTENDED) + 36
                extended[int.from_bytes(data[at : at + 4], "big")] = data[at + 4 :]
            elif data.startswith(iptc_blocks.HEADER):
                resources.append(data[len(iptc_blocks.HEADER) :])
        place += 2 + length
    if extended:
        found.xmp.append(b"".join(extended[at] for at in sorted(extended))[:_MOST_XMP])
    if resources:
        found.take_resources(b"".join(resources))


def _png(source: IO[bytes], found: Headers) -> None:
    place = 8
    for _ in range(_MOST_PARTS):
        source.seek(place)
        head = source.read(8)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"eXIf", b"iTXt", b"zTXt", b"tEXt") and length <= _MOST_XMP:
            _png_chunk(kind, source.read(length), found)
        place += 12 + length


def _png_chunk(kind: bytes, data: bytes, found: Headers) -> None:
    if kind == b"eXIf":
        found.take_exif(data)
        return
    key, _, rest = data.partition(b"\0")
    if kind == b"iTXt" and key == b"XML:com.adobe.xmp":
        # Compressed or not, the method, a language and the key in it.
        packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        found.xmp.append(_inflated(text) if packed else text)
    elif key.startswith(b"Raw profile type ") and kind != b"iTXt":
        _raw_profile(key[17:], _inflated(rest[1:]) if kind == b"zTXt" else rest, found)


def _raw_profile(name: bytes, text: bytes, found: Headers) -> None:
    """ImageMagick's: a line with its name, one with its length, then hexadecimal digits."""
    data = bytes.fromhex(text.strip().split(b"\n", 2)[-1].decode("ascii", "ignore"))
    if name in (b"exif", b"APP1") and data.startswith(_EXIF):
        found.take_exif(data)
    elif name in (b"xmp", b"APP1"):
        found.xmp.append(data.removeprefix(_XMP))
    elif name in (b"iptc", b"8bim") and data.startswith(b"\x1c"):
        found.iptc.append(data)
    elif name in (b"iptc", b"8bim"):
        found.take_resources(data)


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _MOST_XMP)


def _webp(source: IO[bytes], found: Headers) -> None:
    place = 12
    for _ in range(_MOST_PARTS):
        source.seek(place)
        head = source.read(8)
        if len(head) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF" and length <= _MOST_EXIF:
            found.take_exif(source.read(length))
        elif kind == b"XMP " and length <= _MOST_XMP:
            found.xmp.append(source.read(length))
        place += 8 + length + length % 2


# --- ISO base media: HEIF, AVIF, CR3 ------------------------------------------------------------------


def _boxes(source: IO[bytes], place: int, end: int | None) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: kind, where their content begins, where it ends."""
    for _ in range(_MOST_PARTS):
        source.seek(place)
        head = source.read(16)
        if len(head) < 8 or (end is not None and place + 8 > end):
            return
        size, kind = struct.unpack(">I4s", head[:8])
        inner = place + 8
        if size == 1:
            size, inner = int.from_bytes(head[8:16], "big"), place + 16
        if size == 0:
            size = source.seek(0, io.SEEK_END) - place
        if place + size < inner:
            return
        yield kind, inner, place + size
        place += size


def _base_media(source: IO[bytes], found: Headers) -> None:
    for kind, start, end in _boxes(source, 0, None):
        if kind == b"meta":
            # A full box: its version and flags stand before its content.
            _items(source, start + 4, end, found)
        elif kind == b"moov":
            _cr3_tags(source, start, end, found)
        elif kind == b"uuid" and end - start <= _MOST_XMP:
            source.seek(start)
            data = source.read(end - start)
            if data.startswith(_CR3_XMP):
                found.xmp.append(data[16:])


def _cr3_tags(source: IO[bytes], start: int, end: int, found: Headers) -> None:
    for kind, inner, after in _boxes(source, start, end):
        source.seek(inner)
        if kind != b"uuid" or source.read(16) != _CR3_TAGS:
            continue
        # Each is a TIFF structure with one directory.
        parts = {
            name: read_tags(source, _TAGS, place).main
            for name, place, _ in _boxes(source, inner + 16, after)
            if name in (b"CMT1", b"CMT2", b"CMT4")
        }
        found.tags = Tags(parts.get(b"CMT1", {}), parts.get(b"CMT2", {}), parts.get(b"CMT4", {}))


def _items(source: IO[bytes], start: int, end: int, found: Headers) -> None:
    """The items of a HEIF or AVIF file that are EXIF and XMP."""
    boxes = {kind: (inner, after) for kind, inner, after in _boxes(source, start, end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    wanted = _item_kinds(source, *boxes[b"iinf"])
    for item, extents in _item_places(_content(source, boxes[b"iloc"]), boxes.get(b"idat", (0, 0))[0]):
        kind = wanted.get(item)
        if kind is None or sum(length for _, length in extents) > _MOST_EXIF:
            continue
        data = b"".join(_content(source, (at, at + length)) for at, length in extents)
        if kind == b"Exif":
            # Four bytes say how far behind them the TIFF header stands.
            found.take_exif(data[4 + int.from_bytes(data[:4], "big") :])
        else:
            found.xmp.append(data)


def _content(source: IO[bytes], place: tuple[int, int]) -> bytes:
    source.seek(place[0])
    return source.read(min(place[1] - place[0], _MOST_EXIF))


def _item_kinds(source: IO[bytes], start: int, end: int) -> dict[int, bytes]:
    """The items that are EXIF (`Exif`) or XMP (`mime`), by number."""
    found = {}
    source.seek(start)
    entries = start + (6 if source.read(1) == b"\0" else 8)
    for kind, inner, after in _boxes(source, entries, end):
        data = _content(source, (inner, min(after, inner + 1024)))
        if kind != b"infe" or data[:1] not in (b"\2", b"\3"):
            continue
        width = 2 if data[0] == 2 else 4
        item, what = int.from_bytes(data[4 : 4 + width], "big"), data[6 + width : 10 + width]
        if what == b"Exif" or (what == b"mime" and b"application/rdf+xml" in data[10 + width :]):
            found[item] = what
    return found


def _item_places(data: bytes, idat: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Where each item stands in the file: its number, and the place and length of its parts."""
    version = data[0]
    offset_size, length_size, base_size, index_size = data[4] >> 4, data[4] & 15, data[5] >> 4, data[5] & 15
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(data):
            raise ValueError("iloc is cut off")
        return int.from_bytes(data[at - size : at], "big")

    for _ in range(min(number(4 if version == 2 else 2), _MOST_PARTS)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)
        base = number(base_size) + (idat if method == 1 else 0)
        extents = []
        for _ in range(number(2)):
            number(index_size if version in (1, 2) else 0)
            offset = base + number(offset_size)
            extents.append((offset, number(length_size)))
        if method in (0, 1):
            yield item, extents
