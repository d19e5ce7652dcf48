"""Photos as a scan or the watcher finds them: new, changed, renamed, missing, back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from tagger.core.names import folded
from tagger.core.paths import disk_path, stored_path
from tagger.core.photo import Fingerprint, JobKind
from tagger.store import jobs, ledger
from tagger.store.session import Store
from tagger.store.tables import (
    JobRow,
    PhotoRow,
)

_PAGE = 5000
_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """What a scan compares a file with. `path`: relative to its root, as the operating system spells it.

    `unseen`: its file was not there when it was last looked for, but the photo is not taken as gone. `sidecar`: which
    state of its sidecars was read.
    """

    id: int
    path: str
    fingerprint: Fingerprint
    missing: bool
    unseen: bool
    sidecar: int | None = None


def known_count(session: Session, root_id: int) -> int:
    """Number of recorded photos of a root, present or missing."""
    return session.scalar(select(func.count()).where(PhotoRow.root_id == root_id)) or 0


def present_count(session: Session, root_id: int) -> int:
    """Number of photos of a root that are not recorded as missing."""
    return (
        session.scalar(select(func.count()).where(PhotoRow.root_id == root_id, PhotoRow.missing_since.is_(None))) or 0
    )


def roots_of(session: Session, photo_ids: Sequence[int]) -> set[int]:
    """The ids of the roots in which some photos lie."""
    found: set[int] = set()
    for part in jobs.chunks(photo_ids):
        found.update(session.scalars(select(PhotoRow.root_id.distinct()).where(PhotoRow.id.in_(part))))
    return found


def photos_below(session: Session, photo_ids: Sequence[int], root_ids: Sequence[int]) -> list[int]:
    """Those of some photos that lie in some roots, in the same order."""
    found: set[int] = set()
    for part in jobs.chunks(photo_ids):
        found.update(session.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.root_id.in_(root_ids))))
    return [photo_id for photo_id in photo_ids if photo_id in found]


def known_photos(store: Store, root_id: int) -> Iterator[KnownPhoto]:
    """All photos of a root in the order of their stored paths, read in pages.

    Each page is a transaction of its own, so that a walk over a slow disk does not hold a database snapshot.
    """
    after = ""
    while True:
        with store.read() as session:
            rows = session.execute(
                select(
                    PhotoRow.id,
                    PhotoRow.path,
                    PhotoRow.size,
                    PhotoRow.mtime_ns,
                    PhotoRow.inode,
                    PhotoRow.ctime_ns,
                    PhotoRow.missing_since,
                    PhotoRow.unseen_since,
                    PhotoRow.sidecar,
                )
                .where(PhotoRow.root_id == root_id, PhotoRow.path > after)
                .order_by(PhotoRow.path)
                .limit(_PAGE)
            ).all()
        for photo_id, path, size, mtime, inode, ctime, missing, unseen, sidecar in rows:
            fingerprint = Fingerprint(size, mtime, inode, ctime)
            yield KnownPhoto(photo_id, disk_path(path), fingerprint, missing is not None, unseen is not None, sidecar)
        if len(rows) < _PAGE:
            return
        after = rows[-1][1]


def known_at(session: Session, root_id: int, paths: Sequence[str]) -> dict[str, KnownPhoto]:
    """The recorded photos at some paths of a root, by path."""
    found: dict[str, KnownPhoto] = {}
    for start in range(0, len(paths), 500):
        part = [stored_path(path) for path in paths[start : start + 500]]
        for row in session.scalars(select(PhotoRow).where(PhotoRow.root_id == root_id, PhotoRow.path.in_(part))):
            path = disk_path(row.path)
            fingerprint = Fingerprint(row.size, row.mtime_ns, row.inode, row.ctime_ns)
            missing, unseen = row.missing_since is not None, row.unseen_since is not None
            found[path] = KnownPhoto(row.id, path, fingerprint, missing, unseen, row.sidecar)
    return found


def present_below(session: Session, root_id: int, folder: str) -> list[str]:
    """The paths of photos in a folder of a root and below it that are not recorded as missing."""
    return [disk_path(path) for path in session.scalars(_below(root_id, folder))]


def is_anything_below(session: Session, root_id: int, folder: str) -> bool:
    """Whether there are photos in a folder of a root or below it that are not recorded as missing."""
    return session.scalar(_below(root_id, folder).limit(1)) is not None


def _below(root_id: int, folder: str) -> Select[str]:
    # A range of paths, which the index answers: "0" follows "/".
    first, last = f"{stored_path(folder)}/", f"{stored_path(folder)}0"
    here = (PhotoRow.root_id == root_id, PhotoRow.path > first, PhotoRow.path < last)
    return select(PhotoRow.path).where(*here, PhotoRow.missing_since.is_(None))


def count_missing_since(session: Session, root_id: int, since: float) -> int:
    """Number of photos of a root that went missing at or after a time."""
    return (
        session.scalar(select(func.count()).where(PhotoRow.root_id == root_id, PhotoRow.missing_since >= int(since)))
        or 0
    )


def drop_missing(session: Session, before: float) -> int:
    """Delete photos that went missing before a time; returns how many."""
    result = session.execute(delete(PhotoRow).where(PhotoRow.missing_since < int(before)))
    return int(result.rowcount)  # type: ignore[attr-defined]


def path_columns(path: str) -> dict[str, str]:
    """The columns of a photo that hold its path, relative to its root, as the operating system spells it."""
    stored = stored_path(path)
    return {"path": stored, "path_folded": folded(stored)}


def stored_fingerprint(fingerprint: Fingerprint) -> Fingerprint:
    """A fingerprint clipped to what the database can hold: 64-bit signed numbers (ZFS and the year 2300 need more)."""
    return Fingerprint(
        fingerprint.size,
        max(-_INT64, min(_INT64, fingerprint.mtime_ns)),
        None if fingerprint.inode is None else fingerprint.inode & _INT64,
        None if fingerprint.ctime_ns is None else max(-_INT64, min(_INT64, fingerprint.ctime_ns)),
    )


def fingerprint_columns(fingerprint: Fingerprint) -> dict[str, int | None]:
    """The columns of a photo that hold the fingerprint of its file."""
    stored = stored_fingerprint(fingerprint)
    return {"size": stored.size, "mtime_ns": stored.mtime_ns, "inode": stored.inode, "ctime_ns": stored.ctime_ns}


def add_photos(  # noqa: PLR0913 - a scan and a watcher queue at other times and priorities
    session: Session,
    root_id: int,
    files: Sequence[tuple[str, Fingerprint]],
    now: float,
    settle: float,
    priority: int = jobs.PRIORITY_NEW,
) -> list[int]:
    """Add new photos (path relative to the root, fingerprint) and queue them; returns their ids."""
    if not files:
        return []
    rows = [
        {"root_id": root_id, **path_columns(path), "added_at": int(now), **fingerprint_columns(fingerprint)}
        for path, fingerprint in files
    ]
    ids = session.scalars(insert(PhotoRow).returning(PhotoRow.id, sort_by_parameter_order=True), rows).all()
    _enqueue_settled(session, list(zip(ids, [f for _, f in files], strict=True)), now, settle, priority)
    return list(ids)


def last_photo_id(session: Session) -> int:
    """The highest photo id; photos added later get higher ones."""
    return session.scalar(select(func.max(PhotoRow.id))) or 0


def fail_photo(session: Session, photo_id: int, reason: str) -> None:
    """Make a photo's job a dead letter without trying it."""
    job_id = session.scalar(select(JobRow.id).where(JobRow.photo_id == photo_id, JobRow.kind == JobKind.LABEL))
    if job_id is not None:
        jobs.fail(session, job_id, reason)


