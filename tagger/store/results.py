"""Results of extracting features from photos: storing facts, features and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint, Inspection, JobKind, Label
from tagger.store import jobs
from tagger.store.evidence import NO_WITNESSES, UNSEEN, Seen, Witnesses, is_incomplete, kinds_column, save_seen
from tagger.store.fields import fields_columns, save_terms
from tagger.store.labels import LabelIds, LabelledBy, labelled_columns, replace_labels
from tagger.store.models import Model
from tagger.store.photos import fingerprint_columns
from tagger.store.tables import (
    FeatureRow,
    JobRow,
    ModelRow,
    PhotoRow,
)


def enqueue_stale(session: Session, model: Model, root_ids: Sequence[int] | None, *, substitute: bool = False) -> int:
    """Queue photos that another model labelled; they keep their labels meanwhile. Returns how many.

    `substitute`: the model labels only until the wanted one can, so only its own older versions' photos are queued.
    """
    stale = PhotoRow.labelled_by != model.id
    if substitute:
        own = select(ModelRow.id).where(ModelRow.architecture == model.architecture)
        stale &= PhotoRow.labelled_by.in_(own)
    return _enqueue(session, stale, root_ids)


def enqueue_incomplete(session: Session, model: Model, witnesses: Witnesses, root_ids: Sequence[int] | None) -> int:
    """Queue photos that the model labelled and of which these witnesses have yet to say something; returns how many."""
    return _enqueue(session, (PhotoRow.labelled_by == model.id) & is_incomplete(witnesses), root_ids)


def _enqueue(session: Session, which: ColumnElement[bool], root_ids: Sequence[int] | None) -> int:
    """Queue photos to be labelled again, after all others, unless they are queued or failed already."""
    query = (
        select(PhotoRow.id)
        .outerjoin(JobRow, jobs.of_photo(JobKind.LABEL))
        .where(PhotoRow.missing_since.is_(None), which, JobRow.id.is_(None))
        .order_by(PhotoRow.id)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    found = session.scalars(query).all()
    jobs.enqueue(session, found, jobs.PRIORITY_STALE, kind=JobKind.LABEL)
    return len(found)


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What was learned about one photo. `features`: as `tagger.store.features.to_bytes` makes them.

    `seen`: what else was seen; its kinds are those of the inspection.
    """

    photo_id: int
    inspection: Inspection
    features: bytes
    labels: Sequence[Label]
    seen: Seen = UNSEEN


def save_results(
    session: Session,
    label_ids: LabelIds,
    by: LabelledBy,
    found: Sequence[PhotoResult],
    witnesses: Witnesses = NO_WITNESSES,
) -> None:
    """Store facts, features, evidence and labels of photos, replacing older ones.

    Corrections of a person stay, and so do taught labels that `by` does not decide about. Uses one statement for all
    photos, because statements are most of the cost.
    """
    if not found:
        return
    ids = [result.photo_id for result in found]
    hashes = select(PhotoRow.id, PhotoRow.content_hash, PhotoRow.pixel_hash).where(PhotoRow.id.in_(ids))
    before = {row.id: (row.content_hash, row.pixel_hash) for row in session.execute(hashes)}
    state = labelled_columns(by)
    session.execute(
        update(PhotoRow), [{"id": result.photo_id, **_facts(result.inspection), **state} for result in found]
    )
    # Keep other models' features of the same picture: going back to such a model costs no inference. Models that see
    # pictures in another size have other hashes of their pixels.
    other = [result.photo_id for result in found if not _same_picture(result.inspection, *before[result.photo_id])]
    stale = FeatureRow.photo_id.in_(other) | (FeatureRow.photo_id.in_(ids) & (FeatureRow.model_id == by.model.id))
    session.execute(delete(FeatureRow).where(stale))
    rows = [{"photo_id": result.photo_id, "model_id": by.model.id, "vector": result.features} for result in found]
    session.execute(insert(FeatureRow), rows)
    read = {result.photo_id: result.inspection.fields for result in found}
    save_terms(session, {number: fields for number, fields in read.items() if fields is not None})
    save_seen(session, witnesses, {result.photo_id: result.seen for result in found}, other)
    replace_labels(session, label_ids, by, {result.photo_id: result.labels for result in found})


def _same_picture(now: Inspection, content_hash: bytes | None, pixel_hash: bytes | None) -> bool:
    """Whether a photo's bytes or pixels are those that were looked at before."""
    return now.content_hash == content_hash or now.pixel_hash == pixel_hash


def same_pixels(session: Session, photo_id: int, inspection: Inspection) -> None:
    """Record that a file changed but not its pixels (a keyword was written): labels and features stay."""
    session.execute(
        update(PhotoRow).where(PhotoRow.id == photo_id).values(**_facts(inspection), keywords_settled_as=None)
    )
    if inspection.fields is not None:
        save_terms(session, {photo_id: inspection.fields})


def record_rewrites(session: Session, files: Mapping[int, tuple[Fingerprint, bytes]]) -> None:
    """Record the new fingerprints and content hashes of files that tagger wrote keywords into.

    So the next scan does not take them for changed photos.
    """
    values = [
        {"id": photo_id, **fingerprint_columns(fingerprint), "content_hash": digest}
        for photo_id, (fingerprint, digest) in files.items()
    ]
    if values:
        session.execute(update(PhotoRow), values)


def stored_content_hash(session: Session, photo_id: int) -> bytes | None:
    """The content hash of a photo when it was last decoded."""
    return session.scalar(select(PhotoRow.content_hash).where(PhotoRow.id == photo_id))


def _facts(inspection: Inspection) -> dict[str, Any]:
    """The columns of a photo that was just inspected, and so is present."""
    return {
        **fingerprint_columns(inspection.fingerprint),
        "missing_since": None,
        "unseen_since": None,
        "content_hash": inspection.content_hash,
        "pixel_hash": inspection.pixel_hash,
        "format": inspection.facts.format,
        "width": inspection.facts.width,
        "height": inspection.facts.height,
        "taken": inspection.facts.taken,
        "kinds": kinds_column(inspection.facts.kinds),
        **fields_columns(inspection.fields),
    }


def settled_on(session: Session, model: Model, before: float) -> bool:
    """Whether this model labelled all labelled photos, each of them before a time."""
    other = select(PhotoRow.id).where(
        PhotoRow.labelled_by.is_not(None), (PhotoRow.labelled_by != model.id) | (PhotoRow.labelled_at >= int(before))
    )
    return session.scalar(select(other.exists())) is False
