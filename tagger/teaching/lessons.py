"""One lesson: the examples that a label is taught with, and the resulting classifier."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy.orm import Session

from tagger.core.languages import ENGLISH
from tagger.core.names import folded
from tagger.labels import taxonomy
from tagger.labels.languages import language
from tagger.labels.resolve import resolve_label
from tagger.store import jobs, taught_labels
from tagger.store.examples import Example, Kind, examples_hash, examples_of, outside_vectors, persons_examples
from tagger.store.features import present_with_features, reusable_features
from tagger.store.models import Model
from tagger.store.photos import present_of
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.doubt import doubtful, is_known, spread, why_look
from tagger.teaching.measure import Fitted, Scored, measure_best
from tagger.teaching.report import Report

_SAMPLED = 1000
# So many photos of a label that could not be learned are shown.
_SHOWN = 20
# A label is taught for another model once this share of its examples have that model's features.
_READY = 0.9


@dataclass(frozen=True, slots=True)
class Lesson:
    """The result of teaching one label, before it is stored.

    `vectors`: features of examples outside the library, by path. `unsure`: photos for a person to look at, with their
    probabilities. `asked`: these and those that were shown before. `alike`: drawn photos that look like right ones.
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

    @property
    def curve(self) -> list[tuple[float, float, float]]:
        """(threshold, precision, recall) of thresholds that it might have."""
        return [(threshold, precision, recall) for threshold, precision, recall in self.trained.report["curve"]]

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
    """A label to train. `given`: its examples; `vectors`: features of those outside the library, by path.

    `asked`: photos that a person was asked about. `accepted`: the share of the library that a person accepted.
    """

    key: str
    name: str
    given: list[Example]
    vectors: dict[str, bytes]
    wanted: float
    asked: frozenset[int] = frozenset()
    accepted: float = 0.0


def task_again(session: Session, label: Taught, model: Model) -> Task:
    """A label with its stored examples, to train it again; photos of the library are drawn for those that are gone."""
    given = examples_of(session, label)
    given += _drawn(session, model, label.name, given, None)
    vectors = outside_vectors(session, label, model)
    return Task(label.key, label.name, given, vectors, label.precision, *_looks(session, label))


def _looks(session: Session, label: Taught) -> tuple[frozenset[int], float]:
    """The photos that a person was asked about for a label, and the share of the library that a person accepted."""
    reports = [one.report for one in taught_labels.trained(session, label).values()]
    asked = frozenset(number for report in reports for number in report.get("asked", ()))
    return asked, max((report.get("accepted", 0.0) for report in reports), default=0.0)


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
    """A random choice of photos that are no examples yet; the same each time for a label in a library.

    None if nearly all photos are examples: those that are left are likely what is taught.
    """
    examples = {one.photo_id for one in given}
    drawn = sum(one.kind is Kind.SAMPLED for one in given)
    candidates = present_with_features(session, model) if others is None else sorted(others)
    pool = [number for number in candidates if number not in examples]
    if is_known(len(candidates) - len(pool), len(candidates)):
        return []
    random = np.random.default_rng(zlib.crc32(folded(name).encode()))
    chosen = random.permutation(len(pool))[: max(_SAMPLED - drawn, 0)]
    return [Example(Kind.SAMPLED, pool[place]) for place in sorted(chosen.tolist())]


def task_for(session: Session, model: Model, label: Wanted, precision: float) -> Task:
    """Collect a label's examples: stored ones, new ones, and photos drawn from the library, whatever else is given.

    Examples that a person chose are never like the library: without drawn photos, whatever they lack is taken for the
    label.
    """
    key, name = resolve_label(session, taxonomy.load(), label.name, language(ENGLISH))
    before = taught_labels.find_taught(session, key)
    kept = examples_of(session, before) if before is not None else persons_examples(session, key)
    vectors = {} if before is None else outside_vectors(session, before, model)
    # What a person said of one photo goes before a folder or a search that it is in.
    given = _merged([*kept, *label.examples, *persons_examples(session, key)])
    if label.others is not None:
        given += _drawn(session, model, name, given, label.others)[: _SAMPLED // 2]
    given += _drawn(session, model, name, given, None)
    looks = (frozenset[int](), 0.0) if before is None else _looks(session, before)
    return Task(key, name, given, vectors, precision, *looks)


def lesson_from(
    task: Task, model: Model, used: Sequence[Example], candidates: Sequence[Fitted], scores_of: Sequence[Scored]
) -> Lesson:
    """Measure a label's classifiers, the last of which learned from the drawn photos, too, and take the best.

    `used`: the examples that have features. `scores_of`: the library's scores by each classifier.
    """
    candidate = candidates[-1]
    measured, scored = measure_best(candidates, scores_of, task.asked)
    head, report = measured.head, replace(measured.report, alike=int(candidate.alike.sum()))
    said = {one.photo_id for one in used if one.kind is not Kind.SAMPLED}
    alike = tuple(one.photo_id for one, like in zip(used, candidate.alike, strict=True) if like and one.photo_id)
    if head is not None:
        found = spread(scored, head.threshold, used)
        report = replace(report, unlooked=found.unlooked, must_look=why_look(found, report, task.accepted))
        shown = doubtful(scored, head.threshold, said)
    else:
        scores = {one.photo_id: float(score) for one, score in zip(used, candidate.scores, strict=False)}
        shown = tuple(sorted(((number, scores[number]) for number in alike), key=lambda item: -item[1])[:_SHOWN])
    looks = {
        "curve": [list(point) for point in measured.curve],
        "doubtful": [[number, round(probability, 4)] for number, probability in shown],
        "asked": sorted(task.asked | {number for number, _ in shown}),
        "accepted": task.accepted,
    }
    return Lesson(
        task.key,
        task.name,
        model,
        tuple(task.given),
        Trained(head, examples_hash(task.given), report.as_json() | looks),
        report,
        scored,
        task.vectors,
        shown,
        alike,
    )
