"""What networks found on a picture, and on the pictures before it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from tagger.core.photo import Inspection, PhotoFacts
from tagger.inference.protocol import BOXES, FEATURES, WORDS

# The number of recent pictures whose features are kept, so that copies go through the network once.
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Found:
    """What networks found on a picture, as replies carry it; None: not looked for."""

    features: bytes | None = None
    words: bytes | None = None
    boxes: bytes | None = None

    def lacks(self, wants: Collection[str]) -> bool:
        """Whether something that is wanted is not here."""
        return any(getattr(self, name) is None for name in wants)

    def also(self, other: Found) -> Found:
        """This and what only the other has."""
        names = (FEATURES, WORDS, BOXES)
        return Found(*(getattr(self if getattr(self, name) is not None else other, name) for name in names))


class FoundLately:
    """A cache of recent pictures' hashes and what was found on them, shared by decoding threads and the main thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: OrderedDict[bytes, tuple[bytes, PhotoFacts]] = OrderedDict()
        self._found: OrderedDict[bytes, Found] = OrderedDict()

    def facts(self, content_hash: bytes) -> tuple[bytes, PhotoFacts] | None:
        """The pixel hash and facts of a file with these bytes."""
        with self._lock:
            return self._facts.get(content_hash)

    def found(self, pixel_hash: bytes) -> Found:
        """What was found on a picture; nothing if it is not cached."""
        with self._lock:
            return self._found.get(pixel_hash, Found())

    def remember(self, inspection: Inspection, found: Found) -> None:
        """Cache what was found on a picture, and drop the oldest."""
        with self._lock:
            self._facts[inspection.content_hash] = (inspection.pixel_hash, inspection.facts)
            self._found[inspection.pixel_hash] = found.also(self._found.get(inspection.pixel_hash, Found()))
            for kept in (self._facts, self._found):
                if len(kept) > _REMEMBERED:
                    kept.popitem(last=False)
