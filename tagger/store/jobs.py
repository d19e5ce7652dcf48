"""The durable job queue: one job per photo and kind of work.

An owner claims jobs under a lease, and renews it while they are in work (`tagger.store.leases`). A lease that expired
counts as none: its job is due. The holder of the library's work lock (`tagger.store.lock`) also reclaims at once what
an earlier holder left leased, because that process is dead.

Times are the system's, whose clock may be set: a lease or a postponement that ends later than any can is over, too.

A job that was claimed `ISOLATE_AFTER` times without a result is isolated: it is claimed alone from then on. An isolated
job that crashed the process `MAX_CRASHES` times becomes a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, true, update
from sqlalchemy.orm import Session

from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import Fingerprint, JobKind, JobState
from tagger.store.tables import JobRow, PhotoRow, RootRow

# What a person asked for by naming the photos: it alone is done then, and whatever else waits goes on waiting.
PRIORITY_ASKED = 0
PRIORITY_NEW = 10
PRIORITY_ARCHIVE = 30
PRIORITY_STALE = 50
ISOLATE_AFTER = 3
MAX_CRASHES = 2
LEASE_SECONDS = 900
# Clocks of machines that share a database may differ by so much.
_CLOCKS_DIFFER = 900
# Longer than any postponement.
_LONGEST_WAIT = 2 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job, with its photo as it was recorded. `isolated`: it must be alone in the child process."""

    job_id: int
    photo_id: int
    root_id: int
    path: PhotoPath
    fingerprint: Fingerprint
    content_hash: bytes | None
    pixel_hash: bytes | None
    labelled_by: int | None
    priority: int
    attempts: int
    isolated: bool


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to claim. `root_ids`: photos of these roots; None for all.

    `up_to`: the last priority that may be worked on now. `isolated_too`: isolated jobs as well.
    """

    kind: JobKind
    root_ids: Sequence[int] | None = None
    up_to: int = PRIORITY_STALE
    isolated_too: bool = True


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Number of jobs in each state."""

    queued: int
    leased: int
    failed: int


def of_photo(kind: JobKind) -> ColumnElement[bool]:
    """The join condition of a photo and its job of one kind of work."""
    return and_(JobRow.photo_id == PhotoRow.id, JobRow.kind == kind)


def enqueue(session: Session, photo_ids: Sequence[int], priority: int, not_before: int = 0, *, kind: JobKind) -> None:
    """Queue photos for one kind of work. An existing job, whatever its state, is reset instead of duplicated."""
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


def claim(session: Session, which: JobFilter, owner: str, limit: int, now: float) -> list[Job]:
    """Lease up to `limit` due jobs to `owner`; if there are none, one isolated job.

    Makes an isolated job that crashed too often a dead letter instead of claiming it again.
    """
    _expire_leases(session, now)
    jobs = _pick(session, which, limit, now, isolated=False)
    if not jobs and which.isolated_too:
        while jobs := _pick(session, which, 1, now, isolated=True):
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
                # Counted at the claim, because a killed process cannot count.
                attempts=JobRow.attempts + 1,
                crashes=JobRow.crashes + (1 if jobs[0].isolated else 0),
                lease_owner=owner,
                lease_until=int(now) + LEASE_SECONDS,
            )
        )
    return jobs


def _pick(session: Session, which: JobFilter, limit: int, now: float, *, isolated: bool) -> list[Job]:
    here = [] if which.root_ids is None else [PhotoRow.root_id.in_(which.root_ids)]
    attempts = JobRow.attempts >= ISOLATE_AFTER if isolated else JobRow.attempts < ISOLATE_AFTER
    rows = session.execute(
        select(JobRow.id, JobRow.priority, JobRow.attempts, PhotoRow, RootRow.path)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(
            JobRow.kind == which.kind,
            JobRow.state == JobState.QUEUED,
            or_(JobRow.not_before <= int(now), JobRow.not_before > int(now) + _LONGEST_WAIT),
            JobRow.priority <= which.up_to,
            *here,
            attempts,
        )
        # Isolated jobs with the fewest crashes first: a photo hit once by a kill from outside is retried after all
        # others, not at once.
        .order_by(*([JobRow.crashes] if isolated else []), JobRow.priority, JobRow.id)
        .limit(limit)
        .with_for_update(of=JobRow, skip_locked=True)
    )
    return [
        _job(photo, root, job_id=job_id, priority=priority, attempts=tried, isolated=isolated)
        for job_id, priority, tried, photo, root in rows
    ]


