"""The groups of near-duplicates that were found, so that they can be looked at page by page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.search.best_copy import best_copy
from tagger.search.similar import Duplicates
from tagger.store.duplicate_decisions import Decisions

# So many searches are kept: of a million photos each takes some megabytes.
_KEPT = 3


@dataclass(frozen=True, slots=True)
class KnownGroup:
    """A group as it was found. `hashes`, `bytes`: of each of `photos`. `best`: the best one for sure; 0: a guess."""

    photos: tuple[int, ...]
    hashes: tuple[str, ...]
    bytes: tuple[int, ...]
    similarity: float
    best: int

    def is_open(self, decisions: Decisions) -> bool:
        """Whether something of it is still to be decided."""
        return any(
            decisions.of(number, content) is None for number, content in zip(self.photos, self.hashes, strict=True)
        )

    def hidden(self, decisions: Decisions) -> list[int]:
        """The bytes of each of its photos that is not kept."""
        return [
            size
            for number, content, size in zip(self.photos, self.hashes, self.bytes, strict=True)
            if decisions.of(number, content) is False
        ]


def known(groups: Sequence[Duplicates]) -> list[KnownGroup]:
    """Groups as they are kept."""
    found = []
    for group in groups:
        photos = [record for record, _ in group.photos]
        best = best_copy(photos, {})
        found.append(
            KnownGroup(
                tuple(record.id for record in photos),
                tuple(hash_text(record.content_hash) for record in photos),
                tuple(record.fingerprint.size for record in photos),
                group.similarity,
                best.photo_id if best.sure else 0,
            )
        )
    return found


def hash_text(content_hash: bytes | None) -> str:
    """A photo's content, as decisions name it."""
    return (content_hash or b"").hex()


class DuplicateGroups:
    """What the last searches found, by the similarity that was asked for, until the server ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[float, list[KnownGroup]] = OrderedDict()

    def put(self, least: float, groups: list[KnownGroup]) -> None:
        """Keep what a search found."""
        with self._lock:
            self._found[round(least, 4)] = groups
            self._found.move_to_end(round(least, 4))
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)

    def find(self, least: float) -> list[KnownGroup] | None:
        """The groups of a similarity; None where nobody has looked for them."""
        with self._lock:
            return self._found.get(round(least, 4))
