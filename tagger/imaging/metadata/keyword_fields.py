"""The metadata fields that hold keywords.

Sources: XMP Specification Part 1 (2012) 8.4 for `dc:subject`; exiftool's tag tables for `lr:hierarchicalSubject` and
`digiKam:TagsList`; IPTC-IIM 4.2 section 2:25; Microsoft's photo metadata policy for System.Keywords (XPKeywords).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

DC = "http://purl.org/dc/elements/1.1/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
DIGIKAM = "http://www.digikam.org/ns/1.0/"


class Field(Enum):
    """A field of keywords. The value is its name in the ledger and in messages."""

    SUBJECT = "dc:subject"
    HIERARCHICAL = "lr:hierarchicalSubject"
    TAGS_LIST = "digiKam:TagsList"
    IPTC = "IPTC:Keywords"
    XP = "EXIF:XPKeywords"

    @property
    def separator(self) -> str:
        """The separator of the levels of a hierarchical keyword; empty for flat fields."""
        return {Field.HIERARCHICAL: "|", Field.TAGS_LIST: "/"}.get(self, "")


XMP_FIELDS = (Field.SUBJECT, Field.HIERARCHICAL, Field.TAGS_LIST)

# Namespace, local name, suggested prefix, kind of array.
XMP_NAMES: Mapping[Field, tuple[str, str, str, str]] = {
    Field.SUBJECT: (DC, "subject", "dc", "Bag"),
    Field.HIERARCHICAL: (LIGHTROOM, "hierarchicalSubject", "lr", "Bag"),
    Field.TAGS_LIST: (DIGIKAM, "TagsList", "digiKam", "Seq"),
}
