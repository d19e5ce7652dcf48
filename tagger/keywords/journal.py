"""Writing files as the ledger demands: every write is recorded before and after, and settled after a crash.

A batch is: one durable transaction that records every write as pending (the write-ahead record); the writes themselves,
several at a time, because most of their time is waiting for the disk; one fsync for each folder; one transaction that
records the result of each.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from tagger.core.atomic_file import sync_folder
from tagger.core.errors import StoreError
from tagger.core.full_disk import full_disk as core_full_disk
from tagger.core.full_disk import is_full
from tagger.core.os_words import why
from tagger.core.paths import shown_path
from tagger.core.photo import Fingerprint, JobKind
from tagger.keywords import replace_file
from tagger.keywords.file_change import FileChange, PhotoWrites
from tagger.keywords.file_content import ChangedError, UnwritableError, hash_at
from tagger.keywords.recover_file import recover_file
from tagger.keywords.replace_file import Replacement
from tagger.store import jobs, ledger, runs
from tagger.store.ledger import Planned, Write
from tagger.store.library import Library
from tagger.store.results import record_rewrites, stored_content_hash
from tagger.system.filesystem import keeps_inodes

# The errors of a folder where nothing may be written.
_NOT_HERE = (errno.EROFS, errno.EACCES, errno.EPERM)


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes batches of files, with a write-ahead record in the ledger. `run_id` 0: for reading only."""

    library: Library
    run_id: int = 0
    stable: dict[int, bool] = field(default_factory=dict)

    def write_batch(self, works: Sequence[PhotoWrites], pool: ThreadPoolExecutor) -> None:
        """Write a batch. The result of each photo's writes is set in its `PhotoWrites`."""
        steps = [
            _Step(work, change, Replacement(change.path, secrets.token_hex(6)))
            for work in works
            for change in work.changes
        ]
        if not steps:
            return
        store = self.library.store
        with store.write(durable=True) as session:
            ids = ledger.begin(session, self.run_id, [step.planned for step in steps], self.library.clock.now())
        for step, write_id in zip(steps, ids, strict=True):
            step.write_id = write_id
        deque(pool.map(self._write, steps), maxlen=0)
        folders = list(dict.fromkeys(step.folder for step in steps if step.happened))
        unsynced = {folder for folder, fine in zip(folders, pool.map(_sync, folders), strict=True) if not fine}
        for step in steps:
            if step.folder in unsynced:
                # Nobody knows whether it is durable; the write stays pending until `recover_pending`.
                step.work.failed = "its folder could not be synced; is the disk failing?"
        deque(pool.map(_clean, [step for step in steps if step.folder not in unsynced]), maxlen=0)
        with store.write() as session:
            self._end(session, [step for step in steps if step.settled])
            runs.count_run(session, self.run_id, written=sum(step.settled and step.happened for step in steps))

    def _write(self, step: _Step) -> None:
        change, work, replacement = step.change, step.work, step.replacement
        try:
            if change.splices is None:
                assert change.old is not None
                replace_file.take_away(replacement, change.old)
            elif change.old is None:
                assert change.after.hash is not None
                os.makedirs(step.folder, exist_ok=True)
                data = b"".join(splice.data for splice in change.splices)
                replace_file.prepare_new(replacement, data, change.file.photo, change.after.hash)
                step.status = replace_file.create(replacement)
            else:
                assert change.after.hash is not None
                touch = self.library.settings.keywords.touch
                replace_file.prepare(replacement, change.splices, change.old, change.after.hash, touch=touch)
                step.status = replace_file.exchange(replacement, change.old)
            step.happened = True
        except ChangedError:
            work.changed = True
        except UnwritableError as error:
            work.failed = f"{error}."
        except OSError as error:
            if is_full(error):
                work.full = change.path
            elif error.errno in _NOT_HERE:
                # The same words for every photo there, so that they can be told as one.
                work.failed = f"its folder {shown_path(step.folder)} cannot be written to: {why(error)}."
            else:
                work.failed = f"{shown_path(change.path)} could not be written: {why(error)}."

    def _end(self, session: Session, steps: Sequence[_Step]) -> None:
        happened: dict[int, int] = {}
        photos: dict[int, tuple[Fingerprint, bytes]] = {}
        for step in steps:
            if not step.happened:
                ledger.void(session, step.write_id)
                continue
            change, work = step.change, step.work
            happened[step.write_id] = 0 if step.status is None else step.status.st_mtime_ns
            work.written += 1
            work.bytes += change.after.size
            if change.rewrites_known_photo and step.status is not None and change.after.hash is not None:
                photos[work.photo_id] = (self.fingerprint(change.path, step.status), change.after.hash)
        ledger.done(session, happened)
        record_rewrites(session, photos)

    def fingerprint(self, path: str, status: os.stat_result) -> Fingerprint:
        """A file's fingerprint as a scan takes it."""
        if status.st_dev not in self.stable:
            self.stable[status.st_dev] = keeps_inodes(path)
        inode, ctime = (status.st_ino, status.st_ctime_ns) if self.stable[status.st_dev] else (None, None)
        return Fingerprint(status.st_size, status.st_mtime_ns, inode, ctime)


