"""The file of a library's sentence vectors: a vector a photo, mapped into memory.

A header of one page, then chunks of 1024 photos. A chunk has the 64 numbers of each vector that are the largest in
ordinary photos, then the others, because a search looks at the others only where the first ones leave a chance. Chunks
have a checksum, and the header the time that the file was given: where the file has another, somebody else wrote to it
(or tagger was killed while it did), and every byte is checked before it is believed.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.search.mapped_file import MappedFile
from tagger.search.towers import Towers
from tagger.system.machine import usable_threads

_FORMAT, _MAGIC, _HEADER = 2, b"tagger sentences", 4096
_ROWS, _LEAD = 1024, 64
# Chunks whose first numbers are multiplied by one call of NumPy, as many as stay in the processor's cache; and that are
# compared at once, because each call takes longer than what it does for few.
_TOGETHER, _COMPARED = 4, 16


def _chunk(width: int) -> np.dtype[np.void]:
    """A chunk. `id`: 0 is no photo. `rest`: length of what stands in `tail`, times the scale."""
    return np.dtype(
        [
            ("lead", "i1", (_ROWS, _LEAD)),
            ("tail", "i1", (_ROWS, width - _LEAD)),
            ("scale", "<f4", (_ROWS,)),
            ("rest", "<f4", (_ROWS,)),
            ("id", "<i8", (_ROWS,)),
            ("crc", "<u8"),
        ]
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of the file. `count`: rows that are used. `newest`: when the last of them was labelled.

    `stamp`: what the library was like. `sealed`: the file's modification time, in seconds.
    """

    version: str
    width: int
    count: int = 0
    newest: int = 0
    stamp: tuple[Any, ...] = ()
    sealed: int = 0

    def to_bytes(self) -> bytes:
        """The first page of the file."""
        text = json.dumps({"format": _FORMAT, **asdict(self)}).encode()
        data = _MAGIC + zlib.crc32(text).to_bytes(4, "little") + text
        return data.ljust(_HEADER, b"\0")

    @classmethod
    def of(cls, data: bytes) -> Header | None:
        """The inverse of `to_bytes`; None for anything else."""
        text = data[len(_MAGIC) + 4 :].rstrip(b"\0")
        crc = zlib.crc32(text).to_bytes(4, "little")
        if len(data) != _HEADER or not data.startswith(_MAGIC + crc):
            return None
        found = json.loads(text)
        if found.pop("format") != _FORMAT:
            return None
        return cls(**{**found, "stamp": tuple(found["stamp"])})


