"""Read a photo's orientation and the time it was taken from EXIF.

Damaged metadata never fails a photo: a value that cannot be read counts as missing.
"""

from __future__ import annotations

import re
from datetime import datetime

from PIL import Image

# Tags of Exif 2.32: section 4.6.4 (TIFF tags) and 4.6.5 (Exif IFD).
_ORIENTATION = 0x0112
_DATE_TIME = 0x0132
_EXIF_IFD = 0x8769
_DATE_TIME_ORIGINAL = 0x9003
_DATE_TIME_DIGITIZED = 0x9004
_DATE = re.compile(r"(\d{4})\D(\d{2})\D(\d{2})\D(\d{2})\D(\d{2})(?:\D(\d{2}))?")


def orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if it is missing or invalid."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - Pillow raises anything for malformed EXIF, which must not fail the photo
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def taken(picture: Image.Image) -> str | None:
    """When the photo was taken by the camera's clock, as `YYYY-MM-DDTHH:MM:SS`; None if unknown."""
    try:
        exif = picture.getexif()
        inner = exif.get_ifd(_EXIF_IFD)
        texts = [inner.get(_DATE_TIME_ORIGINAL), inner.get(_DATE_TIME_DIGITIZED), exif.get(_DATE_TIME)]
    except Exception:  # noqa: BLE001 - as above
        return None
    for text in texts:
        match = _DATE.match(text.strip()) if isinstance(text, str) else None
        if match is None:
            continue
        try:
            when = datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]  # noqa: DTZ001 - wall clock
        except ValueError:
            continue
        # A camera whose clock was never set may give a year before photography.
        if when.year >= 1826:
            return when.isoformat(timespec="seconds")
    return None
