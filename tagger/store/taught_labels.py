"""Taught labels: their classifiers, and the labels that the classifiers give to photos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from tagger.core.linear_heads import TaughtHead, TaughtHeads, weights_from_bytes, weights_to_bytes
from tagger.core.names import same
from tagger.core.photo import DERIVED, Label, Origin
from tagger.store import jobs, ledger
from tagger.store.features import to_matrix
from tagger.store.labels import LabelIds
from tagger.store.models import Model
from tagger.store.tables import (
    FeatureRow,
    LabelRow,
    PhotoLabelRow,
    PhotoRow,
    TaughtHeadRow,
    TaughtRow,
)


@dataclass(frozen=True, slots=True)
class Taught:
    """A taught label. `precision`: the one that was asked for."""

    id: int
    label_id: int
    key: str
    name: str
    precision: float
    enabled: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of teaching a label on a model's features. `head` None: it was refused, and `report` says why.

    `examples`: hash of the examples. `report`: JSON-able, see `tagger.teaching.report`.
    """

    head: TaughtHead | None
    examples: str
    report: dict[str, Any]
    trained_at: int = 0


def all_taught(session: Session) -> list[Taught]:
    """Every taught label, by name."""
    rows = session.execute(select(TaughtRow, LabelRow.key, LabelRow.name).join(LabelRow).order_by(LabelRow.name))
    return [
        Taught(row.id, row.label_id, key, name, row.precision, row.enabled, row.created_at) for row, key, name in rows
    ]


def find_taught(session: Session, name: str) -> Taught | None:
    """The taught label with this name or key."""
    return next((one for one in all_taught(session) if same(name, one.name) or same(name, one.key)), None)


def ensure(session: Session, label_ids: LabelIds, key: str, name: str, precision: float, now: float) -> Taught:  # noqa: PLR0913 - one parameter a column
    """The taught label with this key, inserted switched off if it is new. Stores the precision asked for."""
    label_id = label_ids.id_of(session, Label(key, name, 1.0, 0, Origin.TAUGHT, shown=True))
    row = session.scalar(select(TaughtRow).where(TaughtRow.label_id == label_id))
    if row is None:
        row = TaughtRow(label_id=label_id, precision=precision, enabled=False, created_at=int(now))
        session.add(row)
    row.precision = precision
    session.flush()
    return Taught(row.id, label_id, key, name, row.precision, row.enabled, row.created_at)


def enable(session: Session, taught: Taught, enabled: bool) -> None:
    """Switch a taught label on or off. Photos keep or lack it until `replace_taught_label`."""
    session.execute(update(TaughtRow).where(TaughtRow.id == taught.id).values(enabled=enabled))


def forget(session: Session, taught: Taught) -> None:
    """Delete a taught label with its examples and classifiers. Labels that a person added stay."""
    session.execute(delete(TaughtRow).where(TaughtRow.id == taught.id))


def remember_head(session: Session, taught: Taught, model: Model, trained: Trained, now: float) -> None:
    """Store the result of teaching a label on a model's features, replacing the previous one."""
    head = trained.head
    session.execute(
        delete(TaughtHeadRow).where(TaughtHeadRow.taught_id == taught.id, TaughtHeadRow.model_id == model.id)
    )
    session.add(
        TaughtHeadRow(
            taught_id=taught.id,
            model_id=model.id,
            weights=None if head is None else weights_to_bytes(head.weights),
            bias=0.0 if head is None else head.bias,
            threshold=1.0 if head is None else head.threshold,
            trained_at=int(now),
            examples=trained.examples,
            report=json.dumps(trained.report),
        )
    )
    session.flush()


def trained(session: Session, taught: Taught) -> dict[int, Trained]:
    """The results of teaching a label, by the row id of the model."""
    rows = session.scalars(select(TaughtHeadRow).where(TaughtHeadRow.taught_id == taught.id))
    return {
        row.model_id: Trained(_head(row, taught.key, taught.name), row.examples, json.loads(row.report), row.trained_at)
        for row in rows
    }


def _head(row: TaughtHeadRow, key: str, name: str) -> TaughtHead | None:
    if row.weights is None:
        return None
    return TaughtHead(key, name, weights_from_bytes(row.weights), row.bias, row.threshold)


