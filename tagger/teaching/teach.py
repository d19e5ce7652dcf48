"""Teaching a label: from examples to a classifier on stored features, its report, and the labels of the library.

No photo of the library is opened: its features are stored. Only examples outside of it are looked at.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.linear_heads import unit
from tagger.inference.protocol import Verdict
from tagger.inference.selection import choose_model, record_model
from tagger.inference.worker_client import Classifier
from tagger.labels import taxonomy
from tagger.labels.names import meant
from tagger.pipeline.look import Tell, look_as, look_at
from tagger.store import jobs, taught_labels
from tagger.store.counts import main_model
from tagger.store.features import reusable_features
from tagger.store.labels import LabelBook
from tagger.store.models import Model
from tagger.store.session import Store
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.store.taught_labels import Example, Kind, Taught, Trained
from tagger.teaching.apply import scored_by, switch
from tagger.teaching.measure import Candidate, Scored, measure, train
from tagger.teaching.report import Report
from tagger.teaching.taught_file import Imported

_SAMPLED = 1000
# So many labels at most share a look through the library: each keeps 4 bytes a photo meanwhile.
_SEVERAL = 16
_UNSURE = 10
# A label is taught anew for another model once so many of its examples have features of that.
_READY = 0.9

# Taking a label away needs no model.
_NO_MODEL = Model(0, "", "", "")


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
class _Task:
    """A label to train. `given`: its examples; `vectors`: features of those outside the library, by path."""

    key: str
    name: str
    given: list[Example]
    vectors: dict[str, bytes]
    wanted: float


@dataclass(frozen=True, slots=True)
class Teacher:
    """What teaching needs. `looking` is told examples looked at and in all."""

    store: Store
    settings: Settings
    clock: Clock
    looking: Tell = lambda _done, _total: None
    fetching: Callable[[int, int | None], None] = lambda _done, _total: None

    def model(self) -> Model:
        """The model whose features most photos have; in a library without labels the configured one."""
        with self.store.read() as session:
            found = main_model(session)
        return found or record_model(self.store, choose_model(self.settings, self.fetching), self.clock)

    def teach(self, name: str, examples: Sequence[Example], wanted: float) -> Lesson:
        """Train and evaluate a label; nothing is kept. `wanted`: precision, 0 to 1. `name`: as people write it.

        Where no example says what is not meant, photos are drawn from the library.
        Raises UsageError, ModelError.
        """
        [(lesson, _)] = self.teach_several([Wanted(name, examples)], wanted)
        return lesson

    def teach_several(self, labels: Iterable[Wanted], precision: float) -> Iterator[tuple[Lesson, float]]:
        """The same for several labels, of which some share a look through the library; each with when it began."""
        model, left = self.model(), iter(labels)
        while part := list(islice(left, _SEVERAL)):
            started = self.clock.now()
            with self.store.read() as session:
                tasks = [_task(session, model, one, precision) for one in part]
            for lesson in self._lessons(tasks, model, None):
                yield lesson, started

    def teach_again(
        self, labels: Sequence[Taught], model: Model, classifier: Classifier | None = None
    ) -> Iterator[tuple[Taught, Lesson, float]]:
        """Train labels on their examples for a model's features; each with when it began.

        `classifier`: of that model, if one is at hand.
        """
        for start in range(0, len(labels), _SEVERAL):
            part, started = labels[start : start + _SEVERAL], self.clock.now()
            with self.store.read() as session:
                tasks = [
                    _Task(
                        label.key,
                        label.name,
                        taught_labels.examples(session, label),
                        taught_labels.outside_vectors(session, label, model),
                        label.precision,
                    )
                    for label in part
                ]
            for label, lesson in zip(part, self._lessons(tasks, model, classifier), strict=True):
                yield label, lesson, started

    def _lessons(self, tasks: Sequence[_Task], model: Model, classifier: Classifier | None) -> list[Lesson]:
        looked = [self._candidate(task, model, classifier) for task in tasks]
        heads = [candidate.head for _, _, candidate in looked if candidate.head is not None]
        seen = iter(scored_by(self.store, heads, model))
        return [
            _lesson(task, model, pairs, candidate, Scored.nothing() if candidate.head is None else next(seen))
            for task, pairs, candidate in looked
        ]

    def _candidate(
        self, task: _Task, model: Model, classifier: Classifier | None
    ) -> tuple[_Task, list[Example], Candidate]:
        """A label's classifier, with the examples of which there are features."""
        vectors = task.vectors
        outside = [one.path for one in task.given if one.path is not None and one.path not in vectors]
        if outside:
            vectors = vectors | self._look(model, outside, classifier)
        with self.store.read() as session:
            ids = [one.photo_id for one in task.given if one.photo_id is not None]
            stored: dict[int, bytes] = {}
            for part in jobs.parts(ids):
                stored |= reusable_features(session, part, model)
        pairs = [
            (one, vector)
            for one in task.given
            if (vector := stored.get(one.photo_id or 0) if one.path is None else vectors.get(one.path)) is not None
        ]
        used = [one for one, _ in pairs]
        counts = Counter(one.kind for one in used)
        joined = np.frombuffer(b"".join(vector for _, vector in pairs), "<f2")
        candidate = train(
            task.key,
            task.name,
            unit(joined.reshape(len(pairs), -1 if pairs else 0)),
            np.array([one.kind for one in used], np.str_),
            Report(counts[Kind.YES], counts[Kind.NO], counts[Kind.SAMPLED], wanted=task.wanted),
        )
        return replace(task, vectors=vectors), used, candidate

    def _look(self, model: Model, paths: Sequence[str], classifier: Classifier | None) -> dict[str, bytes]:
        """The features (bytes of float16) of files outside the library, by path; without those that cannot be read."""
        if classifier is not None:
            answers = look_at(classifier, paths, self.settings.engine.batch_size, self.looking)
        else:
            answers = look_as(self.settings, model, paths, self.fetching, self.looking)
        return {
            paths[answer.job_id]: np.frombuffer(answer.features, "<f4").astype("<f2").tobytes()
            for answer in answers
            if answer.verdict is Verdict.FEATURES
        }

    def keep(self, lesson: Lesson, started: float, *, on: bool) -> int:
        """Keep what was taught, and give the label to the library if it is on (already, or from now on).

        Returns how many photos changed.

        `started`: when teaching began (seconds since the epoch): photos labelled since are looked through again.
        """
        now = self.clock.now()
        with self.store.write() as session:
            label = taught_labels.ensure(session, LabelBook(), lesson.key, lesson.name, lesson.report.wanted, now)
            taught_labels.put_examples(session, label, lesson.examples, lesson.vectors, lesson.model)
            taught_labels.remember_head(session, label, lesson.model, lesson.trained, now)
            on = on or label.enabled
            return switch(session, self.settings, label, lesson.model, lesson.trained, lesson.scored, started, on=on)

    def find(self, name: str) -> Taught:
        """The taught label of a name, as people write it. Raises UsageError where there is none."""
        with self.store.read() as session:
            found = taught_labels.find(session, " ".join(name.split()))
            if found is None:
                names = ", ".join(label.name for label in taught_labels.all_taught(session)) or "none"
                raise UsageError(f"No label {name!r} was taught.", f"Taught labels: {names}.")
            return found

    def turn(self, label: Taught, *, on: bool) -> int:
        """Switch a label on or off as it was taught; returns how many photos changed. Raises UsageError, ModelError."""
        model = self.model()
        with self.store.read() as session:
            trained = taught_labels.trained(session, label).get(model.id)
        if trained is None or (on and trained.head is None):
            raise UsageError(
                f"{label.name!r} was not taught for {model.architecture} ({model.model_id}).",
                f"Teach it: tagger taught again {label.name!r}",
            )
        started = self.clock.now()
        heads = [trained.head] if on and trained.head is not None else []
        scored = next(iter(scored_by(self.store, heads, model)), Scored.nothing())
        with self.store.write() as session:
            return switch(session, self.settings, label, model, trained, scored, started, on=on)

    def forget(self, label: Taught) -> int:
        """Take a label from all photos that have it from its classifier, and forget it; returns how many changed."""
        with self.store.write() as session:
            nothing = Trained(None, "", {})
            changed = switch(session, self.settings, label, _NO_MODEL, nothing, Scored.nothing(), 0.0, on=False)
            taught_labels.forget(session, label)
        return changed

    def take_in(self, imported: Imported, *, on: bool) -> int:
        """Keep labels that were taught elsewhere; returns how many photos changed. Raises UsageError, ModelError."""
        model = self.model()
        if model.model_id != imported.model_id:
            raise UsageError(
                f"These labels were taught for {imported.architecture} ({imported.model_id}), "
                f"and this library is labelled by {model.architecture} ({model.model_id}).",
                "A taught label works with its own model only; use that model, or teach it here.",
            )
        return sum(self._take_in(precision, trained, model, on) for precision, trained in imported.labels)

    def _take_in(self, precision: float, trained: Trained, model: Model, on: bool) -> int:
        assert trained.head is not None
        started = self.clock.now()
        [scored] = scored_by(self.store, [trained.head], model)
        with self.store.write() as session:
            label = taught_labels.ensure(session, LabelBook(), trained.head.key, trained.head.name, precision, started)
            taught_labels.put_examples(session, label, [], {}, model)
            taught_labels.remember_head(session, label, model, trained, started)
            return switch(session, self.settings, label, model, trained, scored, started, on=on)

    def teach_due(self, model: Model | None = None, classifier: Classifier | None = None) -> list[Lesson]:
        """Train again what was taught for another model, or whose examples changed since; returns what came of each.

        A label waits until nearly all of its examples in the library have features of the model. `classifier`: of that
        model, for examples outside the library.
        """
        with self.store.read() as session:
            labels = taught_labels.all_taught(session)
            if not labels:
                return []
        model = model or self.model()
        with self.store.read() as session:
            due = {label: known for label in labels for known, is_due in [_due(session, label, model)] if is_due}
        lessons = []
        for label, lesson, started in self.teach_again(list(due), model, classifier):
            known = due[label]
            if lesson.trained.head is None and known is not None and known.head is not None:
                # Worse than what there is: that stays, and is not tried again with these examples.
                why = {"refused": lesson.report.refused}
                kept = Trained(known.head, lesson.trained.examples, known.report | why)
                with self.store.write() as session:
                    taught_labels.remember_head(session, label, model, kept, started)
            else:
                self.keep(lesson, started, on=label.enabled)
            lessons.append(lesson.without_scores())
        return lessons


