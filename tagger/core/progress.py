"""Callbacks of long work: to report progress, and to ask whether to stop. All have silent defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Units done, and their total.
OnProgress = Callable[[int, int], None]
# Bytes downloaded, and their total (None: unknown).
OnDownload = Callable[[int, int | None], None]
# What is being done, units done, and how many there are in all.
OnStage = Callable[[str, int, int], None]
# Whether to stop early, at the next place where nothing is half done.
StopCheck = Callable[[], bool]


def ignore_progress(_done: int, _total: int) -> None:
    """The default of `on_progress`: do nothing."""


def ignore_download(_done: int, _total: int | None) -> None:
    """The default of `on_download`: do nothing."""


def ignore_stage(_stage: str, _done: int, _total: int) -> None:
    """The default of `on_progress`: do nothing."""


def never_stop() -> bool:
    """The default of `stop`: False."""
    return False


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callbacks of long work. Each has a silent default. May be called from any thread."""

    on_progress: OnProgress = ignore_progress
    on_download: OnDownload = ignore_download
    stop: StopCheck = never_stop


SILENT = Callbacks()
