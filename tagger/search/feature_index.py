"""The features of a model as one matrix on disk, so that a photo can be compared with every other.

A file of float16 rows beside the database, brought up to date before each use, and mapped into memory piece by piece:
a million photos of 2048 features are 4 GB, which SQLite hands over in half a minute, and a mapped file in a fraction of
a second. It holds nothing that the database does not, and may be deleted.
"""

from __future__ import annotations

import os
import threading
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tagger.core.atomic_file import replacing
from tagger.core.progress import OnProgress, ignore_progress
from tagger.search.mapped_file import MappedFile
from tagger.store import jobs
from tagger.store.features import FEATURE_DTYPE, to_matrix
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.system.file_lock import exclusive_lock
from tagger.system.machine import usable_threads
from tagger.system.scratch import scratch

FOLDER = "vectors"
_PAGE = 2000
# Rows converted to float32 at once: few enough to stay in the processor's cache.
_ROWS = 512
# The file is rebuilt when it has more rows than this for each labelled photo.
_SLACK = 1.25
# A float16 shifted by 13 bits is a float32 with the same sign and fraction, and 112 less in its exponent.
_SHIFT, _KEEP, _SCALE = 13, np.int32(np.uint32(0x8FFFE000).view(np.int32)), np.float32(2.0**112)