def change_photos(session: Session, files: Sequence[tuple[int, Fingerprint]], now: float, settle: float) -> None:
    """Queue known photos whose file changed. They keep their labels until the new ones are stored."""
    for photo_id, fingerprint in files:
        set_fingerprint(session, photo_id, fingerprint)
        # The hash of the new bytes is unknown until the photo is decoded.
        session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(content_hash=None))
    _enqueue_settled(session, files, now, settle)


def _enqueue_settled(
    session: Session,
    files: Sequence[tuple[int, Fingerprint]],
    now: float,
    settle: float,
    priority: int = jobs.PRIORITY_NEW,
) -> None:
    """Queue photos, each due once its file has been unchanged for `settle` seconds."""
    due: dict[int, list[int]] = {}
    for photo_id, fingerprint in files:
        still_at = fingerprint.mtime_ns / 1e9 + settle
        # A file time in the future (a wrong clock) must not keep the photo waiting.
        wait = int(still_at) + 1 if now < still_at <= now + settle else 0
        due.setdefault(wait, []).append(photo_id)
    for not_before, ids in due.items():
        jobs.enqueue(session, ids, priority, not_before, kind=JobKind.LABEL)


def photos_back(session: Session, files: Sequence[tuple[int, Fingerprint]]) -> None:
    """Record missing photos as present again; the files are unchanged, so labels stay."""
    for photo_id, fingerprint in files:
        set_fingerprint(session, photo_id, fingerprint)
    ids = [photo_id for photo_id, _ in files]
    _requeue_unlabelled(session, ids)


