"""Very large pictures as small files, or sparse ones, made without having their pixels in memory."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

from PIL import Image

# What a grey block of 16 x 16 pixels is in the standard Huffman code at 4:2:0: four times no difference and nothing
# else (00 1010), and twice that for the colours (00 00).
_GREY_BLOCK = bytes((0b00101000, 0b10100010, 0b10001010, 0))


def grey_jpeg(path: Path, width: int, height: int) -> None:
    """A baseline JPEG at 4:2:0, as telephones make them."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (128, 128, 128)).save(out, "JPEG", subsampling=2)
    data = out.getvalue()
    frame = data.index(b"\xff\xc0")
    head = bytearray(data[: data.index(b"\xff\xda") + 14])
    struct.pack_into(">HH", head, frame + 5, height, width)
    blocks = -(-width // 16) * -(-height // 16)
    path.write_bytes(bytes(head) + _GREY_BLOCK * blocks + b"\xff\xd9")


def black_png(path: Path, width: int, height: int, *, alpha: bool = False) -> None:
    """A PNG of eight bits a sample."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(1 + width * (4 if alpha else 3))
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path.write_bytes(png)


def black_tiff(path: Path, width: int, height: int, *, bits: int = 16) -> None:
    """An uncompressed RGB TIFF, as medium format backs and scanners make them: a sparse file (TIFF 6.0, section 6)."""
    size = width * height * 3 * bits // 8
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 3, 8 + 2 + 9 * 12 + 4),  # bits a sample, behind the directory
        (259, 3, 1, 1),  # not compressed
        (262, 3, 1, 2),  # RGB
        (273, 4, 1, 256),  # where the pixels begin
        (277, 3, 1, 3),
        (278, 4, 1, height),
        (279, 4, 1, size),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    head = b"II*\x00" + struct.pack("<I", 8) + directory + struct.pack("<HHH", bits, bits, bits)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(256 + size)
