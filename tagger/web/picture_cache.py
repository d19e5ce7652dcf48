"""Small copies of photos on disk, outside the photos' folders, up to a number of bytes; the least used go first."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock
from tagger.core.hashing import content_hash

FOLDER = "pictures"
# Another way of making them gets another number.
_REVISION = 1
# A picture's time of use is noted once a day at most, so that showing it seldom writes.
_NOTED = 86400.0
# When there are too many, so large a share of the limit stays.
_KEEP = 0.9


class PictureCache:
    """The cache. Several threads and several processes may use it: each file is made whole and then renamed."""

    def __init__(self, data_dir: Path, limit: int, clock: Clock) -> None:
        self._folder = data_dir / FOLDER
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        # Bytes written since the files were last counted; None before the first count.
        self._written: int | None = None
        self._counted = 0

    def get(self, photo_id: int, version: str, longest: int) -> bytes | None:
        """The copy of this version of a photo, if it is here."""
        path = self._path(photo_id, version, longest)
        try:
            with path.open("rb") as file:
                now = self._clock.now()
                if now - os.fstat(file.fileno()).st_mtime > _NOTED:
                    with suppress(OSError):
                        os.utime(path, (now, now))
                # After a power cut it may be empty.
                return file.read() or None
        except OSError:
            return None

    def put(self, photo_id: int, version: str, longest: int, data: bytes) -> None:
        """Keep a copy. Where it cannot be kept, on a full disk, it is made again the next time."""
        path = self._path(photo_id, version, longest)
        try:
            with replacing(path, durable=False) as temporary:
                temporary.write_bytes(data)
        except OSError:
            return
        with self._lock:
            if self._written is not None:
                self._written += len(data)

    def trim(self) -> int:
        """Delete the least used copies if there are too many bytes of them; returns how many files."""
        with self._lock:
            if self._written is not None and self._counted + self._written <= self._limit:
                return 0
            self._written = 0
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        deleted = 0
        if total > self._limit:
            for _, size, path in files:
                if total <= self._limit * _KEEP:
                    break
                with suppress(OSError):
                    os.unlink(path)
                    total -= size
                    deleted += 1
        with self._lock:
            self._counted = total
        return deleted

    def _files(self) -> list[tuple[float, int, str]]:
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = f"{folder}/{name}"
                with suppress(OSError):
                    status = os.stat(path)
                    found.append((status.st_mtime, status.st_size, path))
        return found

    def _path(self, photo_id: int, version: str, longest: int) -> Path:
        name = content_hash(f"{_REVISION} {photo_id} {version} {longest}".encode()).hex()
        return self._folder / name[:2] / f"{name}.jpg"
