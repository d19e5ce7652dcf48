"""Single values of an XMP packet: rating, camera, lens, place, date; and the keywords that are a person's.

What is only read may be worse than what is edited: other encodings, forms that are rare, an ampersand that should be
`&amp;`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from tagger.core.names import exact
from tagger.core.photo import FileKeyword
from tagger.imaging.metadata.keyword_fields import XMP_FIELDS, XMP_NAMES, Field
from tagger.imaging.metadata.mark import MARK, Owned, read_mark, without_own
from tagger.imaging.metadata.xmp_parse import RDF, Element, Name, Packet, XmpError

_XMP, _EXIF, _TIFF = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
RATING = Name(_XMP, "Rating", "xmp")
# Windows writes it with a slash at the end, exiftool without.
_MICROSOFT = ("http://ns.microsoft.com/photo/1.0/", "http://ns.microsoft.com/photo/1.0")
PERCENTS = tuple(Name(uri, "Rating", "MicrosoftPhoto") for uri in _MICROSOFT)
# Keywords that are read and never written: as a message names the field, where it stands, what is between levels.
# Sources: Microsoft's photo metadata policy (System.Keywords); exiftool's tables of MicrosoftPhoto and mediapro.
_READ_ONLY = (
    *(("MicrosoftPhoto:LastKeywordXMP", Name(uri, "LastKeywordXMP", "MicrosoftPhoto"), "/") for uri in _MICROSOFT),
    ("mediapro:CatalogSets", Name("http://ns.iview-multimedia.com/mediapro/1.0/", "CatalogSets", "mediapro"), "|"),
)
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


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    # Without a mark, by its first character, which is "<".
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9._-]{1,20})""")
_STRAY = re.compile(rb"&(?!#?\w{1,10};)|[\x00-\x08\x0b\x0c\x0e-\x1f]")


def packet_of(data: bytes) -> Packet | None:
    """A packet; None if it cannot be read."""
    try:
        data = _in_utf8(data)
        start, end = data.find(b"<"), data.rfind(b">")
        if not 0 <= start < end:
            return None
        # Sidecars may begin with a byte order mark, and packets stand in padding.
        text = data[start : end + 1]
        try:
            return Packet(text)
        except XmpError:
            mended = _STRAY.sub(lambda found: b"&amp;" if found[0] == b"&" else b" ", text)
            return None if mended == text else Packet(mended)
    except (XmpError, LookupError, ValueError):
        return None


def _in_utf8(data: bytes) -> bytes:
    """A packet in UTF-8, in whatever encoding it is. Raises LookupError and ValueError."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if encoding:
        return data.decode(encoding, "replace").encode()
    try:
        data.decode()
    except UnicodeDecodeError:
        # Texts of another encoding are hardly ever valid UTF-8.
        declared = _DECLARED.match(data)
        name = "cp1252" if declared is None else declared[1].decode()
        encoding = "cp1252" if name.lower() in ("utf-8", "utf8") else name
        return data.decode(encoding, "replace").encode()
    return data


def texts(packet: Packet, name: Name) -> list[str]:
    """The texts of a property, in order; if it has an unusual form, those of its items."""
    try:
        return packet.texts(name)
    except XmpError:
        found = (child for one in packet.descriptions for child in one.children if child.has(name.uri, name.local))
        return [text for child in found for text in _items(child)]


def _items(element: Element) -> Iterator[str]:
    """The texts of the items of an array, or of a single value, below qualifiers or typed nodes."""
    for child in element.children:
        value = child.has(RDF, "li", "value")
        yield from [child.text.strip()] if value and not child.children else _items(child)


def first(packet: Packet, *names: Name) -> str:
    """The first text of the first of some properties that has one; empty if none has."""
    return next((text.strip() for name in names for text in texts(packet, name) if text.strip()), "")


def marked(packet: Packet) -> dict[Field, Owned]:
    """What the file's mark lists as tagger's."""
    return read_mark(texts(packet, MARK))


def persons_in(packet: Packet, place: str) -> list[FileKeyword]:
    """The keywords of a packet that tagger's mark in it does not list."""
    own = marked(packet)
    found = [
        FileKeyword(place, field.value, text, field.separator)
        for field in XMP_FIELDS
        for text in persons_of(texts(packet, Name(*XMP_NAMES[field])), own.get(field, Owned()))
    ]
    # Programs copy what they find in dc:subject into these, and tagger's words with it.
    labels = {label for owned in own.values() for label in owned.labels}
    return found + [
        FileKeyword(place, field, text, separator)
        for field, name, separator in _READ_ONLY
        for text in texts(packet, name)
        if exact(text) not in labels
    ]


def persons_of(keywords: list[str], own: Owned) -> list[str]:
    """The keywords of one field that are a person's."""
    return without_own(keywords, (*own.labels, *own.seeds))
