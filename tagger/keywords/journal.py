"""Writing files as the ledger demands: recorded before, carried out, recorded after, and settled after a crash.

One batch is: one durable transaction that records every write as pending; the writes themselves, several at a time,
because most of their time is waiting for the disk; one fsync for each folder; one transaction that records what became
of each.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import KeywordSettings, Settings
from tagger.core.errors import StoreError
from tagger.core.paths import shown_path
from tagger.core.photo import Fingerprint, JobKind
from tagger.keywords import replace_file
from tagger.keywords.metadata.fields import Field
from tagger.keywords.metadata.splices import Splice, reverse
from tagger.keywords.plan import Owned
from tagger.keywords.replace_file import ChangedError, Content, Source, UnwritableError
from tagger.store import jobs, ledger, runs
from tagger.store.ledger import NO_FILE, Entry, FileState, Planned
from tagger.store.results import record_rewrites, stored_content_hash
from tagger.store.roots import root_of
from tagger.store.session import Store
from tagger.system.filesystem import keeps_inodes

# More than there are cores: most of their time is waiting for the disk.
THREADS = 6
# So many photos are written between two transactions, and so many bytes, which need as much room on the disk meanwhile.
_BATCH, _BATCH_BYTES = 32, 128 << 20


class _Photo(Protocol):
    @property
    def fingerprint(self) -> Fingerprint: ...


Sized = TypeVar("Sized", bound=_Photo)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A write to one file. `old` None: it is made by `splices`; `splices` None: it is taken away.

    `after`: the file as it will be. `reverse`: how to get the old bytes back. `photo`: the photo's status, for the mode
    of a new sidecar. `owned`: what is tagger's in the file afterwards. `known`: whether `old` is the state of the photo
    that the library knows.
    """

    target: str
    path: str
    old: Source | None
    splices: Sequence[Splice] | None
    after: FileState
    reverse: bytes
    photo: os.stat_result
    owned: Sequence[Entry]
    reason: str | None = None
    known: bool = True

    @property
    def before(self) -> FileState:
        """The file as it is."""
        if self.old is None:
            return NO_FILE
        return FileState(self.old.status.st_size, self.old.status.st_mtime_ns, self.old.hash)


def file_change(
    target: str,
    path: str,
    content: Content | None,
    splices: Sequence[Splice] | None,
    photo: os.stat_result,
    owned: Sequence[Entry],
    *,
    reason: str | None = None,
    known_hash: bytes | None = None,
    old_hash: bytes | None = None,
) -> FileChange:
    """The write that makes splices in a file's content (None: there is no file yet).

    `known_hash`: of the bytes that the library knows of the photo. `old_hash`: of the content, if it is known already.
    """
    data = b"" if content is None else content.data
    old = None if content is None else Source(content.path, old_hash or content.hash, content.status)
    made = [Splice(0, len(data), b"")] if splices is None else splices
    after = NO_FILE
    if splices is not None:
        size = len(data) + sum(len(splice.data) - (splice.end - splice.start) for splice in splices)
        after = FileState(size, 0 if old is None else old.status.st_mtime_ns, replace_file.hash_after(data, splices))
    known = target != ledger.PHOTO or (old is not None and old.hash == known_hash)
    return FileChange(target, path, old, splices, after, reverse(data, made), photo, owned, reason, known)


@dataclass(slots=True)
class PhotoWrites:
    """One photo's writes, and what became of them: `failed` says why one could not be, `changed` that a file is
    another one by now, `full` that there is no room."""

    photo_id: int
    root: str
    changes: list[FileChange]
    failed: str = ""
    changed: bool = False
    full: str = ""
    written: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes batches of files, with a write-ahead record in the ledger."""

    store: Store
    settings: Settings
    clock: Clock
    run_id: int
    stable: dict[str, bool] = field(default_factory=dict)

    def write_batch(self, works: Sequence[PhotoWrites], pool: ThreadPoolExecutor) -> None:
        """Write a batch; what became of each work is noted in it."""
        steps = [_Step(work, change, secrets.token_hex(6)) for work in works for change in work.changes]
        if not steps:
            return
        with self.store.write(durable=True) as session:
            ids = ledger.begin(session, self.run_id, [step.planned for step in steps], self.clock.now())
        for step, write_id in zip(steps, ids, strict=True):
            step.write_id = write_id
        deque(pool.map(self._write, steps), maxlen=0)
        folders = list(dict.fromkeys(step.folder for step in steps if step.happened))
        unsynced = {folder for folder, fine in zip(folders, pool.map(_sync, folders), strict=True) if not fine}
        for step in steps:
            if step.folder in unsynced:
                # Whether it is durable is not known; the next start looks.
                step.work.failed = "its folder could not be synced; is the disk failing?"
        deque(pool.map(_clean, [step for step in steps if step.folder not in unsynced]), maxlen=0)
        with self.store.write() as session:
            self._end(session, [step for step in steps if step.settled])
            runs.count_run(session, self.run_id, written=sum(step.settled and step.happened for step in steps))

    def _write(self, step: _Step) -> None:
        """Do it, and note what came of it."""
        change, work, token = step.change, step.work, step.token
        try:
            if change.splices is None:
                assert change.old is not None
                replace_file.take_away(change.path, token, change.old)
            else:
                if change.old is None:
                    os.makedirs(step.folder, exist_ok=True)
                assert change.after.hash is not None
                replace_file.prepare(
                    change.path,
                    token,
                    change.splices,
                    change.old,
                    change.photo,
                    change.after.hash,
                    touch=self.settings.keywords.touch,
                )
                if change.old is None:
                    step.status = replace_file.create(change.path, token)
                else:
                    step.status = replace_file.exchange(change.path, token, change.old)
            step.happened = True
        except ChangedError:
            work.changed = True
        except UnwritableError as error:
            work.failed = f"{error}."
        except OSError as error:
            if replace_file.is_full(error):
                work.full = change.path
            else:
                work.failed = f"{shown_path(change.path)} could not be written: {error.strerror}."

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
            is_photo = change.target == ledger.PHOTO and change.known
            if is_photo and step.status is not None and change.after.hash is not None:
                photos[work.photo_id] = (self.fingerprint(work.root, step.status), change.after.hash)
        ledger.done(session, happened)
        record_rewrites(session, photos)

    def fingerprint(self, root: str, status: os.stat_result) -> Fingerprint:
        """A file's fingerprint as a scan of its root would take it."""
        if root not in self.stable:
            self.stable[root] = keeps_inodes(root)
        inode, ctime = (status.st_ino, status.st_ctime_ns) if self.stable[root] else (None, None)
        return Fingerprint(status.st_size, status.st_mtime_ns, inode, ctime)


