"""What tagger wrote into files: each write, and each keyword with the writes that added and ended it.

A write is recorded as pending, durably, before its file is touched, and as done afterwards. What a crash left pending
is settled by inspecting the file (`tagger.keywords.journal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, true, update
from sqlalchemy.orm import Session

from tagger.core.paths import PhotoPath, disk_path, stored_path
from tagger.core.photo import JobKind, JobState
from tagger.store import jobs
from tagger.store.tables import JobRow, LedgerRow, PhotoRow, RootRow, RunRow, WriteRow

PHOTO, SIDECAR = "photo", "sidecar"
LABEL, SEED, REFUSED = "label", "seed", "refused"
_PENDING, _DONE = "pending", "done"


@dataclass(frozen=True, slots=True)
class Entry:
    """A keyword of tagger's in a field; `kind`: LABEL, SEED or REFUSED."""

    field: str
    keyword: str
    kind: str


@dataclass(frozen=True, slots=True)
class FileState:
    """A file before or after a write. `hash`: of its bytes (`tagger.core.hashing`); None if there is no file."""

    size: int
    mtime_ns: int
    hash: bytes | None


NO_FILE = FileState(0, 0, None)


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one file. `token` names its temporary file. `reverse`: how to restore the old bytes."""

    id: int
    run_id: int
    photo_id: int
    target: str
    path: str
    token: str
    written_at: int
    before: FileState
    after: FileState
    reverse: bytes
    reason: str | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A write that is about to happen, with the keywords that are tagger's in the file afterwards."""

    photo_id: int
    target: str
    path: str
    token: str
    before: FileState
    after: FileState
    reverse: bytes
    entries: Sequence[Entry]
    reason: str | None = None


def begin(session: Session, run_id: int, planned: Sequence[Planned], now: float) -> list[int]:
    """Record writes that are about to happen; returns their ids."""
    rows = [
        {
            "run_id": run_id,
            "photo_id": write.photo_id,
            "target": write.target,
            "path": stored_path(write.path),
            "state": _PENDING,
            "token": write.token,
            "written_at": int(now),
            "size_before": write.before.size,
            "mtime_ns_before": write.before.mtime_ns,
            "hash_before": write.before.hash,
            "size_after": write.after.size,
            "mtime_ns_after": write.after.mtime_ns,
            "hash_after": write.after.hash,
            "reverse": write.reverse,
            "reason": write.reason,
        }
        for write in planned
    ]
    ids = list(session.scalars(insert(WriteRow).returning(WriteRow.id, sort_by_parameter_order=True), rows))
    wanted = {(w.photo_id, w.target): (w.entries, write_id) for w, write_id in zip(planned, ids, strict=True)}
    settle(session, wanted)
    return ids


def settle(session: Session, wanted: Mapping[tuple[int, str], tuple[Iterable[Entry], int | None]]) -> None:
    """Set the open entries of files (photo, target). A write adds and ends entries; None: they were found there."""
    if not wanted:
        return
    open_rows: dict[tuple[int, str], dict[Entry, int]] = {}
    photo_ids = [photo_id for photo_id, _ in wanted]
    here = (LedgerRow.photo_id.in_(photo_ids), LedgerRow.ended_by.is_(None))
    for row in session.scalars(select(LedgerRow).where(*here)):
        open_rows.setdefault((row.photo_id, row.target), {})[Entry(row.field, row.keyword, row.kind)] = row.id
    rows: list[dict[str, object]] = []
    for place, (entries, write_id) in wanted.items():
        after, before = dict.fromkeys(entries), open_rows.get(place, {})
        over = [row_id for entry, row_id in before.items() if entry not in after]
        if over and write_id is not None:
            session.execute(update(LedgerRow).where(LedgerRow.id.in_(over)).values(ended_by=write_id))
        elif over:
            session.execute(delete(LedgerRow).where(LedgerRow.id.in_(over)))
        new = [entry for entry in after if entry not in before]
        rows += [
            {
                "photo_id": place[0],
                "target": place[1],
                "field": entry.field,
                "keyword": entry.keyword,
                "kind": entry.kind,
                "write_id": write_id,
            }
            for entry in new
        ]
    if rows:
        session.execute(insert(LedgerRow), rows)


def own_keywords(session: Session, photo_ids: Sequence[int]) -> dict[int, frozenset[tuple[str, str, str]]]:
    """By photo id, what is tagger's in its files: target, field and keyword, spelt as `exact` does."""
    found: dict[int, set[tuple[str, str, str]]] = {}
    for part in jobs.chunks(photo_ids):
        here = (LedgerRow.photo_id.in_(part), LedgerRow.ended_by.is_(None), LedgerRow.kind != REFUSED)
        rows = select(LedgerRow.photo_id, LedgerRow.target, LedgerRow.field, LedgerRow.keyword).where(*here)
        for number, target, field, keyword in session.execute(rows):
            found.setdefault(number, set()).add((target, field, keyword))
    return {number: frozenset(entries) for number, entries in found.items()}


