"""How long a file must stand still before it is labelled (`intake.settle_seconds`). Pure: reads no clock, no disk.

The setting is applied at three places, each by what it can know:

- Watch events: `Settler` compares two `stat` results at least `settle_seconds` apart. Events only say where to look.
- Scans: `is_fresh` hands recently changed files to the `Settler` while the service runs. A command that scans without
  a `Settler` queues them instead, with a job that is not due before the file has settled (`tagger.store.photos`).
- Opening a file: the feature worker answers "later" where the file `is_unsettled` (`tagger.inference.processes`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tagger.core.photo import Fingerprint

Path = TypeVar("Path", bound=Hashable)
# What every write changes, from `stat`: size, mtime_ns, ctime_ns.
Stamp = tuple[int, int, int]
# A scan takes time between `stat` and the database, so it leaves more files to the `Settler` than need be.
_FRESH_SECONDS = 10.0


def last_change(fingerprint: Fingerprint) -> float:
    """When the file or its metadata last changed, in seconds since the epoch."""
    return max(fingerprint.mtime_ns, fingerprint.ctime_ns or 0) / 1e9


def is_fresh(fingerprint: Fingerprint, now: float, settle_seconds: float) -> bool:
    """Whether a scan leaves the file to the `Settler`: it changed a moment ago, or its times are in the future."""
    return now - last_change(fingerprint) < max(_FRESH_SECONDS, 2 * settle_seconds)


def is_unsettled(fingerprint: Fingerprint, now: float, settle_seconds: float) -> bool:
    """Whether the file was modified within the last `settle_seconds`.

    A time in the future counts as settled: a camera's clock that ran ahead must not keep a photo waiting.
    """
    return 0 <= now - fingerprint.mtime_ns / 1e9 < settle_seconds


@dataclass(slots=True)
class _Waiting:
    stamp: Stamp | None
    since: float
    check_at: float


class Settler(Generic[Path]):
    """Paths waiting to settle: until two looks at least `seconds` apart give the same stamp.

    All times are in seconds of one monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # Not looked at immediately, because one file's events come in a burst.
        self._first = min(1.0, seconds)
        self._waiting: dict[Path, _Waiting] = {}
        self._heap: list[tuple[float, int, Path]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def notice(self, path: Path, now: float) -> None:
        """Wait for a path, after an event. A path already waiting keeps its turn: a stream of events delays nothing."""
        if path not in self._waiting:
            self._waiting[path] = _Waiting(None, now, now + self._first)
            self._push(path, now + self._first)

    def forget(self, path: Path) -> None:
        """Stop waiting for a path, because it was deleted."""
        self._waiting.pop(path, None)

    def next_check(self) -> float | None:
        """When to call `check` next; None if no path is waiting."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def check(
        self, now: float, look: Callable[[Path], Stamp | None], limit: int = 1000
    ) -> tuple[list[Path], list[Path]]:
        """Look at the paths that are due, at most `limit`. Returns (settled paths, deleted paths).

        `look` returns the path's current stamp, or None if the path does not exist.
        """
        settled: list[Path] = []
        gone: list[Path] = []
        for _ in range(limit):
            at = self.next_check()
            if at is None or at > now:
                break
            path = heapq.heappop(self._heap)[2]
            waiting = self._waiting[path]
            stamp = look(path)
            if stamp is None:
                del self._waiting[path]
                gone.append(path)
            elif stamp == waiting.stamp and now - waiting.since >= self._seconds:
                del self._waiting[path]
                settled.append(path)
            else:
                if stamp != waiting.stamp:
                    waiting.stamp, waiting.since = stamp, now
                waiting.check_at = waiting.since + self._seconds
                self._push(path, waiting.check_at)
        return settled, gone

    def _push(self, path: Path, at: float) -> None:
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, path))

    def _is_current(self, item: tuple[float, int, Path]) -> bool:
        waiting = self._waiting.get(item[2])
        return waiting is not None and waiting.check_at == item[0]
