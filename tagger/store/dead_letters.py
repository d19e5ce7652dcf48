"""Dead letters: jobs that failed for good, and are not tried again until the file changes or a person retries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import JobKind, JobState
from tagger.store import jobs
from tagger.store.tables import JobRow, PhotoRow, RootRow


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter: a photo, the kind of work that failed, and the reason."""

    photo_id: int
    path: PhotoPath
    reason: str
    kind: JobKind
    job_id: int = 0


def listed(session: Session, kind: JobKind, limit: int | None = None) -> list[DeadLetter]:
    """The dead letters of one kind of work, by path."""
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path, JobRow.error)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(JobRow.kind == kind, JobRow.state == JobState.FAILED, PhotoRow.missing_since.is_(None))
        .order_by(RootRow.path, PhotoRow.path)
        .limit(limit)
    )
    return [
        DeadLetter(photo_id, PhotoPath(disk_path(root), disk_path(path)), error or "", kind)
        for photo_id, root, path, error in rows
    ]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many photos have dead letters of one kind of work."""

    kind: JobKind
    text: str
    photos: int


def reasons(session: Session, most: int) -> list[Reason]:
    """The most frequent reasons of dead letters of all kinds of work."""
    photos = func.count().label("photos")
    rows = session.execute(
        select(JobRow.kind, JobRow.error, photos)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .where(JobRow.state == JobState.FAILED, PhotoRow.missing_since.is_(None))
        .group_by(JobRow.kind, JobRow.error)
        .order_by(photos.desc(), JobRow.error)
        .limit(most)
    )
    return [Reason(JobKind(kind), error or "", number) for kind, error, number in rows]


def page(session: Session, after: int, limit: int) -> list[DeadLetter]:
    """The next dead letters of all kinds of work after a job id, in the order of their ids."""
    rows = session.execute(
        select(JobRow.id, JobRow.kind, JobRow.error, PhotoRow.id, RootRow.path, PhotoRow.path)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(JobRow.state == JobState.FAILED, PhotoRow.missing_since.is_(None), JobRow.id > after)
        .order_by(JobRow.id)
        .limit(limit)
    )
    return [
        DeadLetter(photo_id, PhotoPath(disk_path(root), disk_path(path)), error or "", JobKind(kind), job_id)
        for job_id, kind, error, photo_id, root, path in rows
    ]


def retry(
    session: Session,
    root_ids: Sequence[int] | None = None,
    under: str = "",
    photo_ids: Sequence[int] | None = None,
    reason: str | None = None,
) -> int:
    """Requeue dead letters: all, or those of some roots below a stored path, of some photos, or that have a reason.

    Returns how many photos.
    """
    query = (
        select(JobRow.kind, JobRow.photo_id)
        .join(PhotoRow, PhotoRow.id == JobRow.photo_id)
        .where(JobRow.state == JobState.FAILED)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    if photo_ids is not None:
        query = query.where(PhotoRow.id.in_(photo_ids))
    if reason is not None:
        query = query.where(JobRow.error == reason)
    if under:
        query = query.where((PhotoRow.path == under) | PhotoRow.path.startswith(under + "/", autoescape=True))
    by_kind: dict[JobKind, list[int]] = {}
    for kind, photo_id in session.execute(query):
        by_kind.setdefault(JobKind(kind), []).append(photo_id)
    for kind, photo_ids in by_kind.items():
        jobs.enqueue(session, photo_ids, jobs.PRIORITY_NEW, kind=kind)
    return len({photo_id for photo_ids in by_kind.values() for photo_id in photo_ids})