def done(session: Session, happened: Mapping[int, int]) -> None:
    """Record that writes happened. `happened`: by id, the file's new modification time in nanoseconds."""
    if happened:
        values = [{"id": number, "state": _DONE, "mtime_ns_after": mtime} for number, mtime in happened.items()]
        session.execute(update(WriteRow), values)


def void(session: Session, write_id: int) -> None:
    """Record that a write did not happen: delete the entries it added, reopen those it ended."""
    session.execute(update(LedgerRow).where(LedgerRow.ended_by == write_id).values(ended_by=None))
    session.execute(delete(WriteRow).where(WriteRow.id == write_id))


def pending(session: Session, root_ids: Sequence[int] | None = None) -> list[Write]:
    """Writes that an earlier process left unfinished, to photos of some roots; None: of all."""
    here = [] if root_ids is None else [WriteRow.photo_id.in_(select(PhotoRow.id).where(_of_roots(root_ids)))]
    return _writes(session, WriteRow.state == _PENDING, *here)


def writes_of(session: Session, photo_id: int) -> list[Write]:
    """The writes to a photo and its sidecar, the newest first."""
    return _writes(session, WriteRow.photo_id == photo_id)[::-1]


def _writes(session: Session, *conditions: object) -> list[Write]:
    rows = session.scalars(select(WriteRow).where(*conditions).order_by(WriteRow.id))  # type: ignore[arg-type]
    return [
        Write(
            id=row.id,
            run_id=row.run_id,
            photo_id=row.photo_id,
            target=row.target,
            path=disk_path(row.path),
            token=row.token,
            written_at=row.written_at,
            before=FileState(row.size_before, row.mtime_ns_before, row.hash_before),
            after=FileState(row.size_after, row.mtime_ns_after, row.hash_after),
            reverse=row.reverse,
            reason=row.reason,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class SidecarPlace:
    """Where a present photo's sidecar with keywords of tagger's was last known to be. `photo`: the photo's path now."""

    photo_id: int
    photo: str
    path: str
    hash: bytes


def sidecar_places(
    session: Session, photo_ids: Sequence[int] | None = None, root_ids: Sequence[int] | None = None
) -> list[SidecarPlace]:
    """The places of sidecars: those of some photos; None: of all that are labelled. `root_ids`: the same of roots."""
    labelled = PhotoRow.labelled_by.is_not(None) & _of_roots(root_ids)
    if photo_ids is None:
        return _sidecar_places(session, labelled)
    return [
        place for part in jobs.chunks(photo_ids) for place in _sidecar_places(session, labelled & PhotoRow.id.in_(part))
    ]


def queued_sidecar_places(
    session: Session, root_ids: Sequence[int] | None = None, *, up_to: int = jobs.PRIORITY_STALE
) -> list[SidecarPlace]:
    """The places of the sidecars of photos whose keywords are to be written, in some roots; None: in all.

    `up_to`: the last priority of those that are to be written now.
    """
    waiting = (JobRow.kind == JobKind.KEYWORDS, JobRow.state == JobState.QUEUED, JobRow.priority <= up_to)
    queued = select(JobRow.photo_id).where(*waiting)
    return _sidecar_places(session, PhotoRow.id.in_(queued) & _of_roots(root_ids))


def _of_roots(root_ids: Sequence[int] | None) -> ColumnElement[bool]:
    return true() if root_ids is None else PhotoRow.root_id.in_(root_ids)


def _sidecar_places(session: Session, which: ColumnElement[bool]) -> list[SidecarPlace]:
    last = (
        select(func.max(WriteRow.id))
        .where(WriteRow.photo_id == PhotoRow.id, WriteRow.target == SIDECAR, WriteRow.state == _DONE)
        .correlate(PhotoRow)
        .scalar_subquery()
    )
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path, WriteRow.path, WriteRow.hash_after)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .join(WriteRow, WriteRow.id == last)
        .where(which, PhotoRow.missing_since.is_(None), WriteRow.hash_after.is_not(None), _sidecar_is_ours())
        .order_by(PhotoRow.id)
    )
    return [
        SidecarPlace(photo_id, PhotoPath(disk_path(root), disk_path(photo)).absolute, disk_path(path), digest)
        for photo_id, root, photo, path, digest in rows
        if digest is not None
    ]


def _sidecar_is_ours() -> ColumnElement[bool]:
    """Whether there are keywords of tagger's in a photo's sidecar."""
    ours = (LedgerRow.target == SIDECAR, LedgerRow.ended_by.is_(None), LedgerRow.kind != REFUSED)
    return select(LedgerRow.id).where(LedgerRow.photo_id == PhotoRow.id, *ours).exists()


def photo_moved(session: Session, photo_id: int) -> None:
    """Have the keywords of a photo that was renamed settled again, if it has a sidecar: this must go with it."""
    changed = update(PhotoRow).where(PhotoRow.id == photo_id, _sidecar_is_ours()).values(keywords_settled_as=None)
    session.execute(changed, execution_options={"synchronize_session": False})


