"""The parent's handle on the processes that make small copies of photos."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection

from tagger.clock import Clock
from tagger.config import Settings
from tagger.errors import TaggerError
from tagger.machine import usable_cores
from tagger.vision.child import how_it_ended, spawn
from tagger.vision.protocol import receive, send

LOG_FILE = "thumbnailer.log"
# A decoder ends itself after limits.decode_seconds; one that does not is ended after so many more.
_PATIENCE = 15.0


class ThumbnailError(TaggerError):
    """There is no small copy of this photo. The message says why."""


class Thumbnailer:
    """Makes small copies in a few child processes, started when needed. May be used from several threads.

    `processes`: at most so many of them.
    """

    def __init__(self, settings: Settings, clock: Clock, processes: int = 2) -> None:
        self._settings = settings
        self._clock = clock
        self._children = [_Child(settings) for _ in range(max(1, min(processes, int(usable_cores()))))]
        self._free = threading.Semaphore(len(self._children))
        self._taking = threading.Lock()
        self._last_used = clock.monotonic()

    def small_copy(self, path: str, name: str, longest: int) -> bytes:
        """A JPEG of the photo at a path, upright, its longer side at most `longest` pixels. Raises ThumbnailError."""
        with self._child() as child:
            return child.small_copy(path, name, longest)

    def rest(self) -> None:
        """End the processes if there was nothing to do for a while. To be called now and then."""
        if self._clock.monotonic() - self._last_used > self._settings.web.idle_seconds:
            self.close()

    def close(self) -> None:
        """End the processes; the next copy starts one again."""
        for child in self._children:
            if child.lock.acquire(timeout=_PATIENCE):
                try:
                    child.end()
                finally:
                    child.lock.release()

    @contextmanager
    def _child(self) -> Iterator[_Child]:
        with self._free:
            with self._taking:
                # As many are free as the semaphore lets through, but for the moment in which one is being ended.
                child = next((one for one in self._children if one.lock.acquire(blocking=False)), None)
                if child is None:
                    child = self._children[0]
                    child.lock.acquire()
            try:
                yield child
            finally:
                self._last_used = self._clock.monotonic()
                child.lock.release()


class _Child:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self.lock = threading.Lock()

    def small_copy(self, path: str, name: str, longest: int) -> bytes:
        try:
            channel = self._started()
            send(channel, "photo", path=path, name=name, longest=longest)
            if not channel.poll(self._settings.limits.decode_seconds + _PATIENCE):
                self.end()
                raise ThumbnailError("The picture takes too long to decode.")
            reason = receive(channel)["reason"]
            data = channel.recv_bytes()
        except (EOFError, OSError, ValueError, KeyError) as error:
            how = "cannot be started" if self._process is None else how_it_ended(self._process)
            self.end()
            raise ThumbnailError(f"The process that decodes pictures {how}.") from error
        if reason:
            raise ThumbnailError(f"The picture cannot be shown: {reason}.")
        return data

    def end(self) -> None:
        """End the process, at once: nothing that it does is worth waiting for."""
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
            self._process, self._channel = spawn("tagger.vision.thumbnailer", data_dir, data_dir / LOG_FILE)
            send(self._channel, "limits", limits=self._settings.limits.model_dump())
        return self._channel
