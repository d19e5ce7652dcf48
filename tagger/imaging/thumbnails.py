"""Make thumbnails of photos in child processes."""

from __future__ import annotations

import queue
import subprocess
from contextlib import suppress
from multiprocessing.connection import Connection

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import TaggerError
from tagger.core.sentences import Sentence
from tagger.system.child_process import how_it_ended, receive, send, spawn
from tagger.system.machine import usable_cores
from tagger.system.scratch import scratch

LOG_FILE = "thumbnailer.log"
# The decoder gives up after limits.decode_seconds. A process that has not answered this much later is killed.
_PATIENCE = 15.0
# A process is there in half a second; a machine that is busy needs longer.
_STARTING = 60.0


class ThumbnailError(TaggerError):
    """A photo has no thumbnail. The message says why."""


class TooSlowError(ThumbnailError):
    """The thumbnail took longer than it was given; the process that made it was ended."""


class Thumbnailer:
    """Makes thumbnails in up to `processes` child processes, which are started when needed. Thread-safe."""

    def __init__(self, settings: Settings, clock: Clock, processes: int = 2) -> None:
        self._settings = settings
        self._clock = clock
        # Last in, first out: the process used last is reused, so that others need not be started.
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()
        self._count = max(1, min(processes, int(usable_cores())))
        for _ in range(self._count):
            self._idle.put(_Child(settings))
        self._last_used = clock.monotonic()

    def small_copy(self, path: str, name: str, longest: int, seconds: float | None = None) -> bytes:
        """A JPEG of the photo at a path, upright, its longer side at most `longest` pixels.

        Raises ThumbnailError; TooSlowError if it takes longer than `seconds`, if that is less than decoding may take.
        """
        child = self._idle.get()
        try:
            return child.small_copy(path, name, longest, seconds)
        finally:
            self._last_used = self._clock.monotonic()
            self._idle.put(child)

    def rest(self) -> None:
        """End the processes if they have been idle for web.idle_seconds. Call it regularly."""
        if self._clock.monotonic() - self._last_used > self._settings.web.idle_seconds:
            self.close()

    def close(self) -> None:
        """End the processes. The next thumbnail starts one again."""
        resting: list[_Child] = []
        with suppress(queue.Empty):
            # A process that is busy for longer ends with this one, which holds the other end of its connection.
            while len(resting) < self._count:
                resting.append(self._idle.get(timeout=_PATIENCE))
        for child in resting:
            child.end()
            self._idle.put(child)


class _Child:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None

    def small_copy(self, path: str, name: str, longest: int, seconds: float | None) -> bytes:
        limit = self._settings.limits.decode_seconds + _PATIENCE
        try:
            # That a process must be started first is not the picture's fault.
            channel = self._started()
            send(channel, "photo", path=path, name=name, longest=longest)
            given = limit if seconds is None else min(limit, seconds)
            if not channel.poll(given):
                self.end()
                kind = ThumbnailError if given == limit else TooSlowError
                raise kind(Sentence("The picture takes too long to decode."))
            reason = receive(channel)["reason"]
            data = channel.recv_bytes()
        except (EOFError, OSError, ValueError, KeyError) as error:
            how = "cannot be started" if self._process is None else how_it_ended(self._process)
            self.end()
            raise ThumbnailError(f"The process that decodes pictures {how}.") from error
        if reason:
            raise ThumbnailError(Sentence("The picture cannot be shown: {why}.", why=Sentence(str(reason))))
        return data

    def end(self) -> None:
        """Kill the process."""
        if self._channel is not None:
            with suppress(OSError):
                self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> Connection:
        if self._process is not None and self._process.poll() is not None:
            self.end()
        if self._channel is None:
            data_dir = self._settings.data_dir
            self._process, self._channel = spawn(
                "tagger.imaging.thumbnail_process", data_dir, scratch(data_dir) / LOG_FILE
            )
            send(self._channel, "limits", limits=self._settings.limits.model_dump())
            if not self._channel.poll(_STARTING):
                raise EOFError
            receive(self._channel)
        return self._channel
