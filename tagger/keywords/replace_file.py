"""Replacing a file so that it is the old one or the new one at every moment, and a person's version always wins.

The new bytes are written to `.tagger-TOKEN.part` in the same folder, made durable, read back, and given the old file's
mode, owner, extended attributes and times. Then that file is renamed to `.tagger-TOKEN.tmp` and exchanged with the old
one in one step (renameat2(2), RENAME_EXCHANGE). What came out of the exchange is inspected: if it is not the file that
was read, it goes back. So a temporary file that ends in `.part` is always tagger's, and one that ends in `.tmp` may be
an old photo or a person's until `recover_file` has settled it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tagger.keywords.file_content import (
    BLOCK,
    ChangedError,
    Source,
    UnwritableError,
    hash_of_open,
    identity,
    lent_block,
    open_file,
)
from tagger.keywords.metadata.splices import Splice, pieces
from tagger.keywords.rename import exchange_files, is_open_for_writing, rename_to_free


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file to be replaced, made or removed, and the token in the names of its temporary files."""

    path: str
    token: str

    @property
    def part(self) -> str:
        """The temporary file while it is written; always tagger's."""
        return self._beside("part")

    @property
    def temporary(self) -> str:
        """The temporary file when it is complete; after the exchange, the old file."""
        return self._beside("tmp")

    def _beside(self, extension: str) -> str:
        return os.path.join(os.path.dirname(self.path), f".tagger-{self.token}.{extension}")


def prepare(
    replacement: Replacement, splices: Sequence[Splice], old: Source, after: bytes, *, touch: bool = False
) -> None:
    """Write the old file with splices to the temporary file, durable, and read it back to have the hash `after`.

    It gets the old file's mode, owner, attributes and times (with `touch`, no times). Raises ChangedError,
    UnwritableError, OSError; after an error, `recover_file` removes what is left.
    """
    before = open_file(old.path)
    try:
        _check_same(before, old)
        parts = list(pieces(old.status.st_size, splices))
        with _part(replacement) as descriptor:
            _write_all(descriptor, _blocks(before, parts))
            _copy_attributes(descriptor, old, touch=touch)
            try:
                _sync_and_check(descriptor, after)
            except UnwritableError:
                _check_same(before, old)
                raise
    finally:
        os.close(before)
    os.rename(replacement.part, replacement.temporary)


def prepare_new(replacement: Replacement, data: bytes, photo: os.stat_result, after: bytes) -> None:
    """Write a new sidecar to the temporary file, durable, and read it back to have the hash `after`.

    It gets the photo's mode and, where that is permitted, owner. Raises UnwritableError, OSError; after an error,
    `recover_file` removes what is left.
    """
    with _part(replacement) as descriptor:
        _write_all(descriptor, [data])
        _adopt(descriptor, photo)
        _sync_and_check(descriptor, after)
    os.rename(replacement.part, replacement.temporary)


@contextmanager
def _part(replacement: Replacement) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(replacement.part, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _check_same(descriptor: int, old: Source) -> None:
    if identity(os.fstat(descriptor)) != identity(old.status):
        raise ChangedError


def _sync_and_check(descriptor: int, after: bytes) -> None:
    os.fsync(descriptor)
    if hash_of_open(descriptor) != after:
        raise UnwritableError("what was written could not be read back; is the disk failing?")


def _blocks(before: int, parts: Sequence[bytes | range]) -> Iterator[bytes | memoryview]:
    """The new file block by block; a block is valid until the next one is taken."""
    view = lent_block()
    for part in parts:
        if not isinstance(part, range):
            yield part
            continue
        for start in range(part.start, part.stop, BLOCK):
            wanted = min(BLOCK, part.stop - start)
            count = os.preadv(before, [view[:wanted]], start)
            if count != wanted:
                raise ChangedError
            yield view[:wanted]


def _write_all(descriptor: int, blocks: Iterable[bytes | memoryview]) -> None:
    for block in blocks:
        view = memoryview(block)
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
            # The system sets these on every file itself, or lets nobody else set them.
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
            # A sidecar that belongs to tagger's own user is still of use to everyone who may read it.
            return


def exchange(replacement: Replacement, old: Source) -> os.stat_result:
    """Exchange the prepared file with the old one; returns its status in place. The temporary file is the old one then.

    Raises ChangedError if the file in place is not the one that was read (it stays in place), OSError.
    """
    path, temporary = replacement.path, replacement.temporary
    try:
        if identity(os.lstat(path)) != identity(old.status):
            raise ChangedError
        if not exchange_files(temporary, path):
            # No exchange here (NFS, FUSE): this is the last moment to check, and the rename ends the old file.
            if is_open_for_writing(path):
                raise ChangedError
            os.rename(temporary, path)
            return os.lstat(path)
    except FileNotFoundError as error:
        raise ChangedError from error
    if identity(os.lstat(temporary)) != identity(old.status) or is_open_for_writing(temporary):
        exchange_files(temporary, path)
        raise ChangedError
    return os.lstat(path)


def create(replacement: Replacement) -> os.stat_result:
    """Put the prepared file where there was none. Raises ChangedError if there is one now."""
    path, temporary = replacement.path, replacement.temporary
    try:
        if not rename_to_free(temporary, path):
            if os.path.lexists(path):
                raise ChangedError
            os.rename(temporary, path)
    except FileExistsError as error:
        raise ChangedError from error
    return os.lstat(path)


def take_away(replacement: Replacement, old: Source) -> None:
    """Make a file of tagger's the temporary file, to be removed. Raises ChangedError if it is not the one read."""
    path, temporary = replacement.path, replacement.temporary
    try:
        os.rename(path, temporary)
    except FileNotFoundError as error:
        raise ChangedError from error
    if identity(os.lstat(temporary)) != identity(old.status) or is_open_for_writing(temporary):
        if not rename_to_free(temporary, path):
            os.rename(temporary, path)
        raise ChangedError


def remove_own(path: str) -> None:
    """Remove a file of tagger's; it may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
