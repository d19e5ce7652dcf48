"""The features of a model as one matrix on disk, so that a photo can be compared with every other.

A file of float16 rows beside the database, brought up to date before each use, and mapped into memory piece by piece:
a million photos of 2048 features are 4 GB, which SQLite hands over in half a minute, and a mapped file in a fraction of
a second. It holds nothing that the database does not, and may be deleted.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tagger.core.atomic_file import replacing
from tagger.store import jobs
from tagger.store.features import FEATURE_DTYPE, to_matrix
from tagger.store.models import Model
from tagger.store.session import Store
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.system.file_lock import exclusive_lock
from tagger.system.machine import usable_threads

FOLDER = "vectors"
_PAGE = 2000
# So many rows are turned into float32 at once: they stay in the processor's cache.
_ROWS = 512
# A file with more rows than this for each photo that is left is made anew.
_SLACK = 1.25
# A float16 shifted by 13 bits is a float32 with the same sign and fraction, and 112 less in its exponent.
_SHIFT, _KEEP, _SCALE = 13, np.int32(np.uint32(0x8FFFE000).view(np.int32)), np.float32(2.0**112)

Tell = Callable[[int, int], None]


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

    path: Path
    ids: NDArray[np.int64]
    lengths: NDArray[np.float32]
    width: int
    memory_mb: int

    def pieces(self) -> list[range]:
        """The rows in pieces of which two fit into the memory allowed."""
        rows = max(_ROWS, (self.memory_mb << 20) // (4 * self.width) // max(1, usable_threads(0)))
        return [range(start, min(start + rows, len(self.ids))) for start in range(0, len(self.ids), rows)]

    def rows(self, part: range) -> NDArray[np.float16]:
        """Some rows, mapped; float16 (rows, width)."""
        found: NDArray[np.float16] = np.memmap(
            self.path, FEATURE_DTYPE, "r", offset=part.start * self.width * 2, shape=(len(part), self.width)
        )
        return found

    def units(self, places: Sequence[int]) -> NDArray[np.float32]:
        """Rows of length one, float32 (places, width)."""
        whole = np.memmap(self.path, FEATURE_DTYPE, "r", shape=(len(self.ids), self.width))
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
        """Up to `limit` photos as (id, cosine similarity), the most similar first."""
        scores = self.cosines(vector)
        count = min(limit, len(scores))
        best = np.argpartition(-scores, count - 1)[:count] if count else np.zeros(0, np.int64)
        found = sorted((-float(scores[i]), int(self.ids[i])) for i in best)
        return [(number, -score) for score, number in found]


def open_matrix(store: Store, data_dir: Path, model: Model, memory_mb: int, report: Tell) -> FeatureMatrix:
    """The features of every photo under a model, up to date. `report` is told photos taken over and in all.

    Raises OSError where the data directory is full.
    """
    path = data_dir / FOLDER / f"{model.model_id}.f2"
    path.parent.mkdir(parents=True, exist_ok=True)
    index = path.with_suffix(".npz")
    with exclusive_lock(path.with_suffix(".lock")), store.read() as session:
        known = _load(index, path)
        todo, newest = _changed(session, known)
        ids = {int(number): place for place, number in enumerate(known.ids)}
        if known.width and len(ids) > _SLACK * max(1, _present(session, model)):
            known, ids = _Index.empty(), {}
            todo, newest = _changed(session, known)
            path.unlink(missing_ok=True)
        known = _take_over(session, path, model, known, ids, todo, newest, report)
        with replacing(index) as temporary, temporary.open("wb") as file:
            np.savez(file, ids=known.ids, lengths=known.lengths, width=known.width, newest=known.newest)
    return FeatureMatrix(path, known.ids, known.lengths, known.width, memory_mb)


@dataclass(frozen=True, slots=True)
class _Index:
    ids: NDArray[np.int64]
    lengths: NDArray[np.float32]
    width: int
    newest: int

    @classmethod
    def empty(cls) -> _Index:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.float32), 0, 0)


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
        if path.stat().st_size < 2 * found.width * len(found.ids) or len(found.ids) != len(found.lengths):
            return _Index.empty()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return _Index.empty()
    return found


def _changed(session: Session, known: _Index) -> tuple[list[int], int]:
    """The photos that were labelled since, and the time of the last of them. A second counts as not over yet."""
    query = select(PhotoRow.id, PhotoRow.labelled_at).where(PhotoRow.labelled_at >= known.newest).order_by(PhotoRow.id)
    rows = session.execute(query).all()
    return [row[0] for row in rows], max((row[1] or 0 for row in rows), default=known.newest)


def _present(session: Session, model: Model) -> int:
    return session.scalar(select(func.count()).select_from(FeatureRow).where(FeatureRow.model_id == model.id)) or 0


def _take_over(
    session: Session,
    path: Path,
    model: Model,
    known: _Index,
    places: dict[int, int],
    todo: Sequence[int],
    newest: int,
    report: Tell,
) -> _Index:
    """Write the features of some photos to the file: over the old ones, or behind the last."""
    ids, lengths, width = list(known.ids.tolist()), list(known.lengths.tolist()), known.width
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
                report(min(start + _PAGE, len(todo)), len(todo))
        os.ftruncate(descriptor, 2 * width * len(ids))
    finally:
        os.close(descriptor)
    return _Index(np.array(ids, np.int64), np.array(lengths, np.float32), width, newest)


def _append(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
