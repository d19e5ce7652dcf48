"""The only place that asks for the time or sleeps, so that tests can pass time by hand."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of tagger knows of time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC: what is stored."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump: what intervals are measured with."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for real."""
        time.sleep(seconds)


def local_time(seconds: float) -> str:
    """Seconds since the epoch as the wall clock here shows it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
