"""Compare the files seen with the photos known, in one pass over two sorted streams. Pure; constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from tagger.core.config import IntakeSettings
from tagger.core.numbers import count
from tagger.core.paths import shown_path, stored_path
from tagger.core.photo import Fingerprint
from tagger.intake.folder import SeenFile
from tagger.store.photos import stored_fingerprint


class PathState(Enum):
    """How a path differs from what the library knows of it."""

    SAME = auto()
    NEW = auto()
    CHANGED = auto()
    BACK = auto()  # it was missing and has reappeared unchanged
    GONE = auto()


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A photo as recorded in the library. `path` is relative to its root.

    `unseen`: its file was not there at the last scan, but it is not recorded as missing. `sidecar`: which state of its
    sidecars was read.
    """

    photo_id: int
    path: str
    fingerprint: Fingerprint
    missing: bool
    unseen: bool = False
    sidecar: int | None = None


_File = TypeVar("_File", SeenFile, KnownFile)


def reconcile(
    seen: Iterable[SeenFile], known: Iterable[KnownFile], in_unread: Callable[[str], bool] = lambda _: False
) -> Iterator[tuple[PathState, SeenFile | None, KnownFile | None]]:
    """Merge two streams, both sorted by `stored_path(path)`.

    Yields each path once, with the file seen there and the photo known there. Photos below folders that could not be
    read (`in_unread`) and photos already recorded as missing are not reported as gone. Raises ValueError if a stream
    is out of order, because photos would then be taken for deleted.
    """
    left, right = _ordered(seen), _ordered(known)
    here, there = next(left, None), next(right, None)
    while here is not None or there is not None:
        if there is None or (here is not None and here[0] < there[0]):
            assert here is not None
            yield PathState.NEW, here[1], None
            here = next(left, None)
        elif here is None or there[0] < here[0]:
            if not there[1].missing and not in_unread(there[1].path):
                yield PathState.GONE, None, there[1]
            there = next(right, None)
        else:
            yield _compare(here[1], there[1]), here[1], there[1]
            here, there = next(left, None), next(right, None)


def _compare(seen: SeenFile, known: KnownFile) -> PathState:
    # As the database keeps it: its numbers end in the year 2262.
    if not stored_fingerprint(seen.fingerprint).matches(known.fingerprint):
        return PathState.CHANGED
    return PathState.BACK if known.missing or known.unseen else PathState.SAME


def _ordered(files: Iterable[_File]) -> Iterator[tuple[str, _File]]:
    before = ""
    for file in files:
        key = stored_path(file.path)
        if key <= before:
            raise ValueError(f"{file.path!r} is out of order")
        before = key
        yield key, file


def below(folders: Iterable[str]) -> Callable[[str], bool]:
    """A test whether a path is below one of `folders`, which may grow. Each ends with a slash; "" is the root."""
    return lambda path: any(path.startswith(folder) for folder in folders)


def too_many_gone(known: int, gone: int, settings: IntakeSettings) -> bool:
    """The brake: whether so many photos are gone at once that a missing disk is likelier than deletion."""
    return gone > settings.vanish_count and gone > settings.vanish_share * known


def check_root(path: str, known: int, *, accept_empty: bool = False) -> str | None:
    """Why a root cannot be scanned now, or None. `known`: the number of its photos that are not missing."""
    try:
        with os.scandir(path) as entries:
            empty = next(entries, None) is None
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not known:
            return (
                f"it is not there, and no photo is known in it any more; take it out: tagger forget {shown_path(path)}"
            )
        return "it is not there; is its disk mounted?" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
    if empty and known and not accept_empty:
        return f"it is empty, but {count(known, 'photo is', 'photos are')} known in it; is its disk mounted?"
    return None