class TaughtHeadsCache:
    """A cache of the classifiers that are on, by model, valid until one changes: every batch of photos needs them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, TaughtHeads, tuple[int, ...]]] = {}

    def heads(self, session: Session, model: Model) -> tuple[TaughtHeads, tuple[int, ...]]:
        """The classifiers for a model, and the row ids of their labels."""
        state = session.execute(
            select(
                TaughtRow.id,
                TaughtRow.label_id,
                LabelRow.name,
                TaughtHeadRow.trained_at,
                TaughtHeadRow.examples,
                TaughtHeadRow.threshold,
            )
            .join(TaughtHeadRow, TaughtHeadRow.taught_id == TaughtRow.id)
            .join(LabelRow, LabelRow.id == TaughtRow.label_id)
            .where(TaughtRow.enabled.is_(True), TaughtHeadRow.model_id == model.id, TaughtHeadRow.weights.is_not(None))
            .order_by(TaughtRow.id)
        ).all()
        known = self._known.get(model.id)
        if known is None or known[0] != state:
            rows = session.execute(
                select(TaughtHeadRow, LabelRow.key, LabelRow.name)
                .join(TaughtRow, TaughtRow.id == TaughtHeadRow.taught_id)
                .join(LabelRow, LabelRow.id == TaughtRow.label_id)
                .where(TaughtHeadRow.model_id == model.id, TaughtHeadRow.taught_id.in_([row.id for row in state]))
                .order_by(TaughtRow.id)
            )
            heads = [head for row, key, name in rows if (head := _head(row, key, name)) is not None]
            known = state, TaughtHeads(tuple(heads)), tuple(row.label_id for row in state)
            self._known[model.id] = known
        return known[1], known[2]


def feature_pages(
    session: Session, model: Model, page: int = 2000, *, every: bool = False
) -> Iterator[tuple[list[int], NDArray[np.float16]]]:
    """Photo ids and features, float16 (photos, features), in pages, of the photos that the model labelled.

    `every`: photos that another model labelled since as well.
    """
    after = 0
    query = select(FeatureRow.photo_id, FeatureRow.vector).where(FeatureRow.model_id == model.id)
    if not every:
        query = query.join(PhotoRow, PhotoRow.id == FeatureRow.photo_id).where(PhotoRow.labelled_by == model.id)
    while True:
        rows = session.execute(query.where(FeatureRow.photo_id > after).order_by(FeatureRow.photo_id).limit(page)).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [row[0] for row in rows], to_matrix([row[1] for row in rows])


def labelled_with(session: Session, taught: Taught) -> int:
    """Number of photos that have a taught label from its classifier."""
    query = select(func.count()).where(
        PhotoLabelRow.label_id == taught.label_id,
        PhotoLabelRow.origin == int(Origin.TAUGHT),
        PhotoLabelRow.removed.is_(False),
    )
    return session.scalar(query) or 0


def replace_taught_label(
    session: Session, taught: Taught, model: Model, given: Mapping[int, float], seen: NDArray[np.int64] | None
) -> list[int]:
    """Give a taught label to photos (with its probability) and take it from others; returns the photos changed.

    `seen`: the photos that were classified, and may lose the label; None for all. Corrections of a person stay.
    The model's own label of that name must be gone: call `drop_namesakes` first.
    """
    mine = (PhotoLabelRow.label_id == taught.label_id,)
    rows = session.execute(
        select(PhotoLabelRow.photo_id, PhotoLabelRow.confidence, PhotoLabelRow.origin, PhotoLabelRow.removed).where(
            *mine
        )
    ).all()
    kept = {row.photo_id for row in rows if row.removed or row.origin == Origin.PERSON}
    before = {row.photo_id: row.confidence for row in rows if row.photo_id not in kept}
    gone = [number for number in before if number not in given]
    if seen is not None:
        gone = np.intersect1d(np.array(gone, np.int64), seen).tolist()
    new = [number for number in given if number not in before and number not in kept]
    other = [number for number in given if number in before and abs(given[number] - before[number]) > 1e-4]
    for part in jobs.chunks([*gone, *other]):
        session.execute(delete(PhotoLabelRow).where(*mine, PhotoLabelRow.photo_id.in_(part)))
    insertable = [
        {
            "photo_id": number,
            "label_id": taught.label_id,
            "confidence": given[number],
            # Before the model's labels.
            "rank": 0,
            "origin": int(Origin.TAUGHT),
            "shown": True,
            "removed": False,
            "model_id": model.id,
        }
        for number in [*new, *other]
    ]
    if insertable:
        session.execute(insert(PhotoLabelRow), insertable)
    changed = sorted([*gone, *new])
    ledger.mark_settled(session, changed, None)
    return changed


def drop_namesakes(session: Session, taught: Taught) -> list[int]:
    """Remove the model's own labels with the name of a taught label; returns the photos that had one."""
    ids = [
        number
        for number, name in session.execute(select(LabelRow.id, LabelRow.name))
        if same(name, taught.name) or number == taught.label_id
    ]
    which = (
        PhotoLabelRow.label_id.in_(ids),
        PhotoLabelRow.removed.is_(False),
        PhotoLabelRow.origin.in_(DERIVED),
    )
    photos = list(session.scalars(select(PhotoLabelRow.photo_id).where(*which))) if ids else []
    if photos:
        session.execute(delete(PhotoLabelRow).where(*which))
        ledger.mark_settled(session, photos, None)
    return photos
