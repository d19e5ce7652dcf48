"""The kinds of pictures that a file may tell to be; `file_kinds.py` recognises them. Imported by `tagger search`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tagger.core.sentences import Sentence

# The confidence of a label from the file: what it tells of itself is no guess.
FROM_FILE = 0.98


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of photo. `shown`: whether it is shown by default, or serves search only.

    `by`: what it is recognised by. `counted`: how often it is right, or that it is a fact. Both are for people.
    """

    shown: bool
    by: str
    counted: str


# The names are what people type; the order is that of `PhotoFacts.kinds`. Counted by benchmarks/everyday/file_kinds.py.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "screenshot": Kind(
            True,
            Sentence("the file says so, or it has a screen's size, few colours and no camera"),
            "none wrong on 3,614 photos",
        ),
        "document": Kind(
            True,
            Sentence("paper with lines of text"),
            "none wrong on 3,614 photos; 22 of 26 real pages found",
        ),
        "panorama": Kind(
            True,
            Sentence("the file says so, or it is at least 2.5 times as long as high"),
            "none wrong on 3,614 photos",
        ),
        "black and white": Kind(True, Sentence("no part of it has colour, or all has one warm tone"), "98 of 98 right"),
        "selfie": Kind(True, Sentence("taken with the front camera"), "a fact"),
        "burst": Kind(False, Sentence("the file names the burst that it belongs to"), "a fact"),
        "night": Kind(
            False,
            Sentence("the camera's exposure tells of little light, and the picture is dark"),
            "not counted: too few photos with an exposure were at hand",
        ),
        "long exposure": Kind(True, Sentence("exposed for a second or more"), "a fact"),
        "flash": Kind(False, Sentence("the flash fired"), "a fact"),
    }
)
