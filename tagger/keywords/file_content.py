"""Reading files that other programs may write to at any time: their bytes, their identity and their hash."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tagger.core.formats import SNIFF_BYTES
from tagger.core.hashing import content_hash, content_hash_of_open, content_hash_of_parts
from tagger.keywords.metadata.splices import Splice, pieces

BLOCK = 1 << 20
_LENT_BYTES = 16 << 20


class UnwritableError(Exception):
    """A file that is not written to, and why, as a sentence without its full stop."""


class ChangedError(Exception):
    """The file is not the one that was read: somebody wrote to it, moved it or deleted it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be replaced: its path, the hash of its bytes, and its status when it was read."""

    path: str
    hash: bytes
    status: os.stat_result


@dataclass(frozen=True)
class Content:
    """A file's bytes, and its status, which was the same before and after they were read.

    `known_hash`: the hash of the bytes, if it is known without computing it.
    """

    path: str
    data: bytes | memoryview
    status: os.stat_result
    known_hash: bytes | None = None

    @cached_property
    def hash(self) -> bytes:
        """The content hash of the bytes."""
        return self.known_hash or content_hash(self.data)

    @property
    def source(self) -> Source:
        """The file as something to replace."""
        return Source(self.path, self.hash, self.status)


def read_sidecar(path: str, max_bytes: int, *, lent: bool = False) -> Content:
    """Read a sidecar, as `read_content` does. Raises UnwritableError if it is a link, too."""
    try:
        return read_content(path, max_bytes, lent=lent)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnwritableError("it is a link") from error
        raise


class _Lent(threading.local):
    """A thread's buffers: allocating memory for each of a thousand photos takes longer than reading them."""

    buffer = bytearray()
    block = bytearray()


_LENT = _Lent()


def lent_block() -> memoryview:
    """This thread's buffer of `BLOCK` bytes, for one use at a time."""
    if not _LENT.block:
        _LENT.block = bytearray(BLOCK)
    return memoryview(_LENT.block)


def read_content(
    path: str,
    max_bytes: int,
    limit: int | None = None,
    *,
    only_if: Callable[[bytes], bool] | None = None,
    lent: bool = False,
) -> Content:
    """Read a regular file without following links. `limit`: read no more than this many bytes from its start.

    `only_if`: called with the first `SNIFF_BYTES`; if it returns False, only these are read, whatever the file's size.
    `lent`: the bytes are valid until this thread's next read with `lent`.
    Raises UnwritableError if it is no regular file or larger than `max_bytes` (without a limit), ChangedError if it
    changes while it is read, OSError.
    """
    descriptor = open_file(path)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnwritableError("it is no regular file")
        if only_if is not None and not only_if(head := os.pread(descriptor, SNIFF_BYTES, 0)):
            return Content(path, head, before)
        if before.st_size > max_bytes and limit is None:
            raise UnwritableError(f"it has more than {max_bytes >> 20:,} MB")
        wanted = before.st_size + 1 if limit is None else min(limit, before.st_size + 1)
        view = memoryview(_buffer(wanted) if lent else bytearray(wanted))
        size = 0
        while size < wanted and (count := os.readv(descriptor, [view[size:wanted]])):
            size += count
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if identity(before) != identity(after) or (limit is None and size != after.st_size):
        raise ChangedError
    return Content(path, view[:size] if lent else bytes(view[:size]), after)


def open_file(path: str) -> int:
    """A descriptor for reading. Follows no link and never waits for the writer of a pipe. Raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _buffer(size: int) -> bytearray:
    if size > _LENT_BYTES:
        return bytearray(size)
    if len(_LENT.buffer) < size:
        _LENT.buffer = bytearray(size)
    return _LENT.buffer


def identity(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file in one state from every other file and state; without ctime, which a rename changes."""
    return (
        *(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns),
        *(status.st_mode, status.st_uid, status.st_gid),
    )


def hash_after(old: bytes | memoryview, splices: Sequence[Splice]) -> bytes:
    """The content hash that a file will have after splices, computed without building the new bytes."""
    view = memoryview(old)
    parts = pieces(len(view), splices)
    return content_hash_of_parts(view[part.start : part.stop] if isinstance(part, range) else part for part in parts)


def hash_at(path: str) -> bytes | None:
    """The content hash of a file, read block by block; None where there is no file. Raises OSError."""
    try:
        descriptor = open_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return hash_of_open(descriptor)
    finally:
        os.close(descriptor)


def hash_of_open(descriptor: int) -> bytes:
    """The content hash of an open file, read from its start into this thread's buffer. Raises OSError."""
    return content_hash_of_open(descriptor, lent_block())
