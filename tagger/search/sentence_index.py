"""The sentence vectors of a library, brought up to date: after photos were labelled, and by a search for what is left.

They are computed from the stored features of the model in the package; no photo is opened. The file holds nothing that
the database does not, and may be deleted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.clock import Clock, SystemClock
from tagger.core.full_disk import full_disk, is_full
from tagger.core.progress import SILENT, Callbacks
from tagger.search.mapped_file import MappedFile
from tagger.search.sentence_vectors import (
    Header,
    Opened,
    SentenceVectors,
    Writer,
    any_header,
    header_of,
    order_of,
    read,
)
from tagger.search.towers import Towers
from tagger.search.vocabulary import id_list
from tagger.store.reader import Reader
from tagger.system.file_lock import exclusive_lock
from tagger.system.scratch import scratch, temporary_folder

FOLDER, NAME = "vectors", "sentences.vectors"
_PAGE = 2048
# The file is made anew when it has more rows than this for each photo.
_SLACK, _FEW = 1.25, 1000
# Photos labelled so many seconds before the last look are looked at again: commits need not end in their order.
_MARGIN = 10


class SentenceIndex:
    """The vectors of a library, up to date. May be used from several threads and processes.

    Kept open between uses.
    """

    def __init__(self, data_dir: Path, towers: Towers, clock: Clock | None = None) -> None:
        self.towers = towers
        self._data_dir = data_dir
        self._clock = clock or SystemClock()
        self._known: Opened | None = None

    def vectors(self, reader: Reader, callbacks: Callbacks = SILENT) -> SentenceVectors:
        """The vectors of every photo that has features; computes what is missing. Opens no photo.

        Told to stop, it keeps what it has. Raises StoreError where the disk is full, OSError.
        """
        stamp = _stamp(reader)
        path = self._data_dir / FOLDER / NAME
        opened = self._opened(path)
        writable = self._may_write(path)
        if opened is not None and opened.header.stamp == stamp and (opened.sealed or not writable):
            return opened.vectors
        try:
            if not writable:
                path = self._own_copy(path)
            with exclusive_lock(path.with_suffix(".lock")):
                # Another process may have done it meanwhile.
                opened = self._opened(path)
                if opened is None or opened.header.stamp != stamp:
                    self._catch_up(path, opened, reader, stamp, callbacks)
                    opened = self._opened(path)
                    assert opened is not None
                elif not opened.sealed:
                    os.utime(path, (opened.header.sealed, opened.header.sealed))
                return opened.vectors
        except OSError as error:
            if is_full(error):
                raise full_disk(path, "the index for searching by sentences") from error
            raise

    def _opened(self, path: Path) -> Opened | None:
        """The file; None if there is none, or it is damaged or of other towers."""
        try:
            file = MappedFile(path)
        except OSError:
            return None
        known = self._known
        if known is None or known.status != file.status() or known.header != header_of(file, self.towers):
            self._known = known = read(file, self.towers)
        return known

    def _may_write(self, path: Path) -> bool:
        if scratch(self._data_dir) != self._data_dir:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.W_OK))

    def _own_copy(self, path: Path) -> Path:
        """Where this process keeps the file for itself, because it cannot write beside the library."""
        own = temporary_folder() / FOLDER / NAME
        own.parent.mkdir(parents=True, exist_ok=True)
        if not own.exists() and self._opened(path) is not None:
            shutil.copyfile(path, own)
        return own

    def _catch_up(
        self, path: Path, opened: Opened | None, reader: Reader, stamp: tuple[Any, ...], callbacks: Callbacks
    ) -> None:
        [(photos,)] = reader.rows("SELECT count(*) FROM photos", {})
        if opened is None or opened.header.count > _SLACK * photos + _FEW:
            # Whoever has the old file mapped keeps it.
            path.unlink(missing_ok=True)
            header, ids = Header(self.towers.version, self.towers.width), np.zeros(0, np.int64)
        else:
            header, ids = opened.header, opened.vectors.ids
        now = int(self._clock.now())
        # Where the clock was put back, what was labelled since bears an earlier time.
        todo = _labelled_since(reader, header.newest - _MARGIN if header.newest <= now else 0)
        places, models = _places(ids, todo["id"]), self._models(reader)
        with Writer.open(path, header) as writer:
            for start in range(0, len(todo), _PAGE):
                if callbacks.stop():
                    return
                part = todo[start : start + _PAGE]
                vectors = self._computed(part["id"], _features(reader, part["id"], models))
                writer.put(part["id"], places[start : start + _PAGE], *vectors)
                done = start + len(part)
                writer.seal(min(int(part["at"][-1]), now), stamp if done == len(todo) else ())
                if len(todo) > _PAGE:
                    callbacks.on_progress(done, len(todo))
            if not len(todo):
                writer.seal(header.newest, stamp)

    def _models(self, reader: Reader) -> list[int]:
        """The rows of the models whose features the towers take, the newest last."""
        rows = reader.rows("SELECT id, model_id FROM models ORDER BY id", {})
        return [number for number, model in rows if model in self.towers.model_ids]

    def _computed(
        self, ids: NDArray[np.int64], features: dict[int, bytes]
    ) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.bool_]]:
        """Vectors, scales, and whether there are any, of some photos in their order."""
        vectors = np.zeros((len(ids), self.towers.width), np.int8)
        scales = np.zeros(len(ids), np.float32)
        have = np.array([number in features for number in ids.tolist()], bool)
        if have.any():
            rows = np.frombuffer(b"".join(features[n] for n in ids[have].tolist()), "<f2").reshape(have.sum(), -1)
            whole, scales[have] = self.towers.photo_vectors(rows)
            vectors[have] = whole[:, order_of(self.towers)]
        return vectors, scales, have


def prepared(data_dir: Path) -> int:
    """How many photos have a vector of the towers that are in use. Loads neither towers nor vectors."""
    try:
        header = any_header(MappedFile(data_dir / FOLDER / NAME))
        return header.count if header is not None and header.version == Towers.version_in_use(data_dir) else 0
    except OSError:
        return 0


def _stamp(reader: Reader) -> tuple[Any, ...]:
    """What changes whenever a photo was labelled: every run counts its photos in the transaction that labels them."""
    sql = "SELECT count(*), coalesce(sum(labelled), 0), coalesce(max(id), 0), coalesce(max(started_at), 0) FROM runs"
    [runs] = reader.rows(sql, {})
    library = next(reader.rows("SELECT uuid FROM library", {}), ("",))
    return (str(library[0]), *map(int, runs))


def _labelled_since(reader: Reader, since: int) -> NDArray[np.void]:
    """The photos that were labelled at this second or later, the first first: (id, at)."""
    sql = "SELECT id, labelled_at FROM photos WHERE labelled_at >= :since ORDER BY labelled_at, id"
    rows = reader.rows(sql, {"since": max(0, since)})
    return np.fromiter((tuple(row) for row in rows), [("id", "i8"), ("at", "i8")])


def _places(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of each wanted photo, -1 where it has none."""
    if not len(ids):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(ids, kind="stable")
    found = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    rows = order[found]
    return np.where(ids[rows] == wanted, rows, -1)


def _features(reader: Reader, ids: NDArray[np.int64], models: Sequence[int]) -> dict[int, bytes]:
    """The stored features of photos, by id: those of the newest of some models."""
    if not models:
        return {}
    sql = (
        "SELECT photo_id, vector FROM features"
        f" WHERE photo_id IN ({id_list(ids.tolist())}) AND model_id IN ({id_list(models)}) ORDER BY photo_id, model_id"
    )
    return {number: bytes(vector) for number, vector in reader.rows(sql, {})}
