"""How many photos are worked on at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from tagger.core.photo import Fingerprint

# More than there are cores: most of their time is waiting for the disk.
THREADS = 6
# The photos between two transactions, and their bytes at most: copies of them need as much room on the disk.
_BATCH, _BATCH_BYTES = 32, 128 << 20


class _Photo(Protocol):
    @property
    def fingerprint(self) -> Fingerprint: ...


Sized = TypeVar("Sized", bound=_Photo)


def batches(items: Iterable[Sized], limit: int = _BATCH_BYTES) -> Iterator[list[Sized]]:
    """Split photos (jobs, records) into batches whose files fit in memory together."""
    part: list[Sized] = []
    size = 0
    for item in items:
        if part and (size + item.fingerprint.size > limit or len(part) == _BATCH):
            yield part
            part, size = [], 0
        part.append(item)
        size += item.fingerprint.size
    if part:
        yield part
