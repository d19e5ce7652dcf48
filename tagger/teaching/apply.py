"""How a taught label reaches the photos of the library, and leaves them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.linear_heads import TaughtHead, sigmoid, unit
from tagger.core.photo import JobKind
from tagger.store import jobs, taught_labels
from tagger.store.features import to_matrix
from tagger.store.models import Model
from tagger.store.session import Store
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.measure import Scored


def scored_by(store: Store, heads: Sequence[TaughtHead], model: Model) -> list[Scored]:
    """The library as each classifier sees it, looked through once."""
    if not heads:
        return []
    weights = np.stack([head.weights for head in heads], axis=1)
    biases = np.array([head.bias for head in heads], np.float32)
    ids: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    scores: list[NDArray[np.float32]] = [np.zeros((0, len(heads)), np.float32)]
    with store.read() as session:
        for numbers, matrix in taught_labels.feature_pages(session, model):
            ids.append(np.array(numbers))
            scores.append(sigmoid(unit(matrix) @ weights + biases))
    photos, each = np.concatenate(ids), np.ascontiguousarray(np.concatenate(scores).T)
    return [Scored(photos, row) for row in each]


def switch(
    session: Session,
    settings: Settings,
    label: Taught,
    model: Model,
    trained: Trained,
    scored: Scored,
    started: float,
    *,
    on: bool,
) -> int:
    """Switch a label on or off and give it to photos or take it away; returns how many photos changed.

    `started`: when the library began to be looked through for `scored` (seconds since the epoch).
    """
    head = trained.head
    taught_labels.enable(session, label, on)
    given: dict[int, float] = {}
    seen = None
    if on and head is not None:
        fresh = _since(session, model, head, started)
        again = fresh.above(head.threshold)
        others = set(fresh.ids.tolist()) - again.keys()
        given = {
            number: score for number, score in scored.above(head.threshold).items() if number not in others
        } | again
        seen = np.union1d(scored.ids, fresh.ids)
    # Where the model's own label of the name was taken away, `relabel` gives it back once this one is off.
    dropped = taught_labels.drop_namesakes(session, label) if on else []
    changed = sorted({*dropped, *taught_labels.replace_labels(session, label, model, given, seen)})
    if settings.keywords.mode != "off":
        jobs.enqueue(session, changed, jobs.PRIORITY_ARCHIVE, kind=JobKind.KEYWORDS)
    return len(changed)


def _since(session: Session, model: Model, head: TaughtHead, started: float) -> Scored:
    """Photos that were labelled while the library was looked through."""
    rows = session.execute(
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, PhotoRow.labelled_at >= int(started))
        .order_by(FeatureRow.photo_id)
    ).all()
    if not rows:
        return Scored.nothing()
    features = to_matrix([row[1] for row in rows])
    return Scored(np.array([row[0] for row in rows]), head.scores(unit(features)))
