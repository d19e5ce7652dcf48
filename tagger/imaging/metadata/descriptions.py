"""What people wrote about a photo: dc:description (XMP), Caption (IPTC), ImageDescription (Exif), and in its sidecars.

Damaged metadata never fail a photo: what cannot be read counts as missing.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from tagger.core.config import KeywordSettings
from tagger.core.paths import is_object
from tagger.core.sidecar_names import Folders, sidecars_of
from tagger.imaging.metadata import iptc_blocks, xmp_values
from tagger.imaging.metadata.headers import Headers, read_headers
from tagger.imaging.metadata.xmp_parse import Name
from tagger.system.objects import open_object

_DESCRIPTION = Name("http://purl.org/dc/elements/1.1/", "description", "dc")
# IPTC-IIM 4.2, 2:120 Caption/Abstract. Exif 2.32, section 4.6.4.
_CAPTION, _IMAGE_DESCRIPTION = (2, 120), 0x010E
_LONGEST, _MOST_SIDECAR = 2000, 8 << 20
# Of such words is what cameras and programs write there of themselves.
_OF_MACHINES = frozenset(
    """
    a adobe ai and ascii binary btf by camera canon caption casio cof color comment created dav dcim default
    description digital dsc dscf dscn edf exif fbt film fuji fujifilm gimp hdr hdrpl htc huawei image img
    imported jpeg jpg kodak konica lg lge mde minolta nikon none nor of olympus ozedf ozhdr oznor panasonic
    pentax photo photoshop picture ptr qrf rhdr ricoh sam samsung screenshot sdr sony still techwin the trh
    unknown untitled with xiaomi
    """.split()
)


def descriptions_at(path: str, settings: KeywordSettings, folders: Folders | None = None) -> list[str]:
    """What stands in the photo at an absolute path and in its sidecars, each text once. Raises OSError.

    `folders`: the names in folders, where they are known.
    """
    texts: list[str] = []
    for sidecar in sidecars_of(path, settings, folders):
        with _opened(sidecar) as file:
            texts += _in_packet(file.read(_MOST_SIDECAR))
    with _opened(path) as file:
        return _written_by_people([*texts, *_inside(read_headers(file, path))])


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    """A regular file, or an object; anything else is as an empty one."""
    if is_object(path):
        with open_object(path) as (copy, _), open(copy, "rb", closefd=False) as found:
            yield found
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(descriptor, "rb", buffering=16384) as file:
        yield file if stat.S_ISREG(os.fstat(descriptor).st_mode) else io.BytesIO()


def _inside(headers: Headers) -> list[str]:
    texts = [text for packet in headers.xmp for text in _in_packet(packet)]
    for block in headers.iptc:
        try:
            datasets = iptc_blocks.datasets_of(block)
        except iptc_blocks.IptcError:
            continue
        texts += [_readable(dataset.value) for dataset in datasets if dataset.key == _CAPTION]
    described = headers.tags.main.get(_IMAGE_DESCRIPTION)
    return texts if described is None else [*texts, _readable(described.raw)]


def _in_packet(content: bytes) -> list[str]:
    """The descriptions of an XMP packet, one a language."""
    packet = xmp_values.packet_of(content)
    return [] if packet is None else xmp_values.texts(packet, _DESCRIPTION)


def _readable(raw: bytes) -> str:
    """A text, whatever its encoding: texts of another one are hardly ever valid UTF-8."""
    text = raw.partition(b"\0")[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def _written_by_people(texts: Iterable[str]) -> list[str]:
    """Texts on one line each, without what a camera writes."""
    plain = dict.fromkeys(" ".join(text.split())[:_LONGEST] for text in texts)
    return [text for text in plain if text and not _by_a_machine(text)]


def _by_a_machine(text: str) -> bool:
    """Whether it is a default, such as `OLYMPUS DIGITAL CAMERA`, `SONY DSC` or `DCIM100MEDIA`."""
    words = re.findall(r"[^\W_]+", text.lower())
    return all(word in _OF_MACHINES or any(letter.isdigit() for letter in word) for word in words)
