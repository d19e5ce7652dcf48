"""Read a photo's orientation and the time it was taken from EXIF.

Damaged metadata never fails a photo: a value that cannot be read counts as missing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# Tags of Exif 2.32: section 4.6.4 (TIFF tags) and 4.6.5 (Exif IFD).
_ORIENTATION = 0x0112
_DATE_TIME = 0x0132
_EXIF_IFD = 0x8769
_DATE_TIME_ORIGINAL = 0x9003
_DATE_TIME_DIGITIZED = 0x9004
# As cameras and programs write it: with blanks for zeros, without seconds, without a time.
_DATE = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?!\d)")
_TIME = re.compile(r"\D{1,3}(\d{1,2})\D{1,2}(\d{1,2})(?:\D{1,2}(\d{1,2}))?(?!\d)")


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
    return next((when for text in texts if isinstance(text, str) and (when := moment_of(text)) is not None), None)


def moment_of(text: str) -> str | None:
    """A date as cameras and programs write it, as `YYYY-MM-DDTHH:MM:SS`; None if it is none."""
    when = _moment(text.strip())
    # A camera whose clock was never set may give a year before photography.
    return when.isoformat(timespec="seconds") if when is not None and when.year >= 1826 else None


def _moment(text: str) -> datetime | None:
    """A date with its time: a time that is none counts as midnight, a leap second as the 59th."""
    date = _DATE.match(text)
    if date is None:
        return None
    time = _TIME.match(text, date.end())
    hour, minute, second = (int(part or 0) for part in time.groups()) if time is not None else (0, 0, 0)
    if hour > 23 or minute > 59 or second > 60:
        # 24:00:00 is how some write midnight; the date is the one that they mean.
        hour = minute = second = 0
    year, month, day = map(int, date.groups())
    try:
        return datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 - wall clock
    except ValueError:
        return None
