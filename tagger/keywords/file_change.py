"""One write to one file of a photo, worked out in memory: the splices, the state before and after, the way back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.keywords.file_content import Content, Source, hash_after
from tagger.keywords.metadata.splices import Splice, reverse
from tagger.store import ledger
from tagger.store.ledger import NO_FILE, Entry, FileState


@dataclass(frozen=True, slots=True)
class TargetFile:
    """A file that holds keywords of a photo. `target`: ledger.PHOTO or ledger.SIDECAR.

    `photo`: the photo's status. `known_hash`: the hash of the photo's bytes as the library knows them.
    """

    target: str
    path: str
    photo: os.stat_result
    known_hash: bytes | None


@dataclass(frozen=True, slots=True)
class FileChange:
    """A write to one file. `old` None: the splices make the file; `splices` None: the file is removed.

    `after`: the file's state afterwards. `reverse`: how to get the old bytes back, packed. `owned`: the ledger's
    entries for the file afterwards. `reason`: why a sidecar is written and not the photo.
    """

    file: TargetFile
    old: Source | None
    splices: Sequence[Splice] | None
    after: FileState
    reverse: bytes
    owned: Sequence[Entry]
    reason: str | None = None

    @property
    def target(self) -> str:
        """ledger.PHOTO or ledger.SIDECAR."""
        return self.file.target

    @property
    def path(self) -> str:
        """The file's path."""
        return self.file.path

    @property
    def before(self) -> FileState:
        """The file's state before the write."""
        if self.old is None:
            return NO_FILE
        return FileState(self.old.status.st_size, self.old.status.st_mtime_ns, self.old.hash)

    @property
    def rewrites_known_photo(self) -> bool:
        """Whether this changes the photo's own file, and from the bytes that the library knows."""
        return self.target == ledger.PHOTO and self.old is not None and self.old.hash == self.file.known_hash


def file_change(
    file: TargetFile,
    content: Content | None,
    splices: Sequence[Splice] | None,
    owned: Sequence[Entry],
    reason: str | None = None,
) -> FileChange:
    """The write that makes splices in a file's content. `content` None: there is no file yet."""
    data = b"" if content is None else content.data
    old = None if content is None else content.source
    made = [Splice(0, len(data), b"")] if splices is None else splices
    after = NO_FILE
    if splices is not None:
        size = len(data) + sum(len(splice.data) - (splice.end - splice.start) for splice in splices)
        after = FileState(size, 0 if old is None else old.status.st_mtime_ns, hash_after(data, splices))
    return FileChange(file, old, splices, after, reverse(data, made), owned, reason)


@dataclass(slots=True)
class PhotoWrites:
    """The writes to one photo's files, and their result.

    `failed`: why one failed; `changed`: a file is not the one that was read; `full`: the path of a file for whose copy
    the disk had no room.
    """

    photo_id: int
    root: str
    changes: list[FileChange]
    failed: str = ""
    changed: bool = False
    full: str = ""
    written: int = 0
    bytes: int = 0
