"""The months of the library, counted now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from tagger.core.clock import Clock
from tagger.store.reader import Reader
from tagger.store.timeline import Timeline, timeline_of

# Seconds for which the counts stay; counting a million photos takes a twentieth of a second.
_FRESH = 30.0


class TimelineCache:
    """The months, counted anew after half a minute. Thread-safe."""

    def __init__(self, reader: Callable[[], AbstractContextManager[Reader]], clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, Timeline] | None = None

    def get(self) -> Timeline:
        """The months. Raises NoLibraryError, StoreError."""
        with self._lock:
            now = self._clock.monotonic()
            if self._known is None or now - self._known[0] > _FRESH:
                with self._reader() as reader:
                    self._known = now, timeline_of(reader)
            return self._known[1]
