"""The durable queue: what is to be done, by whom, and what could not be done.

A job is claimed under a lease. Who holds the library's work lock (`tagger.store.lock`) may take back what
an earlier process of the same data directory left leased, because that process is dead. A photo that was
claimed `ISOLATE_AFTER` times without a result is claimed alone from then on, and one that took the process
down `MAX_CRASHES` times while it was alone is failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import Fingerprint, JobKind, JobState
from tagger.store.tables import JobRow, PhotoRow, RootRow

PRIORITY_NEW = 10
PRIORITY_ARCHIVE = 30
PRIORITY_STALE = 50
ISOLATE_AFTER = 3
MAX_CRASHES = 2
LEASE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job: which photo, where it is, and what is known of it."""

    job_id: int
    photo_id: int
    path: PhotoPath
    fingerprint: Fingerprint
    content_hash: bytes | None
    pixel_hash: bytes | None
    labelled_by: int | None
    priority: int
    attempts: int
    isolated: bool


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many jobs stand where."""

    queued: int
    leased: int
    failed: int


def of_photo(kind: JobKind) -> ColumnElement[bool]:
    """The condition that joins a photo with its job of one kind of work."""
    return and_(JobRow.photo_id == PhotoRow.id, JobRow.kind == kind)


def enqueue(session: Session, photo_ids: Sequence[int], priority: int, not_before: int = 0, *, kind: JobKind) -> None:
    """Queue photos for one kind of work.

    One that is queued, leased or failed already becomes a fresh job, never a second one.
    """
    for part in chunks(photo_ids):
        session.execute(
            update(JobRow)
            .where(JobRow.photo_id.in_(part), JobRow.kind == kind)
            .values(
                state=JobState.QUEUED,
                priority=priority,
                attempts=0,
                crashes=0,
                not_before=not_before,
                lease_owner=None,
                lease_until=None,
                error=None,
            )
        )
        have = set(session.scalars(select(JobRow.photo_id).where(JobRow.photo_id.in_(part), JobRow.kind == kind)))
        fresh = [
            {
                "photo_id": photo_id,
                "kind": kind,
                "state": JobState.QUEUED,
                "priority": priority,
                "attempts": 0,
                "crashes": 0,
                "not_before": not_before,
            }
            for photo_id in part
            if photo_id not in have
        ]
        if fresh:
            session.execute(JobRow.__table__.insert(), fresh)  # type: ignore[attr-defined]


def claim(
    session: Session,
    owner: str,
    limit: int,
    now: float,
    root_ids: Sequence[int] | None,
    *,
    isolated_too: bool,
    up_to: int = PRIORITY_STALE,
    kind: JobKind,
) -> list[Job]:
    """Lease up to `limit` jobs to `owner`: untroubled ones first, then (`isolated_too`) a troubled one, alone.

    `root_ids` None: of all roots. `up_to`: the last priority that may be worked on now.

    A troubled job that has crashed too often is failed here instead of being given out once more.
    """
    _expire_leases(session, now)
    jobs = _pick(session, kind, limit, now, root_ids, up_to, troubled=False)
    if not jobs and isolated_too:
        while jobs := _pick(session, kind, 1, now, root_ids, up_to, troubled=True):
            crashes = session.scalar(select(JobRow.crashes).where(JobRow.id == jobs[0].job_id)) or 0
            if crashes < MAX_CRASHES:
                break
            fail(
                session,
                jobs[0].job_id,
                f"The photo took the process down {crashes} times when it was looked at alone.",
            )
    if jobs:
        session.execute(
            update(JobRow)
            .where(JobRow.id.in_([job.job_id for job in jobs]))
            .values(
                state=JobState.LEASED,
                # Counted now, because a process that is killed cannot count any more.
                attempts=JobRow.attempts + 1,
                crashes=JobRow.crashes + (1 if jobs[0].isolated else 0),
                lease_owner=owner,
                lease_until=int(now) + LEASE_SECONDS,
            )
        )
    return jobs


def _pick(
    session: Session,
    kind: JobKind,
    limit: int,
    now: float,
    root_ids: Sequence[int] | None,
    up_to: int,
    *,
    troubled: bool,
) -> list[Job]:
    here = [] if root_ids is None else [PhotoRow.root_id.in_(root_ids)]
    trouble = JobRow.attempts >= ISOLATE_AFTER if troubled else JobRow.attempts < ISOLATE_AFTER
    rows = session.execute(
        select(JobRow.id, JobRow.priority, JobRow.attempts, PhotoRow, RootRow.path)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(
            JobRow.kind == kind,
            JobRow.state == JobState.QUEUED,
            JobRow.not_before <= int(now),
            JobRow.priority <= up_to,
            *here,
            trouble,
        )
        # Of the troubled ones first those that have not crashed alone: a kill from outside that hits a photo once is
        # not followed by the next try of the same photo, but by all others.
        .order_by(*([JobRow.crashes] if troubled else []), JobRow.priority, JobRow.id)
        .limit(limit)
        .with_for_update(of=JobRow, skip_locked=True)
    )
    return [
        _job(photo, root, job_id=job_id, priority=priority, attempts=attempts, isolated=troubled)
        for job_id, priority, attempts, photo, root in rows
    ]


def _job(photo: PhotoRow, root: str, *, job_id: int, priority: int, attempts: int, isolated: bool) -> Job:
    return Job(
        job_id=job_id,
        photo_id=photo.id,
        path=PhotoPath(disk_path(root), disk_path(photo.path)),
        fingerprint=Fingerprint(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns),
        content_hash=photo.content_hash,
        pixel_hash=photo.pixel_hash,
        labelled_by=photo.labelled_by,
        priority=priority,
        attempts=attempts,
        isolated=isolated,
    )


def as_jobs(session: Session, photo_ids: Sequence[int]) -> list[Job]:
    """Photos that are there as jobs that nobody queued or claimed: for a trial, and for what is done at once."""
    found = []
    for part in chunks(photo_ids):
        rows = session.execute(
            select(PhotoRow, RootRow.path)
            .join(RootRow, RootRow.id == PhotoRow.root_id)
            .where(PhotoRow.id.in_(part), PhotoRow.missing_since.is_(None))
            .order_by(PhotoRow.id)
        )
        found += [
            _job(photo, root, job_id=0, priority=PRIORITY_NEW, attempts=0, isolated=False) for photo, root in rows
        ]
    return found


def _expire_leases(session: Session, now: float) -> None:
    session.execute(
        update(JobRow)
        .where(JobRow.state == JobState.LEASED, JobRow.lease_until < int(now))
        .values(state=JobState.QUEUED, lease_owner=None, lease_until=None)
    )


def still_held(session: Session, job_ids: Sequence[int], owner: str) -> set[int]:
    """Of some jobs those that `owner` still holds; a result that comes after the lease was lost is thrown away."""
    mine = select(JobRow.id).where(JobRow.id.in_(job_ids), JobRow.state == JobState.LEASED, JobRow.lease_owner == owner)
    return set(session.scalars(mine))


def complete(session: Session, *job_ids: int) -> None:
    """The work is done and stored: the jobs are gone."""
    session.execute(delete(JobRow).where(JobRow.id.in_(job_ids)))


def fail(session: Session, job_id: int, reason: str) -> None:
    """Make the job a dead letter: not tried again until the file changes or a person says so."""
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(state=JobState.FAILED, error=reason, lease_owner=None, lease_until=None)
    )


def release(session: Session, job_ids: Sequence[int], owner: str) -> None:
    """Give claimed jobs back as if they had never been claimed (an orderly stop)."""
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(job_ids), JobRow.lease_owner == owner)
        .values(
            state=JobState.QUEUED,
            attempts=JobRow.attempts - 1,
            crashes=func.coalesce(func.nullif(JobRow.crashes, 0) - 1, 0),
            lease_owner=None,
            lease_until=None,
        )
    )


def release_after_crash(session: Session, job_ids: Sequence[int], owner: str, how: str) -> int:
    """Give back jobs whose child process died: from now on each is tried alone.

    A photo that was alone in the child `MAX_CRASHES` times fails; `how` says how the child died. Returns how
    many failed.
    """
    mine = (JobRow.id.in_(job_ids), JobRow.lease_owner == owner)
    guilty = session.scalars(select(JobRow.id).where(*mine, JobRow.crashes >= MAX_CRASHES)).all()
    for job_id in guilty:
        fail(session, job_id, f"The process that looked at this photo, and at no other, {how}, {MAX_CRASHES} times.")
    session.execute(
        update(JobRow)
        .where(*mine)
        .values(state=JobState.QUEUED, attempts=ISOLATE_AFTER, lease_owner=None, lease_until=None)
    )
    return len(guilty)


def forgive_crashes(session: Session) -> None:
    """The crashes were not the photos' fault: start counting anew, and take back who failed for it alone."""
    mine = JobRow.kind == JobKind.LABEL
    session.execute(update(JobRow).where(mine, JobRow.state == JobState.QUEUED).values(crashes=0))
    session.execute(
        update(JobRow)
        .where(mine, JobRow.state == JobState.FAILED, JobRow.crashes >= MAX_CRASHES)
        .values(state=JobState.QUEUED, attempts=0, crashes=0, error=None)
    )


