"""Labels of photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from tagger.core.photo import Label, Origin
from tagger.store import jobs
from tagger.store.models import Model
from tagger.store.tables import (
    LabelRow,
    PhotoLabelRow,
    PhotoRow,
)


class LabelIds:
    """The ids of labels by key, cached, because every photo needs a handful of the same few hundred."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}

    def id_of(self, session: Session, label: Label) -> int:
        """The id of a label's row, made or renamed where needed."""
        cached = self._ids.get((label.key, label.name))
        if cached is not None:
            return cached
        row = session.scalar(select(LabelRow).where(LabelRow.key == label.key))
        if row is None:
            row = LabelRow(key=label.key, name=label.name)
            session.add(row)
        elif row.name != label.name:
            row.name = label.name
        session.flush()
        # Not cached until the next time: if this transaction is rolled back, the row is gone.
        return row.id

    def remember(self, session: Session) -> None:
        """Fill the cache from what is committed."""
        self._ids = {(row.key, row.name): row.id for row in session.scalars(select(LabelRow))}


def relabel_photos(
    session: Session,
    label_ids: LabelIds,
    model: Model,
    labels: Mapping[int, Sequence[Label]],
    now: float,
    taught: Sequence[int] = (),
) -> None:
    """Give photos labels from their stored features, under a model they may not have been labelled by before.

    Taught labels whose row ids are not in `taught` stay as they are.
    """
    for ids in jobs.chunks(list(labels)):
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(ids)).values(labelled_columns(model, now)))
        replace_labels(session, label_ids, model, {photo_id: labels[photo_id] for photo_id in ids}, taught)


def labelled_columns(model: Model, now: float) -> dict[str, int | None]:
    """A photo's columns that say when what labelled it; the keywords of its new labels are still to be written."""
    return {"labelled_at": int(now), "labelled_by": model.id, "keywords_settled_as": None}


def replace_labels(
    session: Session, label_ids: LabelIds, model: Model, labels: Mapping[int, Sequence[Label]], taught: Sequence[int]
) -> None:
    """Put the policy's labels in the place of those that the policy gave before."""
    ids = list(labels)
    decided = or_(
        PhotoLabelRow.origin.in_((Origin.MODEL, Origin.HIERARCHY)),
        and_(PhotoLabelRow.origin == int(Origin.TAUGHT), PhotoLabelRow.label_id.in_(taught)),
    )
    session.execute(
        delete(PhotoLabelRow).where(
            PhotoLabelRow.photo_id.in_(ids),
            PhotoLabelRow.removed.is_(False),
            decided,
        )
    )
    kept = set(
        session.execute(select(PhotoLabelRow.photo_id, PhotoLabelRow.label_id).where(PhotoLabelRow.photo_id.in_(ids)))
    )
    rows = [
        {
            "photo_id": photo_id,
            "label_id": label_id,
            "confidence": label.confidence,
            "rank": label.rank,
            "origin": int(label.origin),
            "shown": label.shown,
            "removed": False,
            "model_id": model.id,
        }
        for photo_id, given in labels.items()
        for label in given
        if (photo_id, (label_id := label_ids.id_of(session, label))) not in kept
    ]
    if rows:
        session.execute(insert(PhotoLabelRow), rows)


def labels_of(session: Session, photo_ids: Sequence[int]) -> dict[int, list[Label]]:
    """The labels of photos that are not removed, by photo, in rank order."""
    rows = session.execute(
        select(PhotoLabelRow, LabelRow.key, LabelRow.name)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id.in_(photo_ids), PhotoLabelRow.removed.is_(False))
        .order_by(PhotoLabelRow.photo_id, PhotoLabelRow.rank)
    )
    found: dict[int, list[Label]] = {photo_id: [] for photo_id in photo_ids}
    for row, key, name in rows:
        found[row.photo_id].append(Label(key, name, row.confidence, row.rank, Origin(row.origin), row.shown))
    return found


def anything_labelled(session: Session) -> bool:
    """Whether any photo is labelled."""
    return session.scalar(select(PhotoRow.id).where(PhotoRow.labelled_by.is_not(None)).limit(1)) is not None
