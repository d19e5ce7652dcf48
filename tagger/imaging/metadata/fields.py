"""Reading the fields of a photo: keywords, camera, lens, rating, place and date, from its header and its sidecars.

Nothing is decoded. Damaged metadata never fails a photo: what cannot be read counts as missing.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import IO

from tagger.core.config import KeywordSettings
from tagger.core.local_zone import LocalZone
from tagger.core.paths import is_object
from tagger.core.photo import FileKeyword, PhotoFields
from tagger.core.sidecar_names import Folders, sidecar_version, sidecars_of
from tagger.imaging.exif import moment_of
from tagger.imaging.metadata import iptc_blocks, xmp_values
from tagger.imaging.metadata.headers import Headers, read_headers
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import Owned
from tagger.imaging.metadata.places import place_at
from tagger.imaging.metadata.tiff_tags import Directory, Tags, Value
from tagger.imaging.metadata.xmp_parse import Name, Packet
from tagger.system.objects import open_object

# Exif 2.32, sections 4.6.4 to 4.6.6; Rating and RatingPercent are Microsoft's.
_MAKE, _MODEL, _DATE_TIME, _RATING, _PERCENT, _XP_KEYWORDS = 0x010F, 0x0110, 0x0132, 0x4746, 0x4749, 0x9C9E
_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED, _LENS_MODEL = 0x9003, 0x9004, 0xA434
_OFFSETS = (0x9011, 0x9012, 0x9010)
_LATITUDE, _LONGITUDE, _GPS_TIME, _GPS_DATE = (1, 2), (3, 4), 7, 0x1D
_SIDES = {2: ("N", "S"), 4: ("E", "W")}
_MOST_KEYWORDS, _LONGEST = 1000, 200
_MOST_SIDECAR = 8 << 20
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
_COMPANY = re.compile(r"[\s,.]+(?:corporation|corp|company|co|limited|ltd|inc|gmbh)\b[\s,.]*$", re.IGNORECASE)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")
_XMP_DEGREES = re.compile(r"(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?\s*([NSEW])", re.IGNORECASE)
_PLAIN_DEGREES = re.compile(r"[+-]?\d{1,3}\.\d+")


def read_fields(
    source: IO[bytes], path: str, settings: KeywordSettings, *, name: str = "", folders: Folders | None = None
) -> PhotoFields:
    """The fields of an open photo at an absolute path, and of its sidecars. Raises OSError if the storage fails.

    `name`: the file's name, if the path does not end with it. `folders`: the names in folders, where they are known.
    """
    beside = sidecars_of(path, settings, folders)
    version = sidecar_version(beside)
    sidecars = [packet for data in map(_sidecar, beside) if (packet := xmp_values.packet_of(data)) is not None]
    try:
        return fields_in(read_headers(source, name or path), sidecars, version)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - what a header tells must never be why a photo has no labels at all
        return PhotoFields(sidecar=version)


def fields_at(path: str, settings: KeywordSettings, folders: Folders | None = None) -> PhotoFields:
    """The fields of the photo at an absolute path, or address. Raises OSError."""
    if is_object(path):
        with open_object(path) as (copy, _), open(copy, "rb", closefd=False) as found:
            return read_fields(found, path, settings)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(descriptor, "rb", buffering=16384) as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return read_fields(file if regular else io.BytesIO(), path, settings, folders=folders)


def fields_in(headers: Headers, sidecars: Sequence[Packet], version: int | None = None) -> PhotoFields:
    """The fields in a file's header and its sidecars' packets, which come first where both say something."""
    inside = [packet for data in headers.xmp if (packet := xmp_values.packet_of(data)) is not None]
    packets = [*sidecars, *inside]
    latitude, longitude = _position(headers.tags.gps, packets)
    place = None if latitude is None or longitude is None else place_at(latitude, longitude)
    keywords = [word for packet in sidecars for word in xmp_values.persons_in(packet, "sidecar")]
    return PhotoFields(
        keywords=tuple(_clean_keywords([*keywords, *_keywords_inside(headers, inside)])),
        towns=() if place is None else place.towns,
        region="" if place is None else place.region,
        country="" if place is None else place.country,
        camera=_camera(headers.tags.main, packets),
        lens=_lens(headers.tags, packets),
        rating=_rating(headers.tags.main, sidecars, inside),
        latitude=latitude,
        longitude=longitude,
        taken=_taken(headers.tags, packets),
        sidecar=version,
    )


def _sidecar(path: str) -> bytes:
    """A sidecar's text; empty if it cannot be read, or is no file of a sidecar's size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            fine = stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_SIDECAR
            return file.read(_MOST_SIDECAR) if fine else b""
    except OSError:
        return b""


