"""Where files go that are only of use to this process, or can be made anew."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path


def scratch(data_dir: Path) -> Path:
    """The data directory; where it is read-only (a snapshot, another user's), a temporary folder instead of it."""
    there = data_dir.absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    return data_dir if os.access(there, os.W_OK | os.X_OK) else temporary_folder()


def temporary_folder() -> Path:
    """A folder that is removed at the end of this process."""
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tagger-")
