"""What a single picture may cost: seconds, and memory together with the others that are decoded at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO

from tagger.core.clock import SystemClock
from tagger.imaging.errors import DecodeError, DecodeFault

_CLOCK = SystemClock()


class TooSlowError(Exception):
    """The time for one picture is over."""


class Deadline:
    """Ends a decoding that takes too long, at the next time that the decoder asks for data."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = _CLOCK.monotonic() + seconds

    def watching(self, source: IO[bytes]) -> WatchedFile:
        """The file, with the deadline looked at before each read."""
        return WatchedFile(source, self)

    def check(self) -> None:
        """Raise TooSlowError when the time is over."""
        if _CLOCK.monotonic() > self._end:
            raise TooSlowError


class WatchedFile:
    """Just what Pillow needs of a file."""

    def __init__(self, source: IO[bytes], deadline: Deadline) -> None:
        self._source = source
        self._deadline = deadline
        self.seek = source.seek
        self.tell = source.tell

    def read(self, count: int = -1) -> bytes:
        """As of any file."""
        self._deadline.check()
        return self._source.read(count)

    def readline(self, limit: int = -1) -> bytes:
        """As of any file."""
        self._deadline.check()
        return self._source.readline(limit)

    def close(self) -> None:
        """The file belongs to `open_photo`."""


class Budget:
    """Memory for all pictures that are decoded at the same time; who does not fit waits."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._condition = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold `size` bytes of the budget, waiting until they are free."""
        if size > self._total:
            raise DecodeError(
                DecodeFault.TOO_BIG,
                f"decoding it needs {size >> 20} MB, more than limits.memory_mb = {self._total >> 20}",
            )
        with self._condition:
            self._condition.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._condition:
                self._free += size
                self._condition.notify_all()


@cache
def budget(total: int) -> Budget:
    """The one budget of this process of so many bytes."""
    return Budget(total)