# --- keywords -----------------------------------------------------------------------------------------


def _keywords_inside(headers: Headers, packets: Sequence[Packet]) -> list[FileKeyword]:
    found = [word for packet in packets for word in xmp_values.persons_in(packet, "photo")]
    own: dict[Field, Owned] = {}
    for packet in packets:
        own |= xmp_values.marked(packet)
    for field, texts in ((Field.IPTC, _iptc(headers.iptc)), (Field.XP, _xp(headers.tags.main))):
        found += [
            FileKeyword("photo", field.value, text) for text in xmp_values.persons_of(texts, own.get(field, Owned()))
        ]
    return found


def _iptc(blocks: Iterable[bytes]) -> list[str]:
    found = []
    for block in blocks:
        try:
            datasets = iptc_blocks.datasets_of(block)
        except iptc_blocks.IptcError:
            continue
        found += [_decoded(dataset.value) for dataset in datasets if dataset.key == iptc_blocks.KEYWORD]
    return found


def _decoded(value: bytes) -> str:
    # Many programs write UTF-8 without declaring it; texts of another encoding are hardly ever valid UTF-8.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _xp(main: Directory) -> list[str]:
    raw = main[_XP_KEYWORDS].raw if _XP_KEYWORDS in main else b""
    text = raw[: len(raw) // 2 * 2].decode("utf-16-le", "replace").partition("\0")[0]
    return [part for part in text.split(";") if part.strip()]


def _clean_keywords(keywords: Iterable[FileKeyword]) -> Iterable[FileKeyword]:
    """Each once; without what no database takes, and not without end."""
    found: dict[FileKeyword, None] = {}
    for word in keywords:
        text = _clean(word.text)
        if text and len(found) < _MOST_KEYWORDS:
            found[FileKeyword(word.place, word.field, text, word.separator)] = None
    return found


def _clean(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())[:_LONGEST].strip()


# --- camera, lens, rating -----------------------------------------------------------------------------


def _camera(main: Directory, packets: Sequence[Packet]) -> str:
    """Make and model, without the make where the model begins with it, and without "Co., Ltd." and the like."""
    make = _text(main.get(_MAKE)) or _of(packets, xmp_values.MAKE)
    model = _text(main.get(_MODEL)) or _of(packets, xmp_values.MODEL)
    while (shorter := _COMPANY.sub("", make)) != make:
        make = shorter
    words = [word.casefold() for word in re.split(r"[\s,]+", make) if len(word) > 1]
    start = model.casefold()
    if not model or any(start == word or start.startswith((word + " ", word + "_", word + "-")) for word in words):
        return model or make
    return f"{make} {model}".strip()


def _lens(tags: Tags, packets: Sequence[Packet]) -> str:
    lens = _text(tags.exif.get(_LENS_MODEL)) or _of(packets, *xmp_values.LENSES)
    # Cameras without a lens of their own write "----" or "0.0 mm f/0.0".
    return lens if re.search(r"[1-9]|[^\W\d_]{3}", lens) else ""


def _rating(main: Directory, sidecars: Sequence[Packet], inside: Sequence[Packet]) -> int | None:
    """The first that is there: of a sidecar, of the photo's XMP, of its EXIF. 0 is none."""
    for packet in (*sidecars, *inside):
        stars, share = xmp_values.first(packet, xmp_values.RATING), xmp_values.first(packet, *xmp_values.PERCENTS)
        for found in (_stars(_float(stars)), _stars_of_percent(_float(share))):
            if found is not None:
                return found or None
    numbers = main[_RATING].numbers if _RATING in main else []
    share_numbers = main[_PERCENT].numbers if _PERCENT in main else []
    stars_of_exif = _stars(float(numbers[0])) if numbers else None
    if stars_of_exif is None and share_numbers:
        stars_of_exif = _stars_of_percent(float(share_numbers[0]))
    return stars_of_exif or None


def _stars(value: float) -> int | None:
    return round(value) if -1 <= value <= 5 else None


def _stars_of_percent(value: float) -> int | None:
    """Microsoft's percent: 1, 25, 50, 75, 99 are one star to five."""
    return None if not 0 <= value <= 100 else 0 if value == 0 else min(5, 1 + round(value / 25))


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _text(value: Value | None) -> str:
    return "" if value is None else _clean(value.text)


def _of(packets: Sequence[Packet], *names: Name) -> str:
    return next((_clean(text) for packet in packets if (text := xmp_values.first(packet, *names))), "")


# --- place --------------------------------------------------------------------------------------------


def _position(gps: Directory, packets: Sequence[Packet]) -> tuple[float | None, float | None]:
    """Latitude and longitude in degrees; none without both, out of range, or at 0, 0, where no photo is taken."""
    pairs = [(_degrees(gps, *_LATITUDE), _degrees(gps, *_LONGITUDE))]
    pairs += [
        (_xmp_degrees(packet, xmp_values.LATITUDE), _xmp_degrees(packet, xmp_values.LONGITUDE)) for packet in packets
    ]
    for latitude, longitude in pairs:
        if math.isfinite(latitude) and math.isfinite(longitude):
            there = abs(latitude) <= 90 and abs(longitude) <= 180 and (latitude or longitude)
            if there:
                return round(latitude, 7), round(longitude, 7)
    return None, None


def _degrees(gps: Directory, reference: int, tag: int) -> float:
    """An angle; none without its side, because half of the world is on the other."""
    numbers = [float(number) for number in (gps[tag].numbers if tag in gps else [])[:3]]
    side = _text(gps.get(reference)).upper()[:1]
    if not numbers or math.isnan(numbers[0]) or side not in _SIDES[tag]:
        return math.nan
    # Minutes and seconds of 0/0 are what cameras write that have none.
    return _signed([0.0 if math.isnan(number) else abs(number) for number in numbers], side)


def _xmp_degrees(packet: Packet, name: Name) -> float:
    text = xmp_values.first(packet, name)
    if (match := _XMP_DEGREES.fullmatch(text)) is not None:
        return _signed([float(part or 0) for part in match.groups()[:3]], match[4].upper())
    # Some programs write a plain number.
    return float(text) if _PLAIN_DEGREES.fullmatch(text) else math.nan


def _signed(parts: Sequence[float], side: str) -> float:
    degrees = math.fsum(part / 60.0**power for power, part in enumerate(parts))
    return -degrees if side in ("S", "W") else degrees


# --- date ---------------------------------------------------------------------------------------------


def _taken(tags: Tags, packets: Sequence[Packet]) -> str | None:
    """When it was taken by the clock of the place: the camera's date, else a program's, else GPS's."""
    texts = [_text(tags.exif.get(tag)) for tag in (_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED)]
    texts += [xmp_values.first(packet, name) for name in xmp_values.DATES for packet in packets]
    for text in texts:
        if (when := moment_of(text)) is not None:
            return when
    return _gps_time(tags) or moment_of(_text(tags.main.get(_DATE_TIME)))


def _gps_time(tags: Tags) -> str | None:
    """The satellites' date and time, which are in UTC, by the clock of the place where its offset is known."""
    day = moment_of(_text(tags.gps.get(_GPS_DATE)))
    hours = tags.gps[_GPS_TIME].numbers if _GPS_TIME in tags.gps else []
    if day is None or len(hours) != 3:
        return None
    seconds = sum(float(part) * 60 ** (2 - power) for power, part in enumerate(hours))
    if not 0 <= seconds < 86400:
        return None
    utc = datetime.fromisoformat(day) + timedelta(seconds=int(seconds))
    for offset in map(_OFFSET.fullmatch, (_text(tags.exif.get(tag)) for tag in _OFFSETS)):
        if offset is not None:
            ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return (utc - ahead if offset[1] == "-" else utc + ahead).isoformat(timespec="seconds")
    # Without one, by this machine's, which is mostly that of the owner's photos.
    return utc.replace(tzinfo=UTC).astimezone(LocalZone()).replace(tzinfo=None).isoformat(timespec="seconds")
