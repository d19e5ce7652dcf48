"""Small copies of the library's photos: what is quick is made at once, what is slow or broken behind everything else.

Browsers ask for six pictures of a page at a time, and a few processes make them: some that take a minute each would
hold up all others. So a picture that is not made within `QUICK` goes to a process of its own, one after another, and so
does every photo that could not be labelled. What failed is known for an hour, by the file's version.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.sentences import Sentence
from tagger.imaging.thumbnails import Thumbnailer, ThumbnailError, TooSlowError
from tagger.store.records import PhotoRecord
from tagger.web.opened_photo import MissingError, opened
from tagger.web.picture_cache import PictureCache

# Seconds for a photo that others wait for.
QUICK = 2.0
_KNOWN = 3600.0
_MOST = 10_000
# Larger ones would drive all others out of the cache; browsers keep them.
_LARGEST_KEPT = 2000
_Key = tuple[int, str]
_Known = TypeVar("_Known")


class LaterError(ThumbnailError):
    """The picture is being made behind others. `answer`: where it will be, or the ThumbnailError that came instead."""

    def __init__(self, answer: Future[bytes]) -> None:
        super().__init__(Sentence("The picture is still being made."))
        self.answer = answer


class Pictures:
    """The pictures that are kept, and the processes that make others. Thread-safe."""

    def __init__(self, settings: Settings, clock: Clock, processes: int, quick: float = QUICK) -> None:
        self._clock = clock
        self._quick = quick
        self._cache = PictureCache(settings.data_dir, settings.web.cache_mb << 20, clock)
        self._makers = Thumbnailer(settings, clock, processes)
        self._slow_maker = Thumbnailer(settings, clock, 1)
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="slow-pictures")
        self._lock = threading.Lock()
        self._waiting: dict[tuple[_Key, int], Future[bytes]] = {}
        self._failed: OrderedDict[_Key, tuple[float, ThumbnailError]] = OrderedDict()
        self._slow: OrderedDict[_Key, None] = OrderedDict()

    def picture(self, record: PhotoRecord, longest: int) -> bytes:
        """A JPEG whose longer side is at most `longest` pixels: the one that is kept, or a new one.

        Raises ThumbnailError, at once for what failed before; LaterError if it takes long.
        """
        key = record.id, record.fingerprint.version
        kept = self._cache.get(*key, longest)
        if kept is not None:
            return kept
        self._raise_what_is_known(key)
        if key in self._slow or record.state == "failed":
            raise LaterError(self._later(record, longest))
        try:
            return self._made(self._makers, record, longest, self._quick)
        except TooSlowError as error:
            with self._lock:
                self._slow[key] = None
                _trim(self._slow)
            raise LaterError(self._later(record, longest)) from error

    def rest(self) -> None:
        """End idle processes, and delete pictures that are too many. Call it regularly."""
        self._makers.rest()
        self._slow_maker.rest()
        self._cache.trim()

    def close(self) -> None:
        """End the processes. What was to be made is not."""
        self._behind.shutdown(wait=False, cancel_futures=True)
        self._makers.close()
        self._slow_maker.close()

    def _raise_what_is_known(self, key: _Key) -> None:
        with self._lock:
            found = self._failed.get(key)
            if found is not None and self._clock.monotonic() - found[0] < _KNOWN:
                raise found[1].with_traceback(None)

    def _later(self, record: PhotoRecord, longest: int) -> Future[bytes]:
        key = (record.id, record.fingerprint.version), longest
        with self._lock:
            found = self._waiting.get(key)
            if found is None:
                found = self._waiting[key] = self._behind.submit(self._made_behind, record, longest)
            return found

    def _made_behind(self, record: PhotoRecord, longest: int) -> bytes:
        try:
            # Another size of it may have failed meanwhile.
            self._raise_what_is_known((record.id, record.fingerprint.version))
            return self._made(self._slow_maker, record, longest, None)
        finally:
            with self._lock:
                self._waiting.pop(((record.id, record.fingerprint.version), longest), None)

    def _made(self, maker: Thumbnailer, record: PhotoRecord, longest: int, seconds: float | None) -> bytes:
        key = record.id, record.fingerprint.version
        try:
            with opened(record.path) as descriptor:
                # The child gets the open file, because the name may lead elsewhere in the meantime.
                here = f"/proc/{os.getpid()}/fd/{descriptor}"
                data = maker.small_copy(here, os.path.basename(record.path.relative), longest, seconds)
        except (MissingError, TooSlowError):
            raise
        except ThumbnailError as error:
            with self._lock:
                self._failed[key] = self._clock.monotonic(), error
                _trim(self._failed)
            raise
        # Who waits for a slow one asks again, and must find it.
        if longest <= _LARGEST_KEPT or seconds is None:
            self._cache.put(*key, longest, data)
        return data


def _trim(known: OrderedDict[_Key, _Known]) -> None:
    while len(known) > _MOST:
        known.popitem(last=False)
