"""One lesson: the examples it is drawn from, and what was learned from them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.labels import taxonomy
from tagger.labels.names import resolve_label
from tagger.store import jobs, taught_labels
from tagger.store.features import reusable_features
from tagger.store.models import Model
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.store.taught_labels import Example, Kind, Taught, Trained
from tagger.teaching.measure import Fitted, Scored, measure
from tagger.teaching.report import Report

_SAMPLED = 1000
_UNSURE = 10
# A label is taught anew for another model once so many of its examples have features of that.
_READY = 0.9


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of teaching one label, before it is kept. `unsure`: photos around the threshold, for a look.

    `alike`: drawn photos that look like right ones. `vectors`: features of examples outside the library, by path.
    """

    key: str
    name: str
    model: Model
    examples: tuple[Example, ...]
    trained: Trained
    report: Report
    scored: Scored
    vectors: dict[str, bytes] = field(default_factory=dict)
    unsure: tuple[tuple[int, float], ...] = ()
    alike: tuple[int, ...] = ()

    def without_scores(self) -> Lesson:
        """The same without what it knows of each photo of the library, which is much."""
        return replace(self, scored=Scored.nothing())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label to be taught. `name`: as people write it. `others`: photos to draw wrong examples from; None for all."""

    name: str
    examples: Sequence[Example]
    others: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A label to train. `given`: its examples; `vectors`: features of those outside the library, by path."""

    key: str
    name: str
    given: list[Example]
    vectors: dict[str, bytes]
    wanted: float


def due_for(session: Session, label: Taught, model: Model) -> tuple[Trained | None, bool]:
    """What is known of a label by a model, and whether it is to be trained: its examples are others by now."""
    known = taught_labels.trained(session, label).get(model.id)
    given = taught_labels.examples(session, label)
    same = known is not None and known.examples == taught_labels.examples_hash(given)
    return known, bool(given) and not same and _ready(session, given, model)


def _ready(session: Session, given: Sequence[Example], model: Model) -> bool:
    wanted = [one.photo_id for one in given if one.photo_id is not None]
    present: list[int] = []
    for part in jobs.chunks(wanted):
        there = select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.missing_since.is_(None))
        present += session.scalars(there)
    known = sum(len(reusable_features(session, part, model)) for part in jobs.chunks(present))
    return known >= _READY * len(present)


def _merged(examples: Sequence[Example]) -> list[Example]:
    """Each photo once; what was said last counts."""
    return list({one.photo_id or one.path: one for one in examples}.values())


def _drawn(
    session: Session, model: Model, name: str, given: Sequence[Example], others: Sequence[int] | None
) -> list[Example]:
    """Photos of the library that are no examples, the same ones each time for a label."""
    query = (
        select(FeatureRow.photo_id)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, PhotoRow.missing_since.is_(None))
        .order_by(FeatureRow.photo_id)
    )
    known = {one.photo_id for one in given}
    pool = [number for number in (session.scalars(query) if others is None else sorted(others)) if number not in known]
    chosen = np.random.default_rng(zlib.crc32(name.casefold().encode())).permutation(len(pool))[:_SAMPLED]
    return [Example(Kind.SAMPLED, pool[place]) for place in sorted(chosen.tolist())]


def task_for(session: Session, model: Model, label: Wanted, precision: float) -> Task:
    """A label's examples: those given now, those of before, and drawn ones where none says what is not meant."""
    key, name = resolve_label(session, taxonomy.load(), label.name)
    before = taught_labels.find(session, key)
    kept = (
        taught_labels.examples(session, before) if before is not None else taught_labels.persons_examples(session, key)
    )
    vectors = {} if before is None else taught_labels.outside_vectors(session, before, model)
    given = _merged([*kept, *label.examples])
    said_no = any(one.kind is Kind.NO for one in label.examples)
    if not said_no and not any(one.kind is Kind.SAMPLED for one in kept):
        given += _drawn(session, model, name, given, label.others)
    return Task(key, name, given, vectors, precision)


def lesson_from(task: Task, model: Model, used: Sequence[Example], candidate: Fitted, scored: Scored) -> Lesson:
    """What came of a label. `used`: the examples of which there are features."""
    measured = measure(candidate, scored)
    head = measured.head
    persons = {one.photo_id for one in used if one.kind is not Kind.SAMPLED}
    return Lesson(
        task.key,
        task.name,
        model,
        tuple(task.given),
        Trained(head, taught_labels.examples_hash(task.given), measured.report.as_json()),
        measured.report,
        scored,
        task.vectors,
        () if head is None else _unsure(scored, head.threshold, persons),
        tuple(one.photo_id for one, like in zip(used, candidate.alike, strict=True) if like and one.photo_id),
    )


def _unsure(scored: Scored, threshold: float, examples: set[int | None]) -> tuple[tuple[int, float], ...]:
    """The photos nearest to the threshold, on either side, that are no examples, the likeliest first."""
    order = np.argsort(np.abs(scored.scores - threshold), kind="stable")
    found = [
        (int(scored.ids[i]), float(scored.scores[i]))
        for i in order[: _UNSURE + len(examples)]
        if int(scored.ids[i]) not in examples
    ][:_UNSURE]
    return tuple(sorted(found, key=lambda item: -item[1]))
