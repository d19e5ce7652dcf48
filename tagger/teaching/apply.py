"""Giving a taught label to the photos of the library, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.linear_heads import TaughtHead, sigmoid, unit
from tagger.core.photo import JobKind
from tagger.store import jobs, taught_labels
from tagger.store.features import features_since
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.taught_labels import Taught
from tagger.teaching.measure import Scored

# No model is needed to take a label back.
_NO_MODEL = Model(0, "", "", "", 0)


@dataclass(frozen=True, slots=True)
class ScoredHead:
    """A label's classifier for a model (None: there is none that may be used), and the library's scores by it."""

    model: Model
    head: TaughtHead | None
    scored: Scored


def score_library(library: Library, heads: Sequence[TaughtHead], model: Model, since: float) -> list[Scored]:
    """The scores of the library's photos by each classifier, read in one pass. `since`: see `Scored`."""
    if not heads:
        return []
    weights = np.stack([head.weights for head in heads], axis=1)
    biases = np.array([head.bias for head in heads], np.float32)
    ids: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    scores: list[NDArray[np.float32]] = [np.zeros((0, len(heads)), np.float32)]
    with library.store.read() as session:
        for numbers, matrix in taught_labels.feature_pages(session, model):
            ids.append(np.array(numbers))
            scores.append(sigmoid(unit(matrix) @ weights + biases))
    photos, each = np.concatenate(ids), np.ascontiguousarray(np.concatenate(scores).T)
    return [Scored(photos, row, since) for row in each]


def give_label(session: Session, settings: Settings, label: Taught, by: ScoredHead) -> int:
    """Switch a label on and give it to the photos above its threshold only; returns how many photos changed."""
    taught_labels.enable(session, label, True)
    given: dict[int, float] = {}
    seen = None
    if by.head is not None:
        fresh = _labelled_since(session, by.model, by.head, by.scored.since)
        again = fresh.above(by.head.threshold)
        others = set(fresh.ids.tolist()) - again.keys()
        given = {
            number: score for number, score in by.scored.above(by.head.threshold).items() if number not in others
        } | again
        seen = np.union1d(by.scored.ids, fresh.ids)
    # If the model's own label of the name is dropped here, `relabel` gives it back once this one is off.
    dropped = taught_labels.drop_namesakes(session, label)
    return _changed(
        session, settings, {*dropped, *taught_labels.replace_taught_label(session, label, by.model, given, seen)}
    )


def take_label(session: Session, settings: Settings, label: Taught) -> int:
    """Switch a label off and take it from all photos that its classifier gave it to; returns how many changed."""
    taught_labels.enable(session, label, False)
    return _changed(session, settings, taught_labels.replace_taught_label(session, label, _NO_MODEL, {}, None))


def _changed(session: Session, settings: Settings, photo_ids: Iterable[int]) -> int:
    changed = sorted(photo_ids)
    if settings.keywords.mode != "off":
        jobs.enqueue(session, changed, jobs.PRIORITY_ARCHIVE, kind=JobKind.KEYWORDS)
    return len(changed)


def _labelled_since(session: Session, model: Model, head: TaughtHead, since: float) -> Scored:
    """The scores of photos that were labelled while the library was scored."""
    ids, features = features_since(session, model, since)
    return Scored(np.array(ids), head.scores(unit(features))) if ids else Scored.nothing()
