"""Single values of an XMP packet: rating, camera, lens, place, date; and the keywords that are a person's."""

from __future__ import annotations

from tagger.core.photo import FileKeyword
from tagger.imaging.metadata.keyword_fields import XMP_FIELDS, XMP_NAMES, Field
from tagger.imaging.metadata.mark import MARK, Owned, read_mark, without_own
from tagger.imaging.metadata.xmp_parse import Name, Packet, XmpError

_XMP, _EXIF, _TIFF = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
RATING = Name(_XMP, "Rating", "xmp")
PERCENT = Name("http://ns.microsoft.com/photo/1.0/", "Rating", "MicrosoftPhoto")
MAKE, MODEL = Name(_TIFF, "Make", "tiff"), Name(_TIFF, "Model", "tiff")
LENSES = (
    Name("http://cipa.jp/exif/1.0/", "LensModel", "exifEX"),
    Name("http://ns.adobe.com/exif/1.0/aux/", "Lens", "aux"),
)
LATITUDE, LONGITUDE = Name(_EXIF, "GPSLatitude", "exif"), Name(_EXIF, "GPSLongitude", "exif")
DATES = (
    Name(_EXIF, "DateTimeOriginal", "exif"),
    Name("http://ns.adobe.com/photoshop/1.0/", "DateCreated", "photoshop"),
    Name(_XMP, "CreateDate", "xmp"),
)


def packet_of(data: bytes) -> Packet | None:
    """A packet; None if it cannot be read."""
    start, end = data.find(b"<"), data.rfind(b">")
    try:
        # Sidecars may begin with a byte order mark, and packets stand in padding.
        return Packet(data[start : end + 1]) if 0 <= start < end else None
    except (XmpError, LookupError, ValueError):
        return None


def texts(packet: Packet, name: Name) -> list[str]:
    """The texts of a property, in order; none if it has a form that is not understood."""
    try:
        return packet.texts(name)
    except XmpError:
        return []


def first(packet: Packet, *names: Name) -> str:
    """The first text of the first of some properties that has one; empty if none has."""
    return next((text.strip() for name in names for text in texts(packet, name) if text.strip()), "")


def marked(packet: Packet) -> dict[Field, Owned]:
    """What the file's mark lists as tagger's."""
    return read_mark(texts(packet, MARK))


def persons_in(packet: Packet, place: str) -> list[FileKeyword]:
    """The keywords of a packet that tagger's mark in it does not list."""
    own = marked(packet)
    return [
        FileKeyword(place, field.value, text, field.separator)
        for field in XMP_FIELDS
        for text in persons_of(texts(packet, Name(*XMP_NAMES[field])), own.get(field, Owned()))
    ]


def persons_of(keywords: list[str], own: Owned) -> list[str]:
    """The keywords of one field that are a person's."""
    return without_own(keywords, (*own.labels, *own.seeds))