def _job(photo: PhotoRow, root: str, *, job_id: int, priority: int, attempts: int, isolated: bool) -> Job:  # noqa: PLR0913 - a field of the job that the photo does not know is a parameter
    return Job(
        job_id=job_id,
        photo_id=photo.id,
        root_id=photo.root_id,
        path=PhotoPath(disk_path(root), disk_path(photo.path)),
        fingerprint=Fingerprint(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns),
        content_hash=photo.content_hash,
        pixel_hash=photo.pixel_hash,
        labelled_by=photo.labelled_by,
        priority=priority,
        attempts=attempts,
        isolated=isolated,
    )


def as_jobs(session: Session, photo_ids: Sequence[int], *, missing_too: bool = False) -> list[Job]:
    """Present photos as jobs that were neither queued nor claimed: for dry runs, and for work done at once."""
    there = [] if missing_too else [PhotoRow.missing_since.is_(None)]
    found = []
    for part in chunks(photo_ids):
        rows = session.execute(
            select(PhotoRow, RootRow.path)
            .join(RootRow, RootRow.id == PhotoRow.root_id)
            .where(PhotoRow.id.in_(part), *there)
            .order_by(PhotoRow.id)
        )
        found += [
            _job(photo, root, job_id=0, priority=PRIORITY_NEW, attempts=0, isolated=False) for photo, root in rows
        ]
    return found


def _expired(now: float) -> ColumnElement[bool]:
    return or_(JobRow.lease_until < int(now), JobRow.lease_until > int(now) + LEASE_SECONDS + _CLOCKS_DIFFER)


def _expire_leases(session: Session, now: float) -> None:
    session.execute(
        update(JobRow)
        .where(JobRow.state == JobState.LEASED, _expired(now))
        .values(state=JobState.QUEUED, lease_owner=None, lease_until=None)
    )


def renew_leases(session: Session, job_ids: Sequence[int], owner: str, now: float) -> None:
    """Extend the leases of those jobs that `owner` still holds."""
    for part in chunks(job_ids):
        session.execute(
            update(JobRow)
            .where(JobRow.id.in_(part), JobRow.state == JobState.LEASED, JobRow.lease_owner == owner)
            .values(lease_until=int(now) + LEASE_SECONDS)
        )


def still_held(session: Session, job_ids: Sequence[int], owner: str) -> set[int]:
    """Those of some jobs that `owner` still holds; results for the others must be discarded."""
    mine = select(JobRow.id).where(JobRow.id.in_(job_ids), JobRow.state == JobState.LEASED, JobRow.lease_owner == owner)
    return set(session.scalars(mine))


def complete(session: Session, *job_ids: int) -> None:
    """Delete jobs whose work is done and stored."""
    session.execute(delete(JobRow).where(JobRow.id.in_(job_ids)))


def fail(session: Session, job_id: int, reason: str) -> None:
    """Make a job a dead letter: not tried again until the file changes or a person retries it."""
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(state=JobState.FAILED, error=reason, lease_owner=None, lease_until=None)
    )


def release(session: Session, job_ids: Sequence[int], owner: str) -> None:
    """Put claimed jobs back into the queue as if they had never been claimed (an orderly stop)."""
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


def release_all(session: Session, owner: str) -> None:
    """Give back whatever one owner still has leased, because nothing of it is in work any longer."""
    held = session.scalars(select(JobRow.id).where(JobRow.lease_owner == owner, JobRow.state == JobState.LEASED)).all()
    release(session, held, owner)