@dataclass(slots=True)
class _Step:
    """One write of a batch. `settled`: its temporary files are gone."""

    work: PhotoWrites
    change: FileChange
    replacement: Replacement
    write_id: int = 0
    happened: bool = False
    settled: bool = False
    status: os.stat_result | None = None

    @property
    def folder(self) -> str:
        return os.path.dirname(self.change.path)

    @property
    def planned(self) -> Planned:
        change = self.change
        return Planned(
            self.work.photo_id,
            change.target,
            change.path,
            self.replacement.token,
            change.before,
            change.after,
            change.reverse,
            change.owned,
            change.reason,
        )


def _sync(folder: str) -> bool:
    try:
        sync_folder(folder)
    except OSError:
        return False
    return True


def _clean(step: _Step) -> None:
    """Remove a write's temporary files; if that fails, `recover_pending` does it at the next start."""
    change = step.change
    try:
        if step.happened:
            replace_file.remove_own(step.replacement.temporary)
        else:
            recover_file(step.replacement, change.before.hash, change.after.hash)
        step.settled = True
    except OSError as error:
        step.work.failed = step.work.failed or f"its temporary file could not be removed: {why(error)}."


def recover_pending(writer: FileWriter, owner: str) -> int:
    """Settle the writes that an earlier process left pending, by inspecting their files; returns how many it found.

    Caller must hold the write lock, as `owner`. A write stays pending while its folder does not exist (its disk is not
    mounted).
    """
    library = writer.library
    with library.store.write() as session:
        jobs.reclaim(session, owner, JobKind.KEYWORDS, anybodys=not library.settings.database)
        pending = ledger.pending(session, library.here())
    for write in pending:
        if os.path.isdir(os.path.dirname(write.path)):
            _recover(writer, write)
    return len(pending)


def _recover(writer: FileWriter, write: Write) -> None:
    try:
        happened = recover_file(Replacement(write.path, write.token), write.before.hash, write.after.hash)
        status = os.lstat(write.path) if happened and write.after.hash is not None else None
    except OSError:
        return
    with writer.library.store.write() as session:
        if not happened:
            ledger.void(session, write.id)
            return
        ledger.done(session, {write.id: 0 if status is None else status.st_mtime_ns})
        if status is not None and write.after.hash is not None and write.target == ledger.PHOTO:
            known = stored_content_hash(session, write.photo_id)
            if known == write.before.hash and hash_at(write.path) == write.after.hash:
                record_rewrites(session, {write.photo_id: (writer.fingerprint(write.path, status), write.after.hash)})


def full_disk(path: str) -> StoreError:
    """The error for a disk without room for another copy of a photo."""
    return core_full_disk(
        path, "a copy of each file", "Free some space there; the keywords that are still to be written stay queued."
    )