def postpone(session: Session, job_id: int, not_before: int, *, isolated: bool = False) -> None:
    """Try again, not before the given time (a file that is still being written, memory that is short)."""
    values: dict[str, object] = {
        "state": JobState.QUEUED,
        "not_before": not_before,
        "crashes": 0,
        "lease_owner": None,
        "lease_until": None,
    }
    if isolated:
        values["attempts"] = ISOLATE_AFTER
    session.execute(update(JobRow).where(JobRow.id == job_id).values(**values))


def reclaim(session: Session, owner: str, kind: JobKind) -> int:
    """Requeue what a dead process of the same owner left leased of one kind of work; returns how many."""
    result = session.execute(
        update(JobRow)
        .where(JobRow.kind == kind, JobRow.state == JobState.LEASED, JobRow.lease_owner == owner)
        .values(state=JobState.QUEUED, lease_owner=None, lease_until=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def counts(session: Session, root_ids: Sequence[int] | None = None, *, kind: JobKind) -> QueueCounts:
    """How many jobs of one kind of work stand where; photos that are missing do not count."""
    query = (
        select(JobRow.state, func.count())
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .where(JobRow.kind == kind, PhotoRow.missing_since.is_(None))
        .group_by(JobRow.state)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    found = dict(session.execute(query).all())
    return QueueCounts(found.get(JobState.QUEUED, 0), found.get(JobState.LEASED, 0), found.get(JobState.FAILED, 0))


def counts_by_priority(session: Session) -> dict[int, int]:
    """How many photos of each priority are queued to be labelled."""
    waiting = (JobRow.kind == JobKind.LABEL, JobRow.state != JobState.FAILED)
    query = select(JobRow.priority, func.count()).where(*waiting).group_by(JobRow.priority)
    return dict(session.execute(query).all())


def next_due(
    session: Session, root_ids: Sequence[int] | None, up_to: int = PRIORITY_STALE, *, kind: JobKind
) -> int | None:
    """When the earliest queued job of a kind may be tried (seconds since the epoch); None where nothing is queued."""
    waiting = (JobRow.kind == kind, JobRow.state == JobState.QUEUED, JobRow.priority <= up_to)
    query = select(func.min(JobRow.not_before)).where(*waiting)
    if root_ids is not None:
        query = query.join(PhotoRow, PhotoRow.id == JobRow.photo_id).where(PhotoRow.root_id.in_(root_ids))
    return session.scalar(query)


def drop_queued(session: Session, photo_ids: Sequence[int], kind: JobKind | None) -> None:
    """Forget queued jobs of photos, of one kind of work (None: of every kind)."""
    which = [] if kind is None else [JobRow.kind == kind]
    for part in chunks(photo_ids):
        session.execute(delete(JobRow).where(JobRow.photo_id.in_(part), JobRow.state == JobState.QUEUED, *which))


def chunks(ids: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    """A long list of ids in parts."""
    # SQLite limits the number of parameters of one statement.
    return (ids[start : start + size] for start in range(0, len(ids), size))