def photos_gone(session: Session, photo_ids: Sequence[int], now: float) -> None:
    """Record photos as missing: they leave the search, but nothing of them is deleted."""
    for start in range(0, len(photo_ids), 500):
        session.execute(
            update(PhotoRow)
            .where(PhotoRow.id.in_(photo_ids[start : start + 500]), PhotoRow.missing_since.is_(None))
            .values(missing_since=int(now), unseen_since=None)
        )
    jobs.drop_queued(session, photo_ids, None)


def photos_unseen(session: Session, photo_ids: Sequence[int], now: float) -> None:
    """Record that the files of photos are not at their paths, without taking the photos as gone."""
    for part in jobs.chunks(photo_ids):
        session.execute(
            update(PhotoRow).where(PhotoRow.id.in_(part), PhotoRow.unseen_since.is_(None)).values(unseen_since=int(now))
        )


def unseen_photos(session: Session, root_id: int) -> list[int]:
    """The photos of a root that are recorded as unseen."""
    unseen = (PhotoRow.unseen_since.is_not(None), PhotoRow.missing_since.is_(None))
    return list(session.scalars(select(PhotoRow.id).where(PhotoRow.root_id == root_id, *unseen)))


def present_of(session: Session, photo_ids: Sequence[int]) -> list[int]:
    """Those of some photos that are not missing."""
    found: list[int] = []
    for part in jobs.chunks(photo_ids):
        there = select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.missing_since.is_(None))
        found += session.scalars(there)
    return found


def move_photo(session: Session, photo_id: int, root_id: int, path: str, fingerprint: Fingerprint) -> None:
    """Record that a photo's file was renamed; labels, corrections and features stay.

    Raises sqlalchemy's IntegrityError if another photo is recorded at that path.
    """
    # Its sidecars may have stayed behind, or others may be here.
    place = {"root_id": root_id, **path_columns(path), "fields_as": None}
    session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(**place))
    set_fingerprint(session, photo_id, fingerprint)
    ledger.photo_moved(session, photo_id)
    _requeue_unlabelled(session, [photo_id])


def set_fingerprint(session: Session, photo_id: int, fingerprint: Fingerprint) -> None:
    """Record a photo's fingerprint, and that it is present."""
    values = {**fingerprint_columns(fingerprint), "missing_since": None, "unseen_since": None}
    session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(values))


def _requeue_unlabelled(session: Session, photo_ids: Sequence[int]) -> None:
    """Queue photos without labels and without a job (it was deleted when they went missing)."""
    unlabelled = session.scalars(
        select(PhotoRow.id)
        .outerjoin(JobRow, jobs.of_photo(JobKind.LABEL))
        .where(PhotoRow.id.in_(photo_ids), PhotoRow.labelled_by.is_(None), JobRow.id.is_(None))
    ).all()
    jobs.enqueue(session, list(unlabelled), jobs.PRIORITY_NEW, kind=JobKind.LABEL)