def sidecar_moved(session: Session, photo_id: int, before: str, after: str) -> None:
    """Record that somebody moved a photo's sidecar, as he moved the photo."""
    there = (WriteRow.photo_id == photo_id, WriteRow.target == SIDECAR, WriteRow.path == stored_path(before))
    session.execute(update(WriteRow).where(*there).values(path=stored_path(after)))


def sidecar_found(session: Session, run_id: int, planned: Planned, now: float) -> None:
    """Record a sidecar with keywords of tagger's that the ledger did not know: a write that changed nothing."""
    (number,) = begin(session, run_id, [planned], now)
    done(session, {number: planned.after.mtime_ns})


def entries_of(session: Session, photo_ids: Sequence[int]) -> dict[tuple[int, str], list[Entry]]:
    """The open entries, by photo and target."""
    found: dict[tuple[int, str], list[Entry]] = {}
    query = (
        select(LedgerRow).where(LedgerRow.photo_id.in_(photo_ids), LedgerRow.ended_by.is_(None)).order_by(LedgerRow.id)
    )
    for row in session.scalars(query):
        found.setdefault((row.photo_id, row.target), []).append(Entry(row.field, row.keyword, row.kind))
    return found


def of_run(session: Session, photo_id: int, run_id: int) -> set[tuple[str, Entry]]:
    """The entries (target, entry) of a photo that a run added and that are still open."""
    query = (
        select(LedgerRow)
        .join(WriteRow, WriteRow.id == LedgerRow.write_id)
        .where(LedgerRow.photo_id == photo_id, LedgerRow.ended_by.is_(None), WriteRow.run_id == run_id)
    )
    return {(row.target, Entry(row.field, row.keyword, row.kind)) for row in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class Story:
    """A write with the command of its run and the entries that it added and ended."""

    write: Write
    command: str
    added: tuple[Entry, ...]
    ended: tuple[Entry, ...]


def history(session: Session, photo_id: int) -> list[Story]:
    """Every write that changed a photo or its sidecar, the newest first."""
    commands = dict(session.execute(select(RunRow.id, RunRow.command)).all())
    added: dict[int | None, list[Entry]] = {}
    ended: dict[int | None, list[Entry]] = {}
    for row in session.scalars(select(LedgerRow).where(LedgerRow.photo_id == photo_id).order_by(LedgerRow.id)):
        entry = Entry(row.field, row.keyword, row.kind)
        added.setdefault(row.write_id, []).append(entry)
        if row.ended_by is not None:
            ended.setdefault(row.ended_by, []).append(entry)
    return [
        Story(write, commands[write.run_id], tuple(added.get(write.id, ())), tuple(ended.get(write.id, ())))
        for write in writes_of(session, photo_id)
        if write.before != write.after
    ]


def photos_with_entries(session: Session, *, run_id: int | None = None) -> list[int]:
    """The photos with keywords of tagger's in them or their sidecars (added by one run, if named)."""
    query = select(LedgerRow.photo_id).where(LedgerRow.ended_by.is_(None), LedgerRow.kind != REFUSED).distinct()
    if run_id is not None:
        query = query.join(WriteRow, WriteRow.id == LedgerRow.write_id).where(WriteRow.run_id == run_id)
    return sorted(session.scalars(query))


def count_entries(session: Session, root_id: int | None = None) -> int:
    """Number of photos (of a root) with keywords of tagger's in them or their sidecars."""
    query = select(func.count(LedgerRow.photo_id.distinct())).where(
        LedgerRow.ended_by.is_(None), LedgerRow.kind != REFUSED
    )
    if root_id is not None:
        query = query.join(PhotoRow, PhotoRow.id == LedgerRow.photo_id).where(PhotoRow.root_id == root_id)
    return session.scalar(query) or 0


def labelled_photos(session: Session) -> list[int]:
    """All present labelled photos."""
    there = (PhotoRow.missing_since.is_(None), PhotoRow.labelled_by.is_not(None))
    return list(session.scalars(select(PhotoRow.id).where(*there).order_by(PhotoRow.id)))


def mark_settled(session: Session, photo_ids: Sequence[int], digest: str | None) -> None:
    """Record the settings under which the keywords of photos were settled; None: they must be settled again."""
    for part in jobs.chunks(photo_ids):
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(part)).values(keywords_settled_as=digest))


def unsettled(session: Session, digest: str, *, queued_too: bool = False) -> list[int]:
    """The labelled photos whose keywords are not settled under these settings; by default only those not queued."""
    query = (
        select(PhotoRow.id)
        .outerjoin(JobRow, jobs.of_photo(JobKind.KEYWORDS))
        .where(
            PhotoRow.missing_since.is_(None),
            PhotoRow.labelled_by.is_not(None),
            PhotoRow.keywords_settled_as.is_distinct_from(digest),
            *([] if queued_too else [JobRow.id.is_(None)]),
        )
        .order_by(PhotoRow.id)
    )
    return list(session.scalars(query))


def enqueue_unsettled(session: Session, digest: str) -> int:
    """Queue the photos whose keywords are not settled under these settings; returns how many."""
    found = unsettled(session, digest)
    jobs.enqueue(session, found, jobs.PRIORITY_ARCHIVE, kind=JobKind.KEYWORDS)
    return len(found)
