"""Which keywords stand in a photo and in its sidecar, for people to see."""

from __future__ import annotations

from contextlib import suppress

from tagger.core.formats import JPEG_START
from tagger.keywords.metadata.jpeg_photo import DeclinedError, Found, Photo
from tagger.keywords.metadata.sidecar import Sidecar, packet_in, persons_keywords
from tagger.keywords.metadata.xmp import XmpError


def keywords_in(photo: bytes, sidecar: bytes | None) -> dict[str, list[str]]:
    """The keywords by the name of their field, `sidecar dc:subject` for those beside the photo; whoever wrote them.

    What is damaged is taken for empty.
    """
    found = _in_photo(photo)
    if sidecar is not None:
        try:
            found |= {f"sidecar {name}": words for name, words in _texts(Sidecar.parse(sidecar).found).items()}
        except XmpError:
            return found
    return found


def persons_words(photo: bytes, sidecar: bytes | None) -> set[str]:
    """The keywords that a person gave a photo, in it or beside it; of hierarchical ones the last level.

    Those that tagger wrote itself are left out, by their mark. What is damaged is taken for empty.
    """
    found: list[Found] = []
    if photo.startswith(JPEG_START):
        try:
            found.append(Photo(photo).found)
        except DeclinedError:
            found += filter(None, [packet_in(photo)])
    else:
        found += filter(None, [packet_in(photo)])
    if sidecar is not None:
        with suppress(XmpError):
            found.append(Sidecar.parse(sidecar).found)
    words: set[str] = set()
    for one in found:
        for field, texts in persons_keywords(one).items():
            separator = field.separator
            words.update(text.rpartition(separator)[2] if separator else text for text in texts)
    return {" ".join(word.split()) for word in words if word.strip()}


def _in_photo(data: bytes) -> dict[str, list[str]]:
    if data.startswith(JPEG_START):
        try:
            return _texts(Photo(data).found)
        except DeclinedError:
            # Nothing may be written into it; its packet may be read all the same.
            return _texts(packet_in(data))
    return _texts(packet_in(data))


def _texts(found: Found | None) -> dict[str, list[str]]:
    states = {} if found is None else found.states
    return {field.value: list(state.keywords) for field, state in states.items() if state.keywords}
