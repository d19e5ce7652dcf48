"""Replace small files so that each is the old one or the new one at every moment, after a power cut too."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from tagger.core.full_disk import is_full

_NAME = ".{name}.{pid}.{token}.tmp"
_OURS = re.compile(r"\..*\.\d+\.[0-9a-f]{8}\.tmp", re.DOTALL)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o666, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary file beside `path` to write to. At the end of the block it replaces `path`, unless it raised.

    Creates the folder if needed. The new file gets the old one's owner, permissions and attributes; without an old one
    it has `mode`, less the umask. If `path` is a link, the file that it leads to is replaced. `durable` False: for
    copies that can be made again; nothing is synced. Raises OSError.
    """
    path = Path(os.path.realpath(path))
    _make_folder(path.parent)
    if durable:
        remove_leftovers(path.parent)
    temporary, lock = _locked(path, mode)
    try:
        yield temporary
        _keep_attributes(temporary, path)
        if durable:
            sync_file(temporary)
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and is_full(error):
            # A write to an open file does not say which.
            error.filename = os.fspath(path)
        raise
    finally:
        os.close(lock)
        temporary.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path | str) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # The error of network file systems that cannot sync a folder.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files of `replacing` whose process was killed; returns how many.

    A living process holds a lock on its own. Where locks do not work they stay.
    """
    removed = 0
    for name in os.listdir(folder):
        if not _OURS.fullmatch(name):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(folder / name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(folder / name)
                removed += 1
            finally:
                os.close(descriptor)
    return removed


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _locked(path: Path, mode: int) -> tuple[Path, int]:
    """A new temporary file, and a descriptor that holds a lock on it."""
    while True:
        # A name of 255 bytes is allowed, and this one is longer than the file's.
        name = _NAME.format(name=path.name[:40], pid=os.getpid(), token=uuid.uuid4().hex[:8])
        temporary = path.with_name(name)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with contextlib.suppress(OSError):
            # Not on every file system; then nobody removes it for a leftover.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if temporary.exists():
            return temporary, descriptor
        # Another process took it for a leftover, before it was locked.
        os.close(descriptor)


def _keep_attributes(temporary: Path, old: Path) -> None:
    try:
        before = old.stat()
    except FileNotFoundError:
        return
    now = temporary.stat()
    if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
        # Only root may give a file away; whoever may write here at all is trusted with the new one.
        with contextlib.suppress(PermissionError):
            os.chown(temporary, -1, before.st_gid)
        with contextlib.suppress(PermissionError):
            os.chown(temporary, before.st_uid, -1)
    temporary.chmod(stat.S_IMODE(before.st_mode))
    # Access lists among them. Not every file system has any, and the system's own cannot be set.
    with contextlib.suppress(OSError):
        for name in os.listxattr(old):
            with contextlib.suppress(OSError):
                os.setxattr(temporary, name, os.getxattr(old, name))
