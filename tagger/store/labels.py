"""Labels of photos: storing and reading them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tagger.core.photo import DERIVED, Label, Origin
from tagger.store import jobs
from tagger.store.models import Model
from tagger.store.tables import (
    LabelRow,
    PhotoLabelRow,
    PhotoRow,
)

# What a person said of a photo: labels added or confirmed, and tombstones of removed ones.
SAID_BY_PERSON = or_(PhotoLabelRow.removed.is_(True), PhotoLabelRow.origin == int(Origin.PERSON))


class LabelIds:
    """A cache of the row ids of labels: every photo needs a handful of the same few hundred."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}

    def id_of(self, session: Session, label: Label) -> int:
        """The row id of a label; inserts or renames the row if necessary."""
        cached = self._ids.get((label.key, label.name))
        if cached is not None:
            return cached
        asked = select(LabelRow).where(LabelRow.key == label.key)
        row = session.scalar(asked)
        if row is None:
            self.make(session, [label])
            row = session.scalars(asked).one()
        if row.name != label.name:
            row.name = label.name
        session.flush()
        # Not cached yet: if this transaction is rolled back, there is no such row.
        return row.id

    def make(self, session: Session, labels: Iterable[Label]) -> None:
        """Insert the rows of labels that have none. Others may make the same ones at this moment."""
        # Two that make the same rows in different orders would wait for each other for ever.
        names = sorted({label.key: label.name for label in labels if (label.key, label.name) not in self._ids}.items())
        if names:
            dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            rows = [{"key": key, "name": name} for key, name in names]
            session.execute(dialect.insert(LabelRow).on_conflict_do_nothing(), rows)

    def remember(self, session: Session) -> None:
        """Fill the cache with the committed labels. Call it at the start of a transaction."""
        # Columns, not objects: there are hundreds of rows, and a transaction for every few photos.
        rows = session.execute(select(LabelRow.key, LabelRow.name, LabelRow.id))
        self._ids = {(key, name): number for key, name, number in rows}


@dataclass(frozen=True, slots=True)
class LabelledBy:
    """The model that gives labels, and when (seconds since the epoch).

    `taught`: row ids of the taught labels that it decides about; photos keep their other taught labels.
    """

    model: Model
    now: float
    taught: Sequence[int] = ()


def relabel_photos(
    session: Session, label_ids: LabelIds, by: LabelledBy, labels: Mapping[int, Sequence[Label]]
) -> None:
    """Store labels that were derived from stored features, whatever model labelled the photos before."""
    for ids in jobs.chunks(list(labels)):
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(ids)).values(labelled_columns(by)))
        replace_labels(session, label_ids, by, {photo_id: labels[photo_id] for photo_id in ids})


def labelled_columns(by: LabelledBy) -> dict[str, int | None]:
    """The columns of a photo that was just labelled; the keywords of its labels are not written yet."""
    return {"labelled_at": int(by.now), "labelled_by": by.model.id, "keywords_settled_as": None}


def replace_labels(
    session: Session, label_ids: LabelIds, by: LabelledBy, labels: Mapping[int, Sequence[Label]]
) -> None:
    """Replace the labels that a model, the hierarchy or a classifier gave. Corrections of a person stay."""
    ids = list(labels)
    decided = or_(
        PhotoLabelRow.origin.in_(DERIVED),
        and_(PhotoLabelRow.origin == int(Origin.TAUGHT), PhotoLabelRow.label_id.in_(by.taught)),
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
    label_ids.make(session, (label for given in labels.values() for label in given))
    rows = [
        {
            "photo_id": photo_id,
            "label_id": label_id,
            "confidence": label.confidence,
            "rank": label.rank,
            "origin": int(label.origin),
            "shown": label.shown,
            "removed": False,
            "model_id": by.model.id,
        }
        for photo_id, given in labels.items()
        for label in given
        if (photo_id, (label_id := label_ids.id_of(session, label))) not in kept
    ]
    if rows:
        session.execute(insert(PhotoLabelRow), rows)


def labels_of(session: Session, photo_ids: Sequence[int]) -> dict[int, list[Label]]:
    """The labels of each photo in rank order, without removed ones."""
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
