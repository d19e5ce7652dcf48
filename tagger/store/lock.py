"""The work locks of a library: lock files in the data directory, which the operating system frees on any death."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagger.core.clock import SystemClock
from tagger.core.errors import BusyError, StoreError
from tagger.core.os_words import why
from tagger.store.read_only import cannot_write, why_not_writable

# Labelling holds the first, writing keywords the second.
LOCK_FILE = "work.lock"
WRITE_LOCK = "write.lock"
TRAIN_LOCK = "train.lock"


@contextmanager
def work_lock(data_dir: Path, command: str, name: str = LOCK_FILE) -> Iterator[str]:
    """Hold a lock of the library; the name of its holder as an owner of leases. Raises BusyError if it is taken.

    The name is `LOCK:TOKEN`: LOCK is the same for every holder of this lock, so that leases of an earlier one, which
    must be dead, are recognised (`jobs.reclaim`) whatever this machine or container is called now. TOKEN is this
    holder's alone.
    """
    path = data_dir / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise cannot_write(data_dir, why_not_writable(data_dir)) from error
        raise StoreError(
            f"The lock file {path} cannot be opened: {why(error)}.",
            "Check the data directory's permissions.",
        ) from error
    try:
        _lock(descriptor, path)
        lock = _identity(descriptor)
        os.ftruncate(descriptor, 0)
        about = {"pid": os.getpid(), "command": command, "since": int(SystemClock().now()), "lock": lock}
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
        yield f"{lock['id']}:{secrets.token_hex(8)}"
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> dict[str, str | int]:
    """What names this lock for ever: what its last holder wrote into it, or something new.

    A copy of a data directory is another lock, which the number of its file tells.
    """
    inode = os.fstat(descriptor).st_ino
    try:
        found = json.loads(os.pread(descriptor, 4096, 0))["lock"]
        if found["inode"] == inode and len(found["id"]) == 16:
            return {"id": found["id"], "inode": inode}
    except (ValueError, KeyError, TypeError):
        # It is new, an older tagger's, or its holder was killed before it had written.
        pass
    return {"id": secrets.token_hex(8), "inode": inode}


def _lock(descriptor: int, path: Path) -> None:
    clock = SystemClock()
    for last in (False, False, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StoreError(f"{path} cannot be locked: {why(error)}.") from error
            if last:
                doing = {WRITE_LOCK: "writing keywords", TRAIN_LOCK: "training"}
                what = doing.get(path.name, "at work on this library")
                raise BusyError(
                    f"Another tagger is {what}{_holder(path)}.",
                    "Wait for it or stop it; what you asked for is safe to run again.",
                ) from error
            # `holder` takes the lock for a moment to find out whether it is free.
            clock.sleep(0.05)
        else:
            return


def holder(data_dir: Path) -> str:
    """The holder of the lock, for `tagger status`; empty if it is free."""
    path = data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _holder(path).strip(" ()") or "another process"
    finally:
        os.close(descriptor)
    return ""


def _holder(path: Path) -> str:
    try:
        about = json.loads(path.read_text())
        return f" ({about['command']}, process {about['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
