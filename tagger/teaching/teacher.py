"""Teaching a label: from examples to a classifier on stored features, its report, and the labels of the library.

No photo of the library is opened: its features are stored. Only examples outside of it are looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.linear_heads import unit
from tagger.core.progress import Callbacks, OnProgress
from tagger.inference.protocol import Outcome
from tagger.inference.selection import choose_model, record_model
from tagger.inference.worker_client import WorkerClient
from tagger.pipeline.look import extract_features, extract_with_model
from tagger.store import jobs, taught_labels
from tagger.store.counts import main_model
from tagger.store.features import reusable_features, to_bytes, to_matrix
from tagger.store.labels import LabelIds
from tagger.store.models import Model
from tagger.store.session import Store
from tagger.store.taught_labels import Example, Kind, Taught, Trained
from tagger.teaching.apply import scored_by, switch
from tagger.teaching.label_file import Imported
from tagger.teaching.lessons import Lesson, Task, Wanted, due_for, lesson_from, task_for
from tagger.teaching.measure import Fitted, Scored, train
from tagger.teaching.report import Report

# So many labels at most share a look through the library: each keeps 4 bytes a photo meanwhile.
_SEVERAL = 16

# Taking a label away needs no model.
_NO_MODEL = Model(0, "", "", "")


@dataclass(frozen=True, slots=True)
class Teacher:
    """What teaching needs. `looking` is told examples looked at and in all."""

    store: Store
    settings: Settings
    clock: Clock
    looking: OnProgress = lambda _done, _total: None
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
                tasks = [task_for(session, model, one, precision) for one in part]
            for lesson in self._lessons(tasks, model, None):
                yield lesson, started

    def teach_again(
        self, labels: Sequence[Taught], model: Model, client: WorkerClient | None = None
    ) -> Iterator[tuple[Taught, Lesson, float]]:
        """Train labels on their examples for a model's features; each with when it began.

        `client`: of that model, if one is at hand.
        """
        for start in range(0, len(labels), _SEVERAL):
            part, started = labels[start : start + _SEVERAL], self.clock.now()
            with self.store.read() as session:
                tasks = [
                    Task(
                        label.key,
                        label.name,
                        taught_labels.examples(session, label),
                        taught_labels.outside_vectors(session, label, model),
                        label.precision,
                    )
                    for label in part
                ]
            for label, lesson in zip(part, self._lessons(tasks, model, client), strict=True):
                yield label, lesson, started

    def _lessons(self, tasks: Sequence[Task], model: Model, client: WorkerClient | None) -> list[Lesson]:
        looked = [self._candidate(task, model, client) for task in tasks]
        heads = [candidate.head for _, _, candidate in looked if candidate.head is not None]
        seen = iter(scored_by(self.store, heads, model))
        return [
            lesson_from(task, model, pairs, candidate, Scored.nothing() if candidate.head is None else next(seen))
            for task, pairs, candidate in looked
        ]

    def _candidate(self, task: Task, model: Model, client: WorkerClient | None) -> tuple[Task, list[Example], Fitted]:
        """A label's classifier, with the examples of which there are features."""
        vectors = task.vectors
        outside = [one.path for one in task.given if one.path is not None and one.path not in vectors]
        if outside:
            vectors = vectors | self._look(model, outside, client)
        with self.store.read() as session:
            ids = [one.photo_id for one in task.given if one.photo_id is not None]
            stored: dict[int, bytes] = {}
            for part in jobs.chunks(ids):
                stored |= reusable_features(session, part, model)
        pairs = [
            (one, vector)
            for one in task.given
            if (vector := stored.get(one.photo_id or 0) if one.path is None else vectors.get(one.path)) is not None
        ]
        used = [one for one, _ in pairs]
        counts = Counter(one.kind for one in used)
        candidate = train(
            task.key,
            task.name,
            unit(to_matrix([vector for _, vector in pairs])),
            np.array([one.kind for one in used], np.str_),
            Report(counts[Kind.YES], counts[Kind.NO], counts[Kind.SAMPLED], wanted=task.wanted),
        )
        return replace(task, vectors=vectors), used, candidate

    def _look(self, model: Model, paths: Sequence[str], client: WorkerClient | None) -> dict[str, bytes]:
        """The features (bytes of float16) of files outside the library, by path; without those that cannot be read."""
        callbacks = Callbacks(self.looking, self.fetching)
        if client is not None:
            settle = self.settings.intake.settle_seconds
            replies = extract_features(client, paths, callbacks, min_age_seconds=settle)
        else:
            replies = extract_with_model(self.settings, model, paths, callbacks)
        return {paths[reply.job_id]: to_bytes(reply.vector) for reply in replies if reply.outcome is Outcome.FEATURES}

    def keep(self, lesson: Lesson, started: float, *, on: bool) -> int:
        """Keep what was taught, and give the label to the library if it is on (already, or from now on).

        Returns how many photos changed.

        `started`: when teaching began (seconds since the epoch): photos labelled since are looked through again.
        """
        now = self.clock.now()
        with self.store.write() as session:
            label = taught_labels.ensure(session, LabelIds(), lesson.key, lesson.name, lesson.report.wanted, now)
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
            label = taught_labels.ensure(session, LabelIds(), trained.head.key, trained.head.name, precision, started)
            taught_labels.put_examples(session, label, [], {}, model)
            taught_labels.remember_head(session, label, model, trained, started)
            return switch(session, self.settings, label, model, trained, scored, started, on=on)

    def teach_due(self, model: Model | None = None, client: WorkerClient | None = None) -> list[Lesson]:
        """Train again what was taught for another model, or whose examples changed since; returns what came of each.

        A label waits until nearly all of its examples in the library have features of the model. `client`: of that
        model, for examples outside the library.
        """
        with self.store.read() as session:
            labels = taught_labels.all_taught(session)
            if not labels:
                return []
        model = model or self.model()
        with self.store.read() as session:
            due = {label: known for label in labels for known, is_due in [due_for(session, label, model)] if is_due}
        lessons = []
        for label, lesson, started in self.teach_again(list(due), model, client):
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
