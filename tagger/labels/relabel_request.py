"""A request to relabel that survives the process: noted in a file, served by the next holder of the work lock."""

from __future__ import annotations

from pathlib import Path

from tagger.core.progress import SILENT, Callbacks
from tagger.labels.relabel import Relabelled, relabel
from tagger.store.library import Library

# Exists while changed rules are not yet applied, so that a crash does not lose the request.
_DUE_FILE = "relabel.due"


def ask_for(data_dir: Path) -> None:
    """Request a relabelling because rules changed. Raises OSError."""
    (data_dir / _DUE_FILE).touch()


def is_due(data_dir: Path) -> bool:
    """Whether a request is open."""
    return (data_dir / _DUE_FILE).exists()


def relabel_due(library: Library, callbacks: Callbacks = SILENT) -> Relabelled:
    """Serve the open request as `relabel` does. A request made meanwhile stays open."""
    file = library.settings.data_dir / _DUE_FILE
    before = file.stat().st_mtime_ns if file.exists() else None
    result = relabel(library, callbacks)
    if not result.interrupted and file.exists() and file.stat().st_mtime_ns == before:
        file.unlink()
    return result
