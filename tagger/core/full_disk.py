"""Which disk is full: the one sentence for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tagger.core.errors import StoreError
from tagger.core.paths import shown_path

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException) -> bool:
    """Whether there is no room, or no quota, for what was to be written."""
    return isinstance(error, OSError) and error.errno in _FULL


def full_disk(
    path: str | Path, what: str, cure: str = "Free some space there and try again; nothing was lost."
) -> StoreError:
    """The error for a disk without room. `path`: the file or folder that was to be written; `what`: what needs it."""
    folder = _folder_of(os.fspath(path))
    mount = _mount_point(folder)
    disk = "" if mount == folder else f" (mounted at {shown_path(mount)})"
    return StoreError(
        f"The disk that holds {shown_path(folder)}{disk} is full, and {what} has to be written there.", cure
    )


def _folder_of(path: str) -> str:
    """The folder that there is."""
    path = os.path.abspath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _mount_point(folder: str) -> str:
    while not os.path.ismount(folder):
        folder = os.path.dirname(folder)
    return folder
