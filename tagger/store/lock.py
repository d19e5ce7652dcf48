"""The work locks of a library: lock files in the data directory, which the operating system frees on any death."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tagger.core.clock import SystemClock
from tagger.core.errors import BusyError, StoreError

# Labelling holds the first, writing keywords the second.
LOCK_FILE = "work.lock"
WRITE_LOCK = "write.lock"
TRAIN_LOCK = "train.lock"


def worker_name(data_dir: Path) -> str:
    """The lease owner of the holder of a lock: the same after a crash, so that it can reclaim its jobs."""
    return f"{socket.gethostname()[:24]}:{data_dir}"[-64:]


@contextmanager
def work_lock(data_dir: Path, command: str, name: str = LOCK_FILE) -> Iterator[None]:
    """Hold a lock of the library. Raises BusyError, naming its holder, if it is taken."""
    path = data_dir / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The lock file {path} cannot be opened: {error.strerror}.",
            "Check the data directory's permissions.",
        ) from error
    try:
        _lock(descriptor, path)
        os.ftruncate(descriptor, 0)
        about = {"pid": os.getpid(), "command": command, "since": int(SystemClock().now())}
        os.write(descriptor, json.dumps(about).encode())
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    clock = SystemClock()
    for last in (False, False, True):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StoreError(f"{path} cannot be locked: {error.strerror}.") from error
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