def release_after_crash(session: Session, job_ids: Sequence[int], owner: str, how: str) -> int:
    """Requeue jobs whose child process died, isolated from now on. Returns how many became dead letters instead.

    An isolated job fails after `MAX_CRASHES` crashes. `how`: how the child died, for people.
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
    """Reset crash counts, and requeue photos that failed only because of crashes."""
    mine = JobRow.kind == JobKind.LABEL
    session.execute(update(JobRow).where(mine, JobRow.state == JobState.QUEUED).values(crashes=0))
    session.execute(
        update(JobRow)
        .where(mine, JobRow.state == JobState.FAILED, JobRow.crashes >= MAX_CRASHES)
        .values(state=JobState.QUEUED, attempts=0, crashes=0, error=None)
    )


def postpone(session: Session, job_id: int, not_before: int, *, isolated: bool = False) -> None:
    """Requeue a job, due at a time (a file that is still being written, memory that is short).

    `isolated`: it is claimed alone from now on.
    """
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


def reclaim(session: Session, owner: str, kind: JobKind, *, anybodys: bool = False) -> int:
    """Requeue the jobs of one kind that dead holders of the owner's lock left leased; returns how many.

    `anybodys`: whoever holds them, because nobody could without this lock.
    """
    lock = owner.partition(":")[0]
    dead = true() if anybodys else or_(JobRow.lease_owner == lock, JobRow.lease_owner.startswith(f"{lock}:"))
    result = session.execute(
        update(JobRow)
        .where(JobRow.kind == kind, JobRow.state == JobState.LEASED, dead)
        .values(state=JobState.QUEUED, lease_owner=None, lease_until=None)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def counts(
    session: Session, root_ids: Sequence[int] | None = None, *, kind: JobKind, up_to: int = PRIORITY_STALE
) -> QueueCounts:
    """Number of jobs of one kind in each state; missing photos do not count. Leases that expired are among `leased`.

    `up_to`: the last priority that counts.
    """
    query = (
        select(JobRow.state, func.count())
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .where(JobRow.kind == kind, JobRow.priority <= up_to, PhotoRow.missing_since.is_(None))
        .group_by(JobRow.state)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    found = dict(session.execute(query).all())
    return QueueCounts(found.get(JobState.QUEUED, 0), found.get(JobState.LEASED, 0), found.get(JobState.FAILED, 0))


def new_photos(session: Session, kind: JobKind) -> int:
    """Number of photos waiting for one kind of work that no model labelled yet."""
    query = (
        select(func.count())
        .select_from(JobRow)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .where(JobRow.kind == kind, JobRow.state != JobState.FAILED, PhotoRow.labelled_by.is_(None))
    )
    return session.scalar(query) or 0


def counts_by_priority(session: Session) -> dict[int, int]:
    """Number of photos to be labelled, by priority."""
    waiting = (JobRow.kind == JobKind.LABEL, JobRow.state != JobState.FAILED)
    query = select(JobRow.priority, func.count()).where(*waiting).group_by(JobRow.priority)
    return dict(session.execute(query).all())


def next_due(
    session: Session, root_ids: Sequence[int] | None, up_to: int = PRIORITY_STALE, *, kind: JobKind, now: float
) -> int | None:
    """When the first job of a kind is due (seconds since the epoch); None if there is none.

    A leased job is due when its lease ends: its owner may be dead.
    """
    leased = JobRow.state == JobState.LEASED
    due = case(
        (and_(leased, _expired(now)), 0),
        (leased, JobRow.lease_until + 1),
        (JobRow.not_before > int(now) + _LONGEST_WAIT, 0),
        else_=JobRow.not_before,
    )
    waiting = (JobRow.kind == kind, JobRow.state != JobState.FAILED, JobRow.priority <= up_to)
    query = select(func.min(due)).where(*waiting)
    if root_ids is not None:
        query = query.join(PhotoRow, PhotoRow.id == JobRow.photo_id).where(PhotoRow.root_id.in_(root_ids))
    found: int | None = session.scalar(query)
    return found


def drop_queued(session: Session, photo_ids: Sequence[int], kind: JobKind | None) -> None:
    """Delete queued jobs of photos, of one kind of work (None: of every kind)."""
    which = [] if kind is None else [JobRow.kind == kind]
    for part in chunks(photo_ids):
        session.execute(delete(JobRow).where(JobRow.photo_id.in_(part), JobRow.state == JobState.QUEUED, *which))


def chunks(ids: Sequence[int], size: int = 500) -> Iterable[Sequence[int]]:
    """Split a long list of ids: SQLite limits the number of parameters of a statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
