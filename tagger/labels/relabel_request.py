"""A request for relabelling that outlives the process: asked for now, done by whoever holds the work lock next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.labels.relabel import Relabelled, relabel
from tagger.store.session import Store

# Is there while rules were changed and not yet applied, so that a crash does not lose it.
_DUE_FILE = "relabel.due"


def ask_for(data_dir: Path) -> None:
    """Note that rules were changed: the library is to be relabelled. Raises OSError."""
    (data_dir / _DUE_FILE).touch()


def is_due(data_dir: Path) -> bool:
    """Whether somebody asked for it, and it is not done."""
    return (data_dir / _DUE_FILE).exists()


def relabel_due(
    store: Store, settings: Settings, report: Callable[[int, int], None], stop: Callable[[], bool], clock: Clock
) -> Relabelled:
    """Relabel because somebody asked for it; what is asked meanwhile is due again. As `relabel` otherwise."""
    file = settings.data_dir / _DUE_FILE
    before = file.stat().st_mtime_ns if file.exists() else None
    result = relabel(store, settings, report, stop, clock)
    if not result.interrupted and file.exists() and file.stat().st_mtime_ns == before:
        file.unlink()
    return result
