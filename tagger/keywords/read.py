"""Which keywords stand in a photo and in its sidecar, for people to see."""

from __future__ import annotations

from tagger.formats import JPEG_START
from tagger.keywords.embed import DeclinedError, Found, Photo
from tagger.keywords.sidecar import Sidecar, packet_in
from tagger.keywords.xmp import XmpError


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
