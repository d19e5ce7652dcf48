"""One lesson: the examples that a label is taught with, and the resulting classifier."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy.orm import Session

from tagger.core.names import folded
from tagger.labels import taxonomy
from tagger.labels.names import resolve_label
from tagger.store import jobs, taught_labels
from tagger.store.examples import Example, Kind, examples_hash, examples_of, outside_vectors, persons_examples
from tagger.store.features import present_with_features, reusable_features
from tagger.store.models import Model
from tagger.store.photos import present_of
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.measure import Fitted, Scored, measure
from tagger.teaching.report import Report

_SAMPLED = 1000
_UNSURE = 10
# A label is taught for another model once this share of its examples have that model's features.
_READY = 0.9


@dataclass(frozen=True, slots=True)
class Lesson:
    """The result of teaching one label, before it is stored.

    `vectors`: features of examples outside the library, by path. `unsure`: the photos nearest to the threshold, with
    their probabilities, for a person to check. `alike`: drawn photos that look like right ones.
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
        """The same without the library's scores, which are large."""
        return replace(self, scored=Scored.nothing())


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label to be taught. `name`: as people write it. `others`: photos to draw wrong examples from; None: all."""

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


def task_again(session: Session, label: Taught, model: Model) -> Task:
    """A label with its stored examples, to train it again."""
    vectors = outside_vectors(session, label, model)
    return Task(label.key, label.name, examples_of(session, label), vectors, label.precision)


def due_for(session: Session, label: Taught, model: Model) -> tuple[Trained | None, bool]:
    """A label's last training for a model, and whether it is due again because its examples have changed."""
    known = taught_labels.trained(session, label).get(model.id)
    given = examples_of(session, label)
    same = known is not None and known.examples == examples_hash(given)
    return known, bool(given) and not same and _ready(session, given, model)


def _ready(session: Session, given: Sequence[Example], model: Model) -> bool:
    wanted = [one.photo_id for one in given if one.photo_id is not None]
    present = present_of(session, wanted)
    known = sum(len(reusable_features(session, part, model)) for part in jobs.chunks(present))
    return known >= _READY * len(present)


def _merged(examples: Sequence[Example]) -> list[Example]:
    """Each photo once; the last example of it counts."""
    return list({one.photo_id or one.path: one for one in examples}.values())


def _drawn(
    session: Session, model: Model, name: str, given: Sequence[Example], others: Sequence[int] | None
) -> list[Example]:
    """A random choice of photos that are no examples; the same each time for a label."""
    known = {one.photo_id for one in given}
    candidates = present_with_features(session, model) if others is None else sorted(others)
    pool = [number for number in candidates if number not in known]
    chosen = np.random.default_rng(zlib.crc32(folded(name).encode())).permutation(len(pool))[:_SAMPLED]
    return [Example(Kind.SAMPLED, pool[place]) for place in sorted(chosen.tolist())]


def task_for(session: Session, model: Model, label: Wanted, precision: float) -> Task:
    """Collect a label's examples: stored ones, new ones and, unless some say what is not meant, drawn ones."""
    key, name = resolve_label(session, taxonomy.load(), label.name)
    before = taught_labels.find_taught(session, key)
    kept = examples_of(session, before) if before is not None else persons_examples(session, key)
    vectors = {} if before is None else outside_vectors(session, before, model)
    given = _merged([*kept, *label.examples])
    said_no = any(one.kind is Kind.NO for one in label.examples)
    if not said_no and not any(one.kind is Kind.SAMPLED for one in kept):
        given += _drawn(session, model, name, given, label.others)
    return Task(key, name, given, vectors, precision)


def lesson_from(task: Task, model: Model, used: Sequence[Example], candidate: Fitted, scored: Scored) -> Lesson:
    """Measure a label's classifier. `used`: the examples that have features."""
    measured = measure(candidate, scored)
    head = measured.head
    persons = {one.photo_id for one in used if one.kind is not Kind.SAMPLED}
    return Lesson(
        task.key,
        task.name,
        model,
        tuple(task.given),
        Trained(head, examples_hash(task.given), measured.report.as_json()),
        measured.report,
        scored,
        task.vectors,
        () if head is None else _unsure(scored, head.threshold, persons),
        tuple(one.photo_id for one, like in zip(used, candidate.alike, strict=True) if like and one.photo_id),
    )


def _unsure(scored: Scored, threshold: float, examples: set[int | None]) -> tuple[tuple[int, float], ...]:
    """The photos nearest to the threshold that are no examples, the likeliest first, with their probabilities."""
    order = np.argsort(np.abs(scored.scores - threshold), kind="stable")
    found = [
        (int(scored.ids[i]), float(scored.scores[i]))
        for i in order[: _UNSURE + len(examples)]
        if int(scored.ids[i]) not in examples
    ][:_UNSURE]
    return tuple(sorted(found, key=lambda item: -item[1]))
