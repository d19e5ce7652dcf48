"""Reading the keywords of a photo and its sidecar, without writing anything."""

from __future__ import annotations

import os
from contextlib import suppress

from tagger.core.config import Settings
from tagger.core.paths import is_object
from tagger.core.sidecar_names import sidecar_path
from tagger.imaging.metadata.xmp_parse import XmpError
from tagger.keywords.file_content import read_content
from tagger.keywords.metadata.formats import open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError, Found
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.metadata.xmp_fields import packet_in
from tagger.system.objects import open_object

# The metadata of nearly every photo that can be written into ends before this.
_HEAD_BYTES = 256 << 10


def keywords_in(photo: bytes, sidecar: bytes | None) -> dict[str, list[str]]:
    """All keywords by the name of their field; fields of the sidecar are named `sidecar dc:subject`.

    Damaged metadata count as empty.
    """
    found = _texts(_found_in(photo))
    if sidecar is not None:
        with suppress(XmpError):
            found |= {f"sidecar {name}": words for name, words in _texts(Sidecar.parse(sidecar).found).items()}
    return found


def read_photo(path: str, max_bytes: int) -> Found | None:
    """The keywords inside a photo of any format; None if there are none or they are damaged. Follows links.

    Reads no more than the head of the file where that is enough. Raises OSError, UnwritableError, ChangedError.
    """
    if is_object(path):
        with open_object(path) as (copy, _), open(copy, "rb", closefd=False) as file:
            return _found_in(file.read())
    # A link of the library may lead elsewhere; reading is allowed where labelling is.
    path = os.path.realpath(path)
    with suppress(DeclinedError):
        return open_metadata(read_content(path, max_bytes, _HEAD_BYTES).data).found
    return _found_in(bytes(read_content(path, max_bytes).data))


def persons_words(path: str, settings: Settings) -> set[str]:
    """The keywords that a person gave a photo, in it or in its sidecar; the last level of hierarchical ones.

    Tagger's own are left out, by their mark. Damaged metadata count as empty. Raises OSError, UnwritableError,
    ChangedError.
    """
    limit = settings.limits.file_mb << 20
    found = [read_photo(path, limit)]
    beside, exists = sidecar_path(path, settings.keywords)
    if exists:
        with suppress(XmpError):
            found.append(Sidecar.parse(bytes(read_content(beside, limit).data)).found)
    words: set[str] = set()
    for one in filter(None, found):
        for field, texts in one.persons_keywords().items():
            separator = field.separator
            words.update(text.rpartition(separator)[2] if separator else text for text in texts)
    return {" ".join(word.split()) for word in words if word.strip()}


def _found_in(photo: bytes) -> Found | None:
    try:
        return open_metadata(photo).found
    except DeclinedError:
        # Nothing may be written into it, but its packet can be read.
        return packet_in(photo)


def _texts(found: Found | None) -> dict[str, list[str]]:
    states = {} if found is None else found.states
    return {field.value: list(state.keywords) for field, state in states.items() if state.keywords}
