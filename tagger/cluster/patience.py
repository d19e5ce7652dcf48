"""Waiting for a database that is away for a moment, as one is that is restarted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tagger.core.clock import Clock
from tagger.core.errors import StoreError

# A database that is restarted is back by then.
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 2.0

T = TypeVar("T")


def patiently(action: Callable[[], T], clock: Clock) -> T:
    """What `action` returns, which is tried for two minutes. Raises StoreError as it does after that."""
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return action()
        except StoreError:
            if clock.monotonic() > deadline:
                raise
        clock.sleep(PAUSE_SECONDS)
