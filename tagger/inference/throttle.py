"""Holding a process to a share of the machine's CPU time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tagger.core.clock import Clock, SystemClock

# So much CPU time may be saved up while there was nothing to do, and be used at once.
_BURST_SECONDS = 1.0
# Waits are not cut finer, nor is a sign of life given later.
_LEAST_SECONDS, _SLICE_SECONDS = 0.001, 5.0


class Throttle:
    """Lets threads go on only while the whole process has used less than its share of CPU time.

    `cores`: how many cores the process may use at all; `share`: of these, more than 0 up to 1 (no limit). Decoding and
    inference ask before each piece of work, so together they use `share * cores` seconds of CPU time a second, averaged
    over a few pieces.
    """

    def __init__(
        self,
        share: float,
        cores: float,
        clock: Clock | None = None,
        cpu_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._rate = share * cores
        self._limited = share < 1
        self._clock = clock or SystemClock()
        self._cpu_time = cpu_time
        self._lock = threading.Lock()
        self._moment = self._clock.monotonic()
        self._used = cpu_time()
        self._credit = 0.0

    def wait(self, alive: Callable[[], None]) -> None:
        """Wait until more may be used; `alive` is called every few seconds meanwhile."""
        while self._limited and (seconds := self._owed()) > 0:
            self._clock.sleep(min(max(seconds, _LEAST_SECONDS), _SLICE_SECONDS))
            alive()

    def _owed(self) -> float:
        """The seconds until what was used is paid for."""
        with self._lock:
            moment, used = self._clock.monotonic(), self._cpu_time()
            earned = (moment - self._moment) * self._rate
            self._credit = min(self._credit + earned - (used - self._used), _BURST_SECONDS * self._rate)
            self._moment, self._used = moment, used
            return -self._credit / self._rate
