"""The table of photo formats that keywords are written into.

A new format is a module of this package with a class that meets `MetadataFile`, and a line in `FORMATS`. The table is
not in `__init__.py` because `tagger.keywords.plan` imports this package's fields, and the formats import the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tagger.core.formats import SNIFF_BYTES, sniff
from tagger.keywords.metadata.jpeg_photo import JpegPhoto
from tagger.keywords.metadata.metadata_file import DeclinedError, MetadataFile

# By the format's name as `sniff` returns it.
FORMATS: Mapping[str, Callable[[bytes | memoryview], MetadataFile]] = {
    "JPEG": JpegPhoto,
}

NOT_WRITABLE = f"only {' and '.join(FORMATS)} files are written into"


def is_writable(head: bytes | memoryview) -> bool:
    """Whether a file with these first bytes (`SNIFF_BYTES` are enough) is of a format that is written into."""
    return sniff(bytes(head[:SNIFF_BYTES])) in FORMATS


def open_metadata(data: bytes | memoryview) -> MetadataFile:
    """A photo in memory with its keywords. Raises DeclinedError where nothing may be written into it.

    `data` is read while the result is in use, and need not last longer.
    """
    format_class = FORMATS.get(sniff(bytes(data[:SNIFF_BYTES])) or "")
    if format_class is None:
        raise DeclinedError(NOT_WRITABLE)
    return format_class(data)
