"""Turn Ctrl-C and SIGTERM into a flag, so that long work can stop where nothing is half done."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class StopFlag:
    """Set by the first Ctrl-C or SIGTERM. The second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.is_set = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.is_set


@contextmanager
def stop_on_signals(on_stop: Callable[[], None]) -> Iterator[StopFlag]:
    """Set a flag on Ctrl-C and SIGTERM during the block. `on_stop` is called for the first signal."""
    flag = StopFlag()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if flag.is_set:
            raise KeyboardInterrupt
        flag.is_set = True
        on_stop()

    before: dict[signal.Signals, Any] = {kind: signal.signal(kind, handle) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
