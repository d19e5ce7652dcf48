"""What long work reports to, and asks whether it is to go on. Silent unless somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Units done, and how many there are in all.
OnProgress = Callable[[int, int], None]
# Bytes that are here, and how many there will be (None: not known).
OnDownload = Callable[[int, int | None], None]
# What is being done, units done, and how many there are in all.
OnStage = Callable[[str, int, int], None]
# Whether to end early, at the next place where nothing is half done.
StopCheck = Callable[[], bool]


def ignore_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


def ignore_download(_done: int, _total: int | None) -> None:
    """Nobody watches."""


def ignore_stage(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def never_stop() -> bool:
    """Nobody asks for an early end."""
    return False


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The caller's side of long work. Every part may be left out. They may be called from any thread."""

    on_progress: OnProgress = ignore_progress
    on_download: OnDownload = ignore_download
    stop: StopCheck = never_stop


SILENT = Callbacks()
