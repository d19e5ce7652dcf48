"""Photos with which a gallery must cope."""

from __future__ import annotations

import shutil
from pathlib import Path

import pillow_heif
from PIL import Image

# A name as somebody would choose it who tries to break pages.
HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}.jpg"


def make_photos(folder: Path, shared: Path) -> None:
    """Photos of 129 classes, and what a page must cope with: HEIC, an EXIF orientation, bad names, a broken file."""
    shutil.copytree(shared / "photos" / "labelled", folder)
    tiger = Image.open(shared / "photos" / "labelled" / "n02129604_tiger.JPEG").convert("RGB")
    pillow_heif.from_pillow(tiger.resize((300, 200))).save(folder / "phone.heic", quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0132] = "2023:06:05 12:00:00"
    wide = Image.new("RGB", (400, 200), "red")
    wide.paste("blue", (200, 0, 400, 200))
    wide.save(folder / "turned.jpg", exif=exif)
    tiger.resize((330, 250)).save(folder / HOSTILE)
    (folder / "broken.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:300])
