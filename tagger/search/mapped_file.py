"""A file of numbers, held open and mapped into memory: of a gigabyte only what is looked at is read."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class MappedFile:
    """A file that stays what it is when another process puts a new one into place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    @property
    def size(self) -> int:
        """Its bytes now."""
        return os.fstat(self._descriptor).st_size

    @property
    def modified_ns(self) -> int:
        """When somebody wrote to it last, in nanoseconds since the epoch."""
        return os.fstat(self._descriptor).st_mtime_ns

    def status(self) -> tuple[int, ...]:
        """Differs when it is another file, or was written to."""
        now = os.fstat(self._descriptor)
        return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns

    def read(self, start: int, size: int) -> bytes:
        """Some bytes; fewer where the file ends."""
        return os.pread(self._descriptor, size, start)

    def mapped(self, start: int, count: int, kind: DTypeLike) -> NDArray[Any]:
        """`count` numbers or records from the byte `start` on, mapped for as long as they are used."""
        dtype = np.dtype(kind)
        before = start % mmap.ALLOCATIONGRANULARITY
        size = count * dtype.itemsize + before
        view = mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ, offset=start - before)
        return np.frombuffer(view, dtype, count, before)
