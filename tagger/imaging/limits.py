"""Limits of decoding: seconds for each picture, and memory for all that are decoded at the same time."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO

from tagger.core.clock import SystemClock

_CLOCK = SystemClock()


class TooSlowError(Exception):
    """Decoding one picture took too long."""


class Deadline:
    """Aborts decoding that takes too long, when the decoder next reads from the file."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = _CLOCK.monotonic() + seconds

    def watching(self, source: IO[bytes]) -> WatchedFile:
        """The file, checking the deadline before each read."""
        # A file in memory has no descriptor, and needs none.
        return WatchedFile(source, self) if isinstance(source, io.BytesIO) else WatchedDescriptor(source, self)

    def restart(self) -> None:
        """Begin to count anew: waiting for other pictures is not decoding."""
        self._end = _CLOCK.monotonic() + self.seconds

    def check(self) -> None:
        """Raise TooSlowError if the time is over."""
        if _CLOCK.monotonic() > self._end:
            raise TooSlowError


class WatchedFile:
    """A file that checks a deadline before each read; has only the methods that Pillow needs."""

    def __init__(self, source: IO[bytes], deadline: Deadline) -> None:
        self._source = source
        self._deadline = deadline
        self.seek = source.seek
        self.tell = source.tell

    def read(self, count: int = -1) -> bytes:
        """Read, after checking the deadline."""
        self._deadline.check()
        return self._source.read(count)

    def readline(self, limit: int = -1) -> bytes:
        """Read, after checking the deadline."""
        self._deadline.check()
        return self._source.readline(limit)

    def close(self) -> None:
        """Do nothing: `open_photo` closes the file."""


class WatchedDescriptor(WatchedFile):
    """A watched file that decoders may read by its descriptor, so that they need not hold all its bytes in memory."""

    def __init__(self, source: IO[bytes], deadline: Deadline) -> None:
        super().__init__(source, deadline)
        self.fileno = source.fileno


class Budget:
    """A memory limit for all pictures that are decoded at the same time. A picture that does not fit waits."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._condition = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes of the budget, which has as many, are free, and hold them during the block."""
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
    """This process's one budget of `total` bytes."""
    return Budget(total)
