"""Photos as commands and the web interface show them: one, some, or all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.orm import Session

from tagger.core.errors import UnknownPhotoError
from tagger.core.names import folded
from tagger.core.paths import PhotoPath, disk_path, shown_path, stored_path
from tagger.core.photo import Fingerprint, JobKind, JobState, Label
from tagger.store import jobs
from tagger.store.corrections import labels_on
from tagger.store.fields import StoredFields, stored_fields
from tagger.store.labels import labels_of
from tagger.store.models import Model, all_models
from tagger.store.places import photo_places
from tagger.store.roots import all_roots
from tagger.store.session import Store
from tagger.store.tables import (
    JobRow,
    PhotoRow,
    RootRow,
)


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo without its labels and features."""

    id: int
    path: PhotoPath
    fingerprint: Fingerprint
    content_hash: bytes | None
    format: str | None
    width: int | None
    height: int | None
    taken: str | None
    added_at: int
    labelled_at: int | None
    labelled_by: int | None
    missing_since: int | None
    job_state: str | None
    error: str | None

    @property
    def state(self) -> str:
        """One word, as `tagger export` writes it: missing, failed, queued, labelled, stale and so on."""
        if self.missing_since is not None:
            return "missing"
        if self.job_state == JobState.FAILED:
            return "failed"
        if self.labelled_by is None:
            return "queued"
        return "labelled"


def _records(session: Session, condition: object, limit: int | None = None) -> list[PhotoRecord]:
    rows = session.execute(
        select(PhotoRow, RootRow.path, JobRow.state, JobRow.error)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .outerjoin(JobRow, jobs.of_photo(JobKind.LABEL))
        .where(condition)  # type: ignore[arg-type]
        .order_by(PhotoRow.id)
        .limit(limit)
    )
    return [
        PhotoRecord(
            id=photo.id,
            path=PhotoPath(disk_path(root), disk_path(photo.path)),
            fingerprint=Fingerprint(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns),
            content_hash=photo.content_hash,
            format=photo.format,
            width=photo.width,
            height=photo.height,
            taken=photo.taken,
            added_at=photo.added_at,
            labelled_at=photo.labelled_at,
            labelled_by=photo.labelled_by,
            missing_since=photo.missing_since,
            job_state=state,
            error=error,
        )
        for photo, root, state, error in rows
    ]


def find_photo(session: Session, path: str) -> PhotoRecord | None:
    """The photo at an absolute path as the operating system spells it, by any of the path's names (links), or None.

    If there is none, the only one whose path is the same name: macOS writes é in two characters, keyboards in one.
    """
    places = photo_places(all_roots(session), path)
    for root, relative in places:
        found = _records(session, and_(PhotoRow.root_id == root.id, PhotoRow.path == stored_path(relative)))
        if found:
            return found[0]
    for root, relative in places:
        alike = and_(PhotoRow.root_id == root.id, PhotoRow.path_folded == folded(stored_path(relative)))
        found = _records(session, alike, 2)
        if len(found) == 1:
            return found[0]
    return None


def photo_by_id(session: Session, photo_id: int) -> PhotoRecord | None:
    """The photo with an id, or None."""
    found = _records(session, PhotoRow.id == photo_id)
    return found[0] if found else None


def photos_by_ids(session: Session, photo_ids: Sequence[int]) -> dict[int, PhotoRecord]:
    """Photos by id."""
    return {record.id: record for part in jobs.chunks(photo_ids) for record in _records(session, PhotoRow.id.in_(part))}


def paths_of(session: Session, photo_ids: Sequence[int]) -> dict[int, PhotoPath]:
    """The paths of photos, by id."""
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(PhotoRow.id.in_(photo_ids))
    )
    return {number: PhotoPath(disk_path(root), disk_path(path)) for number, root, path in rows}


def labelled_paths(session: Session) -> list[tuple[int, PhotoPath]]:
    """The id and path of every labelled photo that is not missing, by root and path."""
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(PhotoRow.missing_since.is_(None), PhotoRow.labelled_by.is_not(None))
        .order_by(PhotoRow.root_id, PhotoRow.path)
    )
    return [(number, PhotoPath(disk_path(root), disk_path(path))) for number, root, path in rows]


def get_photo_at(session: Session, path: str) -> PhotoRecord:
    """The photo at an absolute path. Raises UnknownPhotoError."""
    record = find_photo(session, path)
    if record is None:
        raise UnknownPhotoError(shown_path(path))
    return record


@dataclass(frozen=True, slots=True)
class PhotoStory:
    """A photo with its labels, the model that gave them, and identical copies.

    `removed_labels`: (key, name) of those that a person removed. `fields`: what its header and sidecars tell.
    """

    record: PhotoRecord
    labels: list[Label]
    removed_labels: list[tuple[str, str]]
    model: Model | None
    copies: list[PhotoRecord]
    fields: StoredFields = field(default_factory=StoredFields)


def story(session: Session, record: PhotoRecord) -> PhotoStory:
    """A photo with everything that is recorded about it."""
    copies: list[PhotoRecord] = []
    if record.content_hash is not None:
        same = and_(PhotoRow.size == record.fingerprint.size, PhotoRow.content_hash == record.content_hash)
        copies = _records(session, and_(same, PhotoRow.id != record.id, PhotoRow.missing_since.is_(None)))
    model = None if record.labelled_by is None else all_models(session)[record.labelled_by]
    labels = labels_of(session, [record.id])[record.id]
    removed = [(label.key, label.name) for label in labels_on(session, record.id) if label.removed]
    return PhotoStory(record, labels, removed, model, copies, stored_fields(session, record.id))


def sample_labelled(session: Session, limit: int) -> list[PhotoRecord]:
    """Up to `limit` present labelled photos, spread evenly over the library; the same each time."""
    return _sample(session, PhotoRow.labelled_by.is_not(None), limit)


def sample_present(session: Session, limit: int) -> list[PhotoRecord]:
    """Up to `limit` present photos, labelled or not, spread evenly over the library; the same each time."""
    return _sample(session, true(), limit)


def _sample(session: Session, which: ColumnElement[bool], limit: int) -> list[PhotoRecord]:
    there = and_(which, PhotoRow.missing_since.is_(None))
    ids = list(session.scalars(select(PhotoRow.id).where(there).order_by(PhotoRow.id)))
    step = max(1, len(ids) // limit)
    return [record for part in jobs.chunks(ids[::step][:limit]) for record in _records(session, PhotoRow.id.in_(part))]


def all_records(store: Store, page: int = 1000) -> Iterator[tuple[PhotoRecord, list[Label]]]:
    """All photos with their labels, by id, read in pages."""
    after = 0
    while True:
        with store.read() as session:
            records = _records(session, PhotoRow.id > after, page)
            labels = labels_of(session, [record.id for record in records])
        for record in records:
            yield record, labels[record.id]
        if len(records) < page:
            return
        after = records[-1].id
