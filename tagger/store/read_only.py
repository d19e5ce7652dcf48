"""A library that can only be read: on a snapshot, a mount without writing, or as another user."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

from tagger.core.errors import StoreError
from tagger.core.os_words import why
from tagger.system.scratch import temporary_folder

_BUSY_SECONDS = 10


def why_read_only(path: Path) -> str:
    """Why an SQLite database that is there cannot be written to, for people; empty if it can."""
    folder = path.absolute().parent
    # SQLite keeps its write-ahead log beside the file.
    if os.access(path, os.W_OK) and os.access(folder, os.W_OK | os.X_OK):
        return ""
    return why_not_writable(folder)


def why_not_writable(folder: Path) -> str:
    """Why nothing can be written in a folder, for people."""
    with contextlib.suppress(OSError):
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return "its disk is mounted read-only"
    return "this user may not write there"


def cannot_write(path: Path, why: str) -> StoreError:
    """The error of a command that must write."""
    return StoreError(
        f"The library {path} can only be read: {why}.",
        "Searching, showing and exporting work. For anything else, copy its folder to a place where this user may "
        "write, and name it with --data-dir.",
    )


def older(path: str, why: str) -> StoreError:
    """The error of an older tagger's library, which cannot be brought up to date."""
    return StoreError(
        f"{path} was written by an older tagger and must be brought up to date first, but {why}.",
        "Copy its folder to a place where this user may write, and name it with --data-dir.",
    )


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a database for reading alone, whatever may be written beside it. Raises sqlite3.Error, StoreError."""
    error: sqlite3.OperationalError | None = None
    for address in _addresses(path):
        connection = sqlite3.connect(
            address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except sqlite3.OperationalError as found:
            connection.close()
            if not _cannot_open(found):
                raise
            error = found
        else:
            return connection
    assert error is not None
    raise error


def _addresses(path: Path) -> list[str]:
    """What to try: as it is; where the log's index cannot be made (a read-only folder), without, or from a copy."""
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro"
    if not why_read_only(path):
        return [address]
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size and not path.with_name(f"{path.name}-shm").exists():
        # The log holds what was written last, and is no use to SQLite without an index beside it.
        return [f"file:{quote(os.fsencode(_copy(path, log) / path.name))}?mode=ro"]
    if log.exists() and log.stat().st_size:
        return [address]
    # Nobody can be writing there, so the file is as good as immutable.
    return [address, f"{address}&immutable=1"]


@cache
def _copy(path: Path, log: Path) -> Path:
    """A folder with a copy of a database and its log, as long as this process lives."""
    folder = Path(tempfile.mkdtemp(dir=temporary_folder()))
    try:
        shutil.copyfile(path, folder / path.name)
        shutil.copyfile(log, folder / log.name)
    except OSError as error:
        raise StoreError(
            f"{path} can only be read, so it must be copied to {folder}, and that failed: {why(error)}.",
            "Name a folder with more space in the variable TMPDIR.",
        ) from error
    return folder


def _cannot_open(error: sqlite3.OperationalError) -> bool:
    return any(text in str(error) for text in ("unable to open", "readonly"))