@dataclass(slots=True)
class _Step:
    """One write of a batch on its way. `settled`: nothing of it is left lying about."""

    work: PhotoWrites
    change: FileChange
    token: str
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
            self.token,
            change.before,
            change.after,
            change.reverse,
            change.owned,
            change.reason,
        )


def _sync(folder: str) -> bool:
    try:
        replace_file.sync_folder(folder)
    except OSError:
        return False
    return True


def _clean(step: _Step) -> None:
    """Remove what is left of a write; if that fails it is left to the next start."""
    change = step.change
    try:
        if step.happened:
            replace_file.remove(replace_file.temporary_name(change.path, step.token))
        else:
            replace_file.recover(change.path, step.token, change.before.hash, change.after.hash)
        step.settled = True
    except OSError as error:
        step.work.failed = step.work.failed or f"its temporary file could not be removed: {error.strerror}."


def recover(writer: FileWriter, owner: str) -> int:
    """Settle what an earlier process left: pending writes by looking at their files. Returns how many there were.

    Only for who holds the write lock. Writes whose folder is not there (an unmounted disk) stay pending.
    """
    with writer.store.write() as session:
        jobs.reclaim(session, owner, JobKind.KEYWORDS)
        pending = ledger.pending(session)
    for left in pending:
        if not os.path.isdir(os.path.dirname(left.path)):
            continue
        try:
            happened = replace_file.recover(left.path, left.token, left.before.hash, left.after.hash)
            status = os.lstat(left.path) if happened and left.after.hash is not None else None
        except OSError:
            continue
        with writer.store.write() as session:
            if not happened:
                ledger.void(session, left.id)
                continue
            place = root_of(session, left.path)
            root = "/" if place is None else place[0].path
            ledger.done(session, {left.id: 0 if status is None else status.st_mtime_ns})
            if status is not None and left.after.hash is not None and left.target == ledger.PHOTO:
                known = stored_content_hash(session, left.photo_id)
                if known == left.before.hash and replace_file.hash_at(left.path) == left.after.hash:
                    record_rewrites(session, {left.photo_id: (writer.fingerprint(root, status), left.after.hash)})
    return len(pending)


def settings_digest(settings: KeywordSettings) -> str:
    """The settings that decide what is written, in 16 hexadecimal digits."""
    return hashlib.blake2b(settings.model_dump_json().encode(), digest_size=8).hexdigest()


def batches(items: Iterable[Sized], limit: int = _BATCH_BYTES) -> Iterator[list[Sized]]:
    """Photos (jobs, records) in parts whose files fit in memory together."""
    part: list[Sized] = []
    size = 0
    for item in items:
        if part and (size + item.fingerprint.size > limit or len(part) == _BATCH):
            yield part
            part, size = [], 0
        part.append(item)
        size += item.fingerprint.size
    if part:
        yield part


class RealPaths:
    """Where paths lead to: links are followed inside the library only.

    Folders are looked up once, so this is for a few photos at a time: for each of them it would be a look at every
    folder above it.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = tuple(os.path.realpath(root).rstrip("/") + "/" for root in roots)
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str | None:
        """The file that a path leads to; None if that is outside of the library."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        return real if real == path or real.startswith(self._roots) else None


def full_disk(path: str) -> StoreError:
    """The error for a disk without room for another copy of a photo."""
    return StoreError(
        f"The disk that holds {os.path.dirname(path)} is full.",
        "Free some space; the keywords that are still to be written stay queued.",
    )


def entries_from(owned: Mapping[Field, Owned]) -> list[Entry]:
    """What is tagger's in a file, as the ledger keeps it."""
    return [
        Entry(name.value, keyword, kind)
        for name, mine in owned.items()
        for kind, keywords in ((ledger.LABEL, mine.labels), (ledger.SEED, mine.seeds), (ledger.REFUSED, mine.refused))
        for keyword in keywords
    ]


def owned_from(found: Sequence[Entry]) -> dict[Field, Owned]:
    """The inverse of `entries_from`."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for entry in found:
        kinds.setdefault(entry.field, {}).setdefault(entry.kind, []).append(entry.keyword)
    return {
        name: Owned(tuple(by.get(ledger.LABEL, ())), tuple(by.get(ledger.SEED, ())), tuple(by.get(ledger.REFUSED, ())))
        for name in Field
        if (by := kinds.get(name.value))
    }
