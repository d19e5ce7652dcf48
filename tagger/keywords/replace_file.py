"""Replacing a file so that it is the old one or the new one at every moment, and a person's version always wins.

The new bytes are written to `.tagger-TOKEN.part` in the same folder, made durable, read back, and given the old file's
mode, owner, extended attributes and times; then that file is called `.tagger-TOKEN.tmp` and exchanged with the old one
in one step (renameat2(2), RENAME_EXCHANGE). What came out of the exchange is looked at: if it is not the file that was
read, it goes back. So a temporary file ending in `.part` is never anything but ours, and one ending in `.tmp` may be an
old photo or a person's until that is settled.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tagger.core.formats import SNIFF_BYTES
from tagger.core.hashing import content_hash, content_hash_of_parts
from tagger.keywords.metadata.splices import Splice, pieces

_NOREPLACE, _EXCHANGE = 1, 2
_AT_FDCWD = -100
# What file systems say that do not know renameat2's flags.
_UNKNOWN = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_BLOCK = 1 << 20


class UnwritableError(Exception):
    """A file that is not written to, and why, as a sentence without its full stop."""


class ChangedError(Exception):
    """The file is another one by now: somebody wrote to it, moved it or took it away."""


def is_full(error: OSError) -> bool:
    """Whether there is no room, or no quota, for another copy of a file."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is about to be replaced: where it is, what `stat` said of it, and the hash of its bytes."""

    path: str
    hash: bytes
    status: os.stat_result


@dataclass(frozen=True)
class Content:
    """A file's bytes and what `stat` said before and after they were read."""

    path: str
    data: bytes | memoryview
    status: os.stat_result

    @cached_property
    def hash(self) -> bytes:
        """The content hash of the bytes."""
        return content_hash(self.data)


class _Lent(threading.local):
    """A thread's buffers: fresh memory for each of a thousand photos costs more time than reading them."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.block = bytearray(_BLOCK)


_LENT = _Lent()
_LENT_BYTES = 16 << 20


def hash_after(old: bytes | memoryview, splices: Sequence[Splice]) -> bytes:
    """The hash of a file after splices, without making it."""
    view = memoryview(old)
    parts = pieces(len(view), splices)
    return content_hash_of_parts(view[part.start : part.stop] if isinstance(part, range) else part for part in parts)


def read(
    path: str,
    max_bytes: int,
    limit: int | None = None,
    *,
    only_if: Callable[[bytes], bool] | None = None,
    lent: bool = False,
) -> Content:
    """Read a regular file, following no link. `limit`: no more than its first bytes.

    `only_if`: asked with the first `SNIFF_BYTES`; where it says no, only these are read, whatever the file's size.
    `lent`: the bytes are good until this thread reads the next file like that.
    Raises UnwritableError for what is no regular file or too large, ChangedError if it changes meanwhile, OSError.
    """
    descriptor = _open(path)
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


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def _buffer(size: int) -> bytearray:
    if size > _LENT_BYTES:
        return bytearray(size)
    if len(_LENT.buffer) < size:
        _LENT.buffer = bytearray(size)
    return _LENT.buffer


def identity(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file and its state from any other; without ctime, which a rename changes."""
    return (
        *(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns),
        *(status.st_mode, status.st_uid, status.st_gid),
    )


def part_name(path: str, token: str) -> str:
    """The temporary file while it is written; never anything but ours."""
    return _beside(path, f".tagger-{token}.part")


def temporary_name(path: str, token: str) -> str:
    """The temporary file when it is complete; after the exchange, the old file."""
    return _beside(path, f".tagger-{token}.tmp")


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), name)


def prepare(
    path: str,
    token: str,
    splices: Sequence[Splice],
    old: Source | None,
    photo: os.stat_result,
    after: bytes,
    *,
    touch: bool = False,
) -> None:
    """Write the new bytes to a complete temporary file beside `path`, durable, and read back to have the hash `after`.

    `old`: the file that the splices are made in, whose mode, owner, attributes and times the new one gets (its times
    not with `touch`). Without one the splices make a new sidecar, which gets the photo's mode and, where that is
    allowed, owner. Raises ChangedError, UnwritableError, OSError. What is left of a failed one is for `recover`.
    """
    part = part_name(path, token)
    before = -1 if old is None else _open(old.path)
    try:
        if old is not None and identity(os.fstat(before)) != identity(old.status):
            raise ChangedError
        parts = list(pieces(0 if old is None else old.status.st_size, splices))
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            for block in _blocks(before, parts):
                _write_all(descriptor, block)
            if old is not None:
                _copy_attributes(descriptor, old, touch=touch)
            else:
                _adopt(descriptor, photo)
            os.fsync(descriptor)
            if _hash_of_open(descriptor) != after:
                if old is not None and identity(os.fstat(before)) != identity(old.status):
                    raise ChangedError
                raise UnwritableError("what was written could not be read back; is the disk failing?")
        finally:
            os.close(descriptor)
    finally:
        if before >= 0:
            os.close(before)
    os.rename(part, temporary_name(path, token))