def float32_of(half: NDArray[np.float16], buffer: NDArray[np.int32]) -> NDArray[np.float32]:
    """float16 rows -> the same rows times 2^-112, float32, in `buffer`; exact, and subnormal numbers are right, too.

    Ten times as fast as NumPy's own conversion, which goes number by number. Multiply the other factor by 2^112.
    (IEEE 754 binary16 and binary32: 5 and 8 bits of exponent, biased by 15 and 127; 10 and 23 of fraction.)
    """
    part = buffer[: len(half)]
    np.copyto(part, half.view(np.int16))
    np.left_shift(part, _SHIFT, out=part)
    # The sign was extended over the exponent's upper bits.
    np.bitwise_and(part, _KEEP, out=part)
    return part.view(np.float32)


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """The features of `ids` (int64, a photo a row) in a file. `lengths`: float32, of each row; `width`: numbers a row.

    `memory_mb`: how much of the file is mapped at once.
    """

    file: MappedFile
    ids: NDArray[np.int64]
    lengths: NDArray[np.float32]
    width: int
    memory_mb: int

    def pieces(self) -> list[range]:
        """Ranges of rows. Two of them fit into the memory allowed."""
        rows = max(_ROWS, (self.memory_mb << 20) // (4 * self.width) // max(1, usable_threads(0)))
        return [range(start, min(start + rows, len(self.ids))) for start in range(0, len(self.ids), rows)]

    def rows(self, part: range) -> NDArray[np.float16]:
        """Some rows, mapped; float16 (rows, width)."""
        size = FEATURE_DTYPE.itemsize * self.width
        half: NDArray[Any] = self.file.mapped(part.start * size, len(part) * self.width, FEATURE_DTYPE)
        return half.reshape(len(part), self.width)

    def units(self, places: Sequence[int]) -> NDArray[np.float32]:
        """Rows of length one, float32 (places, width)."""
        whole = self.rows(range(len(self.ids)))
        wide = float32_of(whole[list(places)], np.empty((len(places), self.width), np.int32))
        wide *= _SCALE
        wide /= np.maximum(self.lengths[list(places)], np.float32(1e-12))[:, np.newaxis]
        return wide

    def cosines(self, vector: NDArray[np.floating]) -> NDArray[np.float32]:
        """The cosine similarity of every row with a vector of `width` numbers, float32 (photos,)."""
        wanted = vector.astype(np.float32)
        scaled = (wanted / max(float(np.linalg.norm(wanted)), 1e-12)) * _SCALE

        def work(part: range) -> NDArray[np.float32]:
            half = self.rows(part)
            buffer = np.empty((min(_ROWS, len(part)), self.width), np.int32)
            found = np.empty(len(part), np.float32)
            for start in range(0, len(part), _ROWS):
                rows = half[start : start + _ROWS]
                found[start : start + len(rows)] = float32_of(rows, buffer) @ scaled
            return found

        with ThreadPoolExecutor(usable_threads(0)) as pool:
            parts = list(pool.map(work, self.pieces()))
        dots = np.concatenate([np.zeros(0, np.float32), *parts])
        found: NDArray[np.float32] = np.clip(dots / np.maximum(self.lengths, np.float32(1e-12)), -1, 1)
        return found

    def nearest(self, vector: NDArray[np.floating], limit: int) -> list[tuple[int, float]]:
        """Up to `limit` photos as (id, cosine similarity), the most similar first, equal ones by id."""
        # Copies are equal, whatever the order in which a row's products were added.
        scores = np.round(self.cosines(vector), 5)
        count = min(limit, len(scores))
        if not count:
            return []
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        best = np.flatnonzero(scores >= least)
        found = sorted((-float(scores[i]), int(self.ids[i])) for i in best)[:count]
        return [(number, -distance) for distance, number in found]


class FeatureIndex:
    """The features of a library as a matrix a model, kept up to date on disk and, between uses, in memory.

    May be used from several threads and several processes; they wait for each other only while features are gathered.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._lock = threading.Lock()
        self._open: dict[str, _Kept] = {}

    def matrix(self, model: Model, on_progress: OnProgress = ignore_progress) -> FeatureMatrix:
        """The features of every photo under a model, up to date. Raises OSError where the data directory is full.

        `on_progress` is called with photos gathered and photos in all.
        """
        settings = self.library.settings
        path = scratch(settings.data_dir) / FOLDER / f"{model.model_id}.f2"
        path.parent.mkdir(parents=True, exist_ok=True)
        index = path.with_suffix(".npz")
        with self._lock, exclusive_lock(path.with_suffix(".lock")), self.library.store.read() as session:
            kept = self._open.get(model.model_id)
            if kept is None or kept.stamp != _stamp(index) or not _holds(path, kept.index):
                kept = _Kept(_load(index, path), _stamp(index))
            started = int(self.library.clock.now())
            todo = _update(session, path, model, kept, on_progress)
            if todo is not None:
                known = kept.index
                # A second that is not over yet is gathered again next time.
                kept.seen = frozenset(one for one in todo if one[1] == known.newest < started)
                with replacing(index) as temporary, temporary.open("wb") as file:
                    np.savez(file, ids=known.ids, lengths=known.lengths, width=known.width, newest=known.newest)
                kept.stamp, kept.matrix = _stamp(index), None
            if kept.matrix is None:
                known = kept.index
                kept.matrix = FeatureMatrix(
                    MappedFile(path), known.ids, known.lengths, known.width, settings.search.memory_mb
                )
            self._open[model.model_id] = kept
            return kept.matrix


@dataclass(frozen=True, slots=True)
class _Index:
    ids: NDArray[np.int64]
    lengths: NDArray[np.float32]
    width: int
    newest: int

    @classmethod
    def empty(cls) -> _Index:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), 0, 0)


@dataclass(slots=True)
class _Kept:
    """An index between two uses. `stamp`: of its file; `seen`: the photos of its newest second, gathered already."""

    index: _Index
    stamp: tuple[int, ...] | None
    matrix: FeatureMatrix | None = None
    seen: frozenset[tuple[int, int]] = frozenset()


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _load(index: Path, path: Path) -> _Index:
    """What is known of the file; nothing where either is missing or damaged."""
    try:
        # Opened here, because NumPy leaves a damaged file open.
        with index.open("rb") as file, np.load(file, allow_pickle=False) as data:
            found = _Index(
                data["ids"].astype(np.int64),
                data["lengths"].astype(np.float32),
                int(data["width"]),
                int(data["newest"]),
            )
        if not _holds(path, found) or len(found.ids) != len(found.lengths):
            return _Index.empty()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _Index.empty()
    return found


def _update(
    session: Session, path: Path, model: Model, kept: _Kept, on_progress: OnProgress
) -> list[tuple[int, int]] | None:
    """Bring an index and its file up to date; returns what was gathered, None where nothing changed."""
    known = kept.index
    todo = _labelled_since(session, known.newest)
    if kept.index.width and kept.seen.issuperset(todo):
        return None
    if known.width and len(known.ids) > _SLACK * max(1, _count_labelled(session, model)):
        # Too many of its rows are of photos that are gone.
        known = _Index.empty()
        todo = _labelled_since(session, 0)
        path.unlink(missing_ok=True)
    gathered = _gather(session, path, model, known, [number for number, _ in todo], on_progress)
    kept.index = replace(gathered, newest=max((second for _, second in todo), default=known.newest))
    return todo


def _holds(path: Path, known: _Index) -> bool:
    """Whether the file has all rows of an index."""
    stamp = _stamp(path)
    return stamp is not None and stamp[2] >= 2 * known.width * len(known.ids)


def _labelled_since(session: Session, newest: int) -> list[tuple[int, int]]:
    """The photos that were labelled in this second or later, as (id, second), by id."""
    query = select(PhotoRow.id, PhotoRow.labelled_at).where(PhotoRow.labelled_at >= newest).order_by(PhotoRow.id)
    return [(number, labelled_at or 0) for number, labelled_at in session.execute(query)]


def _count_labelled(session: Session, model: Model) -> int:
    # Not of the features: counting these reads through gigabytes.
    return session.scalar(select(func.count()).select_from(PhotoRow).where(PhotoRow.labelled_by == model.id)) or 0


def _gather(  # noqa: PLR0913 - what, from where and to where
    session: Session, path: Path, model: Model, known: _Index, todo: Sequence[int], on_progress: OnProgress
) -> _Index:
    """Write the features of some photos to the file: over the old ones, or behind the last."""
    ids, lengths, width = list(known.ids.tolist()), list(known.lengths.tolist()), known.width
    places = {number: place for place, number in enumerate(ids)}
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for start in range(0, len(todo), _PAGE):
            rows: dict[int, bytes] = {}
            for part in jobs.chunks(todo[start : start + _PAGE]):
                query = select(FeatureRow.photo_id, FeatureRow.vector).where(
                    FeatureRow.photo_id.in_(part), FeatureRow.model_id == model.id
                )
                rows |= dict(session.execute(query).all())
            fresh: list[bytes] = []
            for number in sorted(rows):
                vector = to_matrix([rows[number]])[0].astype(np.float32)
                width = width or len(vector)
                length = float(np.sqrt(vector @ vector))
                if number in places:
                    lengths[places[number]] = length
                    os.pwrite(descriptor, rows[number], 2 * width * places[number])
                else:
                    places[number] = len(ids)
                    ids.append(number)
                    lengths.append(length)
                    fresh.append(rows[number])
            if fresh:
                _append(descriptor, b"".join(fresh), 2 * width * (len(ids) - len(fresh)))
            if len(todo) > _PAGE:
                on_progress(min(start + _PAGE, len(todo)), len(todo))
        os.ftruncate(descriptor, 2 * width * len(ids))
    finally:
        os.close(descriptor)
    return _Index(np.array(ids, np.int64), np.array(lengths, np.float32), width, known.newest)


def _append(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