def _due(session: Session, label: Taught, model: Model) -> tuple[Trained | None, bool]:
    """What is known of a label by a model, and whether it is to be trained: its examples are others by now."""
    known = taught_labels.trained(session, label).get(model.id)
    given = taught_labels.examples(session, label)
    same = known is not None and known.examples == taught_labels.examples_hash(given)
    return known, bool(given) and not same and _ready(session, given, model)


def _ready(session: Session, given: Sequence[Example], model: Model) -> bool:
    wanted = [one.photo_id for one in given if one.photo_id is not None]
    present: list[int] = []
    for part in jobs.parts(wanted):
        there = select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.missing_since.is_(None))
        present += session.scalars(there)
    known = sum(len(reusable_features(session, part, model)) for part in jobs.parts(present))
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


def _task(session: Session, model: Model, label: Wanted, precision: float) -> _Task:
    """A label's examples: those given now, those of before, and drawn ones where none says what is not meant."""
    key, name = meant(session, taxonomy.load(), label.name)
    before = taught_labels.find(session, key)
    kept = (
        taught_labels.examples(session, before) if before is not None else taught_labels.persons_examples(session, key)
    )
    vectors = {} if before is None else taught_labels.outside_vectors(session, before, model)
    given = _merged([*kept, *label.examples])
    said_no = any(one.kind is Kind.NO for one in label.examples)
    if not said_no and not any(one.kind is Kind.SAMPLED for one in kept):
        given += _drawn(session, model, name, given, label.others)
    return _Task(key, name, given, vectors, precision)


def _lesson(task: _Task, model: Model, used: Sequence[Example], candidate: Candidate, scored: Scored) -> Lesson:
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
