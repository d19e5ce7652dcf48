"""Time that a test sets, and that passes when somebody waits."""

from __future__ import annotations


class Clock:
    """A clock at `time`, in seconds since the epoch."""

    def __init__(self, time: float = 0.0) -> None:
        self.time = time

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        # At least a little, so that a loop that waits for nothing comes to its end.
        self.time += max(seconds, 0.01)