@dataclass(frozen=True, slots=True)
class SentenceVectors:
    """The vectors of a library: `count` rows of some chunks. A row is used where its id is not 0.

    `order`: which number of a vector stands at each place of a row.
    """

    count: int
    chunks: NDArray[np.void]
    order: NDArray[np.intp]

    @property
    def ids(self) -> NDArray[np.int64]:
        """The photo of each row, int64; 0: none."""
        found: NDArray[np.int64] = self.chunks["id"].reshape(-1)[: self.count]
        return found

    def vectors(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some rows, float32 (rows, width), with the numbers in the towers' order."""
        chunk, place = np.divmod(rows, _ROWS)
        whole = np.concatenate([self.chunks["lead"][chunk, place], self.chunks["tail"][chunk, place]], axis=1)
        scaled: NDArray[np.float32] = whole.astype(np.float32) * self.chunks["scale"][chunk, place][:, np.newaxis]
        return scaled[:, np.argsort(self.order)]

    def alike(
        self, vector: NDArray[np.float32], least: float = -np.inf
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The photos whose similarity with a vector of length one is at least this: ids (int64), similarities."""
        vector = vector[self.order]
        starts = range(0, len(self.chunks), _COMPARED)
        threads = max(1, min(usable_threads(0), len(starts)))
        parts = [starts[number::threads] for number in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            found = [pair for part in pool.map(lambda part: self._alike(part, vector, least), parts) for pair in part]
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for rows, _ in found)])
        near = np.concatenate([np.zeros(0, np.float32), *(near for _, near in found)])
        ids = np.where(rows < self.count, self.chunks["id"][np.divmod(rows, _ROWS)], 0)
        there = ids > 0
        return ids[there], near[there]

    def _alike(
        self, starts: range, vector: NDArray[np.float32], least: float
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """(rows, similarities) of chunks that begin at these numbers."""
        lead, tail = np.ascontiguousarray(vector[:_LEAD]), np.ascontiguousarray(vector[_LEAD:])
        length = np.float32(np.linalg.norm(tail))
        firsts = np.empty((_TOGETHER, _ROWS, _LEAD), np.float32)
        nears, scales, mosts = np.empty((3, _COMPARED, _ROWS), np.float32)
        wide = np.empty((_ROWS, len(tail)), np.float32)
        found = []
        for start in starts:
            some = self.chunks[start : start + _COMPARED]
            near, scale, most = nears[: len(some)], scales[: len(some)], mosts[: len(some)]
            for first in range(0, len(some), _TOGETHER):
                part = firsts[: len(some) - first]
                np.copyto(part, some["lead"][first : first + _TOGETHER])
                np.matmul(part.reshape(-1, _LEAD), lead, out=near[first : first + _TOGETHER].reshape(-1))
            np.copyto(scale, some["scale"])
            near *= scale
            # The most that the other numbers can add (Cauchy and Schwarz), and what rounding may.
            np.multiply(some["rest"], length, out=most)
            most += near
            rows = np.flatnonzero(most >= least - 1e-5)
            if not len(rows):
                continue
            if 3 * len(rows) > near.size:
                added = np.concatenate([_products(chunk["tail"], tail, wide) for chunk in some])[rows]
            else:
                added = some["tail"][np.divmod(rows, _ROWS)].astype(np.float32) @ tail
            # Copies are equal, whatever the order in which a row's products were added.
            exact: NDArray[np.float32] = np.round(near.reshape(-1)[rows] + added * scale.reshape(-1)[rows], 5)
            enough = exact >= least
            found.append((rows[enough] + start * _ROWS, exact[enough]))
        return found


def _products(rows: NDArray[np.int8], vector: NDArray[np.float32], buffer: NDArray[np.float32]) -> NDArray[np.float32]:
    """The dot product of each row with a vector, by way of a buffer of the rows' shape."""
    np.copyto(buffer, rows)
    found: NDArray[np.float32] = buffer @ vector
    return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is whole. `status`: what it was then; `sealed`: nobody wrote to it since tagger did."""

    file: MappedFile
    header: Header
    vectors: SentenceVectors
    status: tuple[int, ...]
    sealed: bool


class Writer:
    """Writes rows. Nothing counts before `seal`."""

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        self._header = header
        self._kind = _chunk(header.width)
        self._count = header.count

    @classmethod
    @contextmanager
    def open(cls, path: Path, header: Header) -> Iterator[Writer]:
        """Write to a file, which is made where there is none. `header`: what it has."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield cls(descriptor, header)
        finally:
            os.close(descriptor)

    def put(
        self,
        ids: NDArray[np.int64],
        places: NDArray[np.int64],
        vectors: NDArray[np.int8],
        scales: NDArray[np.float32],
        have: NDArray[np.bool_],
    ) -> None:
        """Write photos to their rows; new ones (place -1) behind the last. One without a vector loses its row."""
        places = places.copy()
        fresh = have & (places < 0)
        places[fresh] = self._count + np.arange(fresh.sum())
        self._count += int(fresh.sum())
        wide = vectors[:, _LEAD:].astype(np.float32)
        rest = np.sqrt(np.einsum("ij,ij->i", wide, wide)) * scales
        for number in np.unique(places[places >= 0] // _ROWS):
            these = np.flatnonzero(places // _ROWS == number)
            chunk = self._chunk(int(number))
            rows = places[these] % _ROWS
            chunk["lead"][rows] = vectors[these, :_LEAD]
            chunk["tail"][rows] = vectors[these, _LEAD:]
            chunk["scale"][rows], chunk["rest"][rows] = scales[these], rest[these]
            chunk["id"][rows] = np.where(have[these], ids[these], 0)
            chunk["crc"] = 0
            chunk["crc"] = zlib.crc32(chunk.tobytes())
            _write(self._descriptor, chunk.tobytes(), _HEADER + int(number) * self._kind.itemsize)

    def seal(self, newest: int, stamp: Sequence[Any]) -> None:
        """Make what was written count."""
        # Rows first: after a power cut the header must not promise more than there is.
        os.fsync(self._descriptor)
        # A time that every file system can store, and that nobody who writes later gives the file.
        sealed = int(os.fstat(self._descriptor).st_mtime) // 2 * 2 - 2
        self._header = replace(self._header, count=self._count, newest=newest, stamp=tuple(stamp), sealed=sealed)
        _write(self._descriptor, self._header.to_bytes(), 0)
        os.utime(self._descriptor, (sealed, sealed))

    def _chunk(self, number: int) -> Any:
        size = self._kind.itemsize
        data = os.pread(self._descriptor, size, _HEADER + number * size)
        return np.frombuffer(bytearray(data.ljust(size, b"\0")), self._kind, 1)[0]


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def any_header(file: MappedFile) -> Header | None:
    """The header of a file, whichever towers made it; None if it has none."""
    try:
        return Header.of(file.read(0, _HEADER))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def header_of(file: MappedFile, towers: Towers) -> Header | None:
    """The header of a file that these towers made."""
    found = any_header(file)
    return found if found is not None and (found.version, found.width) == (towers.version, towers.width) else None


def order_of(towers: Towers) -> NDArray[np.intp]:
    """The numbers of a vector in the order in which they stand in the file: the largest of ordinary photos first."""
    usual = towers.calibration
    return np.argsort(-(np.diagonal(usual.spread) + usual.mean**2), kind="stable")


def read(file: MappedFile, towers: Towers) -> Opened | None:
    """The vectors of a file; None if it is of other towers, cut off or damaged."""
    header, status = header_of(file, towers), file.status()
    if header is None:
        return None
    kind, number = _chunk(header.width), -(-header.count // _ROWS)
    if file.size < _HEADER + number * kind.itemsize:
        return None
    chunks = np.zeros(0, kind) if not number else file.mapped(_HEADER, number, kind)
    sealed = file.modified_ns == header.sealed * 10**9
    if not sealed and not all(_whole(chunk) for chunk in chunks):
        return None
    return Opened(file, header, SentenceVectors(header.count, chunks, order_of(towers)), status, sealed)


def _whole(chunk: Any) -> bool:
    data = bytearray(chunk.tobytes())
    data[-8:] = bytes(8)
    return zlib.crc32(data) == int(chunk["crc"])
