"""Corrections of labels by a person: added or confirmed labels, and tombstones of removed ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from tagger.core.names import same
from tagger.core.photo import Label, Origin
from tagger.store import ledger
from tagger.store.labels import SAID_BY_PERSON, LabelIds
from tagger.store.tables import LabelRow, PhotoLabelRow


@dataclass(frozen=True, slots=True)
class Said:
    """A label of a photo, or its tombstone. `by_person`: a person added or confirmed it. `rank`: see `Label`."""

    label_id: int
    key: str
    name: str
    rank: int
    by_person: bool
    removed: bool


@dataclass(frozen=True, slots=True)
class RemovedOften:
    """A label that was removed from `removed` photos, on the surest of them with this confidence.

    `confirmed`: the photos on which a person confirmed or added it.
    """

    key: str
    name: str
    removed: int
    surest: float
    confirmed: int


def removed_often(session: Session, least: int) -> list[RemovedOften]:
    """The labels that a person removed from at least so many photos. Those that had never got it do not count."""
    rows = session.execute(
        select(PhotoLabelRow.label_id, LabelRow.key, LabelRow.name, func.count(), func.max(PhotoLabelRow.confidence))
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        # As the index has it.
        .where(text("photo_labels.removed"), PhotoLabelRow.confidence > 0)
        .group_by(PhotoLabelRow.label_id, LabelRow.key, LabelRow.name)
        .having(func.count() >= least)
    ).all()
    return [
        RemovedOften(key, name, removed, surest, _confirmed(session, label_id))
        for label_id, key, name, removed, surest in rows
    ]


def _confirmed(session: Session, label_id: int) -> int:
    query = select(func.count()).where(
        PhotoLabelRow.label_id == label_id,
        # What a person said is certain, and the index is in the order of confidence.
        PhotoLabelRow.confidence == 1.0,
        PhotoLabelRow.origin == int(Origin.PERSON),
        PhotoLabelRow.removed.is_(False),
    )
    return session.scalar(query) or 0


def labels_on(session: Session, photo_id: int) -> list[Said]:
    """All labels of a photo in rank order, including removed ones."""
    rows = session.execute(
        select(PhotoLabelRow, LabelRow.key, LabelRow.name)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id == photo_id)
        .order_by(PhotoLabelRow.rank)
    )
    return [
        Said(row.label_id, key, name, row.rank, row.origin == Origin.PERSON, row.removed) for row, key, name in rows
    ]


def known_label(session: Session, name: str) -> tuple[str, str] | None:
    """Key and name of the library's label with a name; None if there is none."""
    for key, known in session.execute(select(LabelRow.key, LabelRow.name).order_by(LabelRow.id)):
        if same(known, name):
            return key, known
    return None


def remove_label(session: Session, photo_id: int, label_id: int) -> None:
    """Remove a label; its tombstone keeps it from coming back."""
    session.execute(
        update(PhotoLabelRow)
        .where(PhotoLabelRow.photo_id == photo_id, PhotoLabelRow.label_id == label_id)
        .values(removed=True)
    )
    ledger.mark_settled(session, [photo_id], None)


def put(  # noqa: PLR0913 - a label, its place among others, and which way a person decided
    session: Session, label_ids: LabelIds, photo_id: int, key: str, name: str, rank: int = 0, *, removed: bool = False
) -> None:
    """Add or confirm a label, whatever its state before; with `removed`, keep it away from a photo without it.

    `rank`: see `Label`.
    """
    label_id = label_ids.id_of(session, Label(key, name, 1.0, rank, Origin.PERSON, shown=True))
    withdraw(session, photo_id, label_id)
    row = {
        "photo_id": photo_id,
        "label_id": label_id,
        "confidence": 0.0 if removed else 1.0,
        "rank": rank,
        "origin": int(Origin.PERSON),
        "shown": True,
        "removed": removed,
        "model_id": None,
    }
    session.execute(insert(PhotoLabelRow).values(row))


def withdraw(session: Session, photo_id: int, label_id: int) -> None:
    """Delete a label or tombstone of a photo; the policy may give the label again."""
    session.execute(delete(PhotoLabelRow).where(PhotoLabelRow.photo_id == photo_id, PhotoLabelRow.label_id == label_id))
    ledger.mark_settled(session, [photo_id], None)


def kept_keys(session: Session, photo_ids: Sequence[int]) -> dict[int, set[str]]:
    """By photo, the keys of labels that a person added, confirmed or removed."""
    rows = session.execute(
        select(PhotoLabelRow.photo_id, LabelRow.key)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id.in_(photo_ids), SAID_BY_PERSON)
    )
    found: dict[int, set[str]] = {photo_id: set() for photo_id in photo_ids}
    for photo_id, key in rows:
        found[photo_id].add(key)
    return found
