"""Read how a photo was taken: camera, lens, exposure, and what programs say of themselves.

Damaged metadata never fails a photo: a value that cannot be read counts as missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

# Tags of Exif 2.32: sections 4.6.4 (TIFF tags) and 4.6.5 (Exif IFD).
_EXIF_IFD = 0x8769
_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131
_EXPOSURE_TIME, _F_NUMBER, _ISO = 0x829A, 0x829D, 0x8827
_SHUTTER_SPEED, _APERTURE, _BRIGHTNESS = 0x9201, 0x9202, 0x9203
_RECOMMENDED_INDEX, _ISO_SPEED = 0x8832, 0x8833
_FLASH, _USER_COMMENT = 0x9209, 0x9286
_CUSTOM_RENDERED, _LENS_MODEL = 0xA401, 0xA434
# Where PNG and others keep text, by the keys that Pillow gives it.
_TEXTS = ("Software", "Comment", "Description", "comment")
# XMP is a few kilobytes; a longer one holds histories and previews at its end.
_XMP_BYTES = 1 << 16
_LONGEST_EXPOSURE = 86400.0  # seconds; more is a broken tag
_APPLE_NOTE = b"Apple iOS\x00"
# Known from ExifTool's Apple tags.
_APPLE_BURST = b"\x00\x0b"


@dataclass(frozen=True, slots=True)
class Shot:
    """How a photo was taken, as far as its file tells. Empty texts and None for what it does not tell.

    `camera`: make and model. `software`: of the programs that made the file, one a line. `seconds` of exposure;
    `exposure_value`: EV at ISO 100, the light that the camera expected. `flash`: whether it fired.
    `rendering`: the tag CustomRendered. `xmp`: the XMP packet, as it is.
    """

    camera: str = ""
    lens: str = ""
    software: str = ""
    comment: str = ""
    seconds: float | None = None
    exposure_value: float | None = None
    flash: bool = False
    rendering: int = 0
    burst: bool = False
    xmp: bytes = b""


def shot_of(picture: Image.Image) -> Shot:
    """How an opened and decoded picture was taken."""
    outer, inner = _tags(picture)
    info = picture.info
    xmp = info.get("xmp", b"")
    seconds = _seconds(inner)
    flash = _number(inner, _FLASH)
    return Shot(
        camera=f"{_text(outer, _MAKE)} {_text(outer, _MODEL)}".strip(),
        lens=_text(inner, _LENS_MODEL),
        software="\n".join(filter(None, [_text(outer, _SOFTWARE), *(_plain(info.get(key)) for key in _TEXTS)])),
        comment=_comment(inner),
        seconds=seconds,
        exposure_value=_exposure_value(inner, seconds),
        # Bit 0: fired. Bit 5: there is no flash. (Exif 2.32, Flash)
        flash=flash is not None and 0 < flash < 0x80 and int(flash) & 0x21 == 1,
        rendering=int(_number(inner, _CUSTOM_RENDERED) or 0),
        burst=_apple_burst(info.get("exif")),
        xmp=xmp[:_XMP_BYTES] if isinstance(xmp, bytes) else _plain(xmp).encode()[:_XMP_BYTES],
    )


def _tags(picture: Image.Image) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """The TIFF tags and the Exif tags."""
    try:
        outer = picture.getexif()
        return outer, outer.get_ifd(_EXIF_IFD)
    except Exception:  # noqa: BLE001 - Pillow raises anything for malformed EXIF, which must not fail the photo
        return {}, {}


def exposure_value(f_number: float, seconds: float, iso: float) -> float:
    """The exposure value at ISO 100: log2(N^2 / t) - log2(ISO / 100) (ISO 2720). Night streets: 0 to 5; sun: 15."""
    return math.log2(f_number * f_number / seconds) - math.log2(iso / 100)


def _exposure_value(inner: Mapping[int, Any], seconds: float | None) -> float | None:
    f_number = _number(inner, _F_NUMBER)
    if f_number is None or not 0.5 <= f_number <= 128:
        aperture = _number(inner, _APERTURE)
        f_number = 2 ** (aperture / 2) if aperture is not None and 0 < aperture < 14 else None
    # 65535 stands for "more than that": the later tags then tell.
    speeds = (_number(inner, tag) for tag in (_ISO, _RECOMMENDED_INDEX, _ISO_SPEED))
    iso = next((speed for speed in speeds if speed is not None and 1 <= speed < 65535), None)
    brightness = _number(inner, _BRIGHTNESS)
    if None in (f_number, seconds, iso) and brightness is not None and -20 < brightness < 20:
        # APEX: Bv + Sv = Ev, and Sv is 5 at ISO 100. (Exif 2.32, annex C)
        return brightness + 5
    if f_number is None or seconds is None:
        return None
    # Older cameras do not tell the speed. With ISO 100, the least usual, there was at most so much light.
    return exposure_value(f_number, seconds, iso or 100)


def _seconds(inner: Mapping[int, Any]) -> float | None:
    seconds = _number(inner, _EXPOSURE_TIME)
    if seconds is None or seconds <= 0:
        speed = _number(inner, _SHUTTER_SPEED)
        seconds = 2.0**-speed if speed is not None and speed != 0 and -17 < speed < 17 else None
    return seconds if seconds is not None and 0 < seconds <= _LONGEST_EXPOSURE else None


def _apple_burst(exif: Any) -> bool:
    """Whether Apple's maker note has a burst's identifier. Its IFD is big-endian, 14 bytes from its beginning."""
    start = exif.find(_APPLE_NOTE) if isinstance(exif, bytes) else -1
    if start < 0 or len(exif) < start + 16:
        return False
    first, count = start + 16, int.from_bytes(exif[start + 14 : start + 16])
    tags = (exif[at : at + 2] for at in range(first, min(first + 12 * count, len(exif)), 12))
    return _APPLE_BURST in tags


def _comment(inner: Mapping[int, Any]) -> str:
    """UserComment without the eight bytes that tell its encoding."""
    value = _value(inner, _USER_COMMENT)
    if not isinstance(value, bytes):
        return _plain(value)
    code, text = value[:8], value[8:]
    if code.startswith(b"UNICODE"):
        return _plain(text.decode("utf-16-be" if text[:1] == b"\0" else "utf-16-le", "replace"))
    return _plain(text.decode("utf-8", "replace") if re.match(rb"ASCII|JIS|\0", code) else value)


def _value(tags: Mapping[int, Any], tag: int) -> Any:
    try:
        return tags.get(tag)
    except Exception:  # noqa: BLE001 - as above: values are parsed when they are asked for
        return None


def _number(tags: Mapping[int, Any], tag: int) -> float | None:
    value = _value(tags, tag)
    if isinstance(value, tuple) and value:
        value = value[0]
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _text(tags: Mapping[int, Any], tag: int) -> str:
    return _plain(_value(tags, tag))


def _plain(value: Any) -> str:
    """A text of a tag on one line, without padding; empty if it is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    text = value[:500]
    if not text.isascii():
        # Pillow reads Exif as Latin-1, but programs write UTF-8.
        with suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
    return " ".join(text.replace("\0", " ").split())
