"""What places are called in the languages of labels, from a file in the package: `place:München` means Munich.

Places are stored under one name each. The file has a line for each other name, sorted, as names are compared; it is
looked through as bytes, as a search asks for one or two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from tagger.core.names import spellings

FILE = "place_names.tsv"
_BETWEEN = re.compile(r"[-‐–—_,.;()/'’‘`ʻ]+")


def forms(name: str) -> frozenset[str]:
    """The forms in which the name of a place is compared: without case, accents, hyphens and the like."""
    return spellings(" ".join(_BETWEEN.sub(" ", name).split()))


def stored_names(asked: Iterable[str]) -> set[str]:
    """Under which names the places with one of these forms are stored, in forms themselves."""
    data, found = _data(), set[str]()
    for form in asked:
        start = data.find(f"\n{form}\t".encode(errors="replace"))
        if start >= 0:
            line = data[start + 1 : data.index(b"\n", start + 1)].decode()
            found.update(line.partition("\t")[2].split("|"))
    return found


def known_names() -> Iterator[tuple[str, list[str]]]:
    """All names with the names that are stored, in forms."""
    for line in _data().decode().splitlines()[1:]:
        name, _, stored = line.partition("\t")
        yield name, stored.split("|")


@cache
def _data() -> bytes:
    return b"\n" + Path(__file__).with_name(FILE).read_bytes()
