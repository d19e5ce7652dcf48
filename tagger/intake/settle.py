"""When a file that just appeared stands still; pure, with time and `stat` handed in.

A path counts as settled when its size and its times were the same at two looks at least `seconds` apart, whatever
events came in between: events only say where to look.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Path = TypeVar("Path", bound=Hashable)
# What `stat` says that changes with every write: size, mtime_ns, ctime_ns.
Stamp = tuple[int, int, int]


@dataclass(slots=True)
class _Waiting:
    stamp: Stamp | None
    since: float
    check_at: float


class Settler(Generic[Path]):
    """Paths that are waiting to stand still. All times are of one clock that never jumps, in seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # The first look is not at once, because the events of one file come in a burst.
        self._first = min(1.0, seconds)
        self._waiting: dict[Path, _Waiting] = {}
        self._heap: list[tuple[float, int, Path]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def notice(self, path: Path, now: float) -> None:
        """Something happened to a path. Known ones keep their turn, so that a stream of events delays nobody."""
        if path not in self._waiting:
            self._waiting[path] = _Waiting(None, now, now + self._first)
            self._push(path, now + self._first)

    def forget(self, path: Path) -> None:
        """The path is gone."""
        self._waiting.pop(path, None)

    def next_check(self) -> float | None:
        """When `check` should be called again; None while nothing waits."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def check(
        self, now: float, look: Callable[[Path], Stamp | None], limit: int = 1000
    ) -> tuple[list[Path], list[Path]]:
        """Look at the paths whose turn it is, at most `limit`: (those that settled, those that are gone).

        `look` returns the path's stamp, or None if there is nothing any more.
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
