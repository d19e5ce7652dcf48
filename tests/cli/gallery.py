"""Photos with which a gallery must cope."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pillow_heif
from PIL import Image, ImageEnhance, ImageOps

# The real photos that the tests carry.
PHOTOS = Path(__file__).parents[1] / "photos"

# A name as somebody would choose it who tries to break pages.
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}.jpg"


def _part(left: float, top: float, right: float, bottom: float) -> Callable[[Image.Image], Image.Image]:
    def crop(photo: Image.Image) -> Image.Image:
        width, height = photo.size
        return photo.crop((int(left * width), int(top * height), int(right * width), int(bottom * height)))

    return crop


# Other photos of the same: "cat left.jpg" beside "cat.jpg".
VARIANTS: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "left": _part(0, 0, 0.6, 1),
    "right": _part(0.4, 0, 1, 1),
    "top": _part(0, 0, 1, 0.6),
    "bottom": _part(0, 0.4, 1, 1),
    "close": _part(0.2, 0.2, 0.8, 0.8),
    "closer": _part(0.3, 0.3, 0.7, 0.7),
    "grey": lambda photo: ImageOps.grayscale(photo).convert("RGB"),
    "dark": lambda photo: ImageEnhance.Brightness(photo).enhance(0.4),
}
# How many photos make_photos makes, and how many of them can be labelled: all but the broken one.
COUNT = len(list(PHOTOS.glob("*.jpg"))) * (1 + len(VARIANTS)) + 4
LABELLED = COUNT - 1


def make_photos(folder: Path) -> None:
    """The real photos, variants of them, and what a page must cope with: HEIC, an EXIF orientation, bad names, a
    broken file."""
    folder.mkdir(parents=True)
    for path in PHOTOS.glob("*.jpg"):
        shutil.copy(path, folder)
        photo = Image.open(path).convert("RGB")
        for name, vary in VARIANTS.items():
            varied = vary(photo)
            varied.thumbnail((320, 320))
            varied.save(folder / f"{path.stem} {name}.jpg", quality=88)
    cat = Image.open(PHOTOS / "cat.jpg").convert("RGB")
    pillow_heif.from_pillow(cat.resize((300, 200))).save(folder / "phone.heic", quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2023:06:05 12:00:00"
    wide = Image.new("RGB", (400, 200), "red")
    wide.paste("blue", (200, 0, 400, 200))
    wide.save(folder / "turned.jpg", exif=exif)
    cat.resize((330, 250)).save(folder / HOSTILE)
    (folder / "broken.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:300])


def found_elsewhere(database: Path, folder: Path) -> None:
    """Make a copied library one of its copied photos, as a library on another disk: the inodes are others."""
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE roots SET path = ?", (str(folder),))
        connection.execute("UPDATE photos SET inode = NULL, ctime_ns = NULL")
    connection.close()


def huge_png() -> bytes:
    """A picture of 200 megapixels in a few kilobytes."""
    width, height = 20_000, 10_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(bytes(1 + width // 8) * height)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