def _blocks(before: int, parts: Sequence[bytes | range]) -> Iterator[bytes | memoryview]:
    """The new file block by block; a block is good until the next one is asked for."""
    view = memoryview(_LENT.block)
    for part in parts:
        if not isinstance(part, range):
            yield part
            continue
        for start in range(part.start, part.stop, _BLOCK):
            wanted = min(_BLOCK, part.stop - start)
            count = os.preadv(before, [view[:wanted]], start)
            if count != wanted:
                raise ChangedError
            yield view[:wanted]


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy_attributes(descriptor: int, old: Source, *, touch: bool) -> None:
    status, mine = old.status, os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (mine.st_uid, mine.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError as error:
            raise UnwritableError("its owner could not be kept") from error
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    for name in _attributes(old.path):
        value = os.getxattr(old.path, name, follow_symlinks=False)
        try:
            if _attribute(descriptor, name) != value:
                os.setxattr(descriptor, name, value)
        except OSError as error:
            # The system gives these to every file by itself, or to nobody else.
            if not name.startswith(("security.", "trusted.")):
                raise UnwritableError(f"its attribute {name} could not be kept") from error
    if not touch:
        os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def _attributes(path: str) -> list[str]:
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.ENOSYS):
            return []
        raise


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError:
        return None


def _adopt(descriptor: int, photo: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(photo.st_mode) & 0o666)
    mine = os.fstat(descriptor)
    if (photo.st_uid, photo.st_gid) != (mine.st_uid, mine.st_gid):
        try:
            os.fchown(descriptor, photo.st_uid, photo.st_gid)
        except PermissionError:
            # A sidecar of tagger's own user is still of use to whoever may read it.
            return


def exchange(path: str, token: str, old: Source) -> os.stat_result:
    """Put the prepared file in the place of the old one; returns its status there. The old one is in its place then.

    Raises ChangedError if the file is not the one that was read, which then is in its place; OSError.
    """
    temporary = temporary_name(path, token)
    try:
        if identity(os.lstat(path)) != identity(old.status):
            raise ChangedError
        if not _rename(temporary, path, _EXCHANGE):
            # No exchange here (NFS, FUSE): the last look was a moment ago, and the old file is gone with this.
            if _is_open_for_writing(path):
                raise ChangedError
            os.rename(temporary, path)
            return os.lstat(path)
    except FileNotFoundError as error:
        raise ChangedError from error
    if identity(os.lstat(temporary)) != identity(old.status) or _is_open_for_writing(temporary):
        _rename(temporary, path, _EXCHANGE)
        raise ChangedError
    return os.lstat(path)


def create(path: str, token: str) -> os.stat_result:
    """Put the prepared file where none was. Raises ChangedError if one is there by now."""
    temporary = temporary_name(path, token)
    try:
        if not _rename(temporary, path, _NOREPLACE):
            if os.path.lexists(path):
                raise ChangedError
            os.rename(temporary, path)
    except FileExistsError as error:
        raise ChangedError from error
    return os.lstat(path)


def take_away(path: str, token: str, old: Source) -> None:
    """Move a file of ours out of its place, to be removed. Raises ChangedError if it is not the one that was read."""
    temporary = temporary_name(path, token)
    try:
        os.rename(path, temporary)
    except FileNotFoundError as error:
        raise ChangedError from error
    if identity(os.lstat(temporary)) != identity(old.status) or _is_open_for_writing(temporary):
        if not _rename(temporary, path, _NOREPLACE):
            os.rename(temporary, path)
        raise ChangedError


def remove(path: str) -> None:
    """Remove a file of ours; it may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def sync_folder(folder: str) -> None:
    """Make renames in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder, and say so like this.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def recover(path: str, token: str, before: bytes | None, after: bytes | None) -> bool:
    """Settle what a crash left of one write; returns whether the write happened.

    `before`, `after`: hashes of the file's bytes, None for no file. A person's version that was in the middle of an
    exchange goes back to its place; nothing but ours and the old file is ever removed. Raises OSError.
    """
    remove(part_name(path, token))
    temporary = temporary_name(path, token)
    here, aside = hash_at(path), hash_at(temporary)
    if aside is None or aside in (before, after):
        # Aside is ours and was never put in place, or it is the old file and may go.
        remove(temporary)
        return here == after or (aside is not None and aside == before)
    # A person's version came out of the exchange, and it could not be put back any more.
    if here is None:
        if not _rename(temporary, path, _NOREPLACE):
            os.rename(temporary, path)
    elif here == after:
        _rename(temporary, path, _EXCHANGE)
        remove(temporary)
    else:
        stem, extension = os.path.splitext(path)
        os.rename(temporary, f"{stem}.kept-{token}{extension}")
    return False


def hash_at(path: str) -> bytes | None:
    """The hash of a file's bytes, read piece by piece; None where there is none. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return _hash_of_open(descriptor)
    finally:
        os.close(descriptor)


def _hash_of_open(descriptor: int) -> bytes:
    def blocks() -> Iterator[memoryview]:
        view = memoryview(_LENT.block)
        position = 0
        while count := os.preadv(descriptor, [view], position):
            yield view[:count]
            position += count

    return content_hash_of_parts(blocks())


def _is_open_for_writing(path: str) -> bool:
    """Whether some program has a file open for writing: then the kernel grants no read lease (fcntl(2))."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Should the lease be broken, the kernel's signal for that must not end this process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Leases are for a file's owner, and not on every file system; then nobody can tell.
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def _rename(source: str, target: str, flags: int) -> bool:
    """renameat2(2); False where the system or the file system does not know the flags. Raises OSError."""
    if _renameat2 is None:
        return False
    if _renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), source)


def _load() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function


_renameat2 = _load()
