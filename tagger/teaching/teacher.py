"""Teaching labels: from examples to a classifier on stored features, its report, and the labels of the library.

No photo of the library is opened: its features are stored. Only examples outside the library are run through the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tagger.core.errors import UsageError
from tagger.core.linear_heads import unit
from tagger.core.progress import SILENT, Callbacks
from tagger.inference.protocol import Outcome
from tagger.inference.selection import choose_model, record_model
from tagger.inference.worker_client import WorkerClient
from tagger.pipeline.look import extract_features, extract_with_model
from tagger.store import jobs, taught_labels
from tagger.store.counts import main_model
from tagger.store.examples import Example, Kind, put_examples
from tagger.store.features import reusable_features, to_bytes, to_matrix
from tagger.store.labels import LabelIds
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.apply import ScoredHead, give_label, score_library, take_label
from tagger.teaching.label_file import Imported
from tagger.teaching.lessons import Lesson, Task, Wanted, due_for, lesson_from, task_again, task_for
from tagger.teaching.measure import Fitted, Scored, train_head
from tagger.teaching.report import Report

# Labels that share one pass over the library: meanwhile each keeps 4 bytes a photo.
_SEVERAL = 16


@dataclass(frozen=True, slots=True)
class Teacher:
    """Teaches labels to a library. Progress counts examples outside the library that were run through the model."""

    library: Library
    callbacks: Callbacks = SILENT

    def model(self) -> Model:
        """The model whose features most photos have; in a library without labels the configured one."""
        with self.library.store.read() as session:
            found = main_model(session)
        if found is not None:
            return found
        chosen = choose_model(self.library.settings, self.callbacks.on_download, fetch=False)
        return record_model(self.library, chosen)

    def teach(self, name: str, examples: Sequence[Example], wanted: float) -> Lesson:
        """Train and evaluate a label; nothing is stored. `wanted`: precision, 0 to 1. `name`: as people write it.

        If no example says what is not meant, photos are drawn from the library. Raises UsageError, ModelError.
        """
        [lesson] = self.teach_several([Wanted(name, examples)], wanted)
        return lesson

    def teach_several(self, labels: Iterable[Wanted], precision: float) -> Iterator[Lesson]:
        """The same for several labels, some of which share a pass over the library."""
        model, left = self.model(), iter(labels)
        while part := list(islice(left, _SEVERAL)):
            started = self.library.clock.now()
            with self.library.store.read() as session:
                tasks = [task_for(session, model, one, precision) for one in part]
            yield from self._lessons(tasks, model, None, started)

    def teach_again(
        self, labels: Sequence[Taught], model: Model, client: WorkerClient | None = None
    ) -> Iterator[tuple[Taught, Lesson]]:
        """Train labels on their examples for a model's features. `client`: a worker of that model, if one is open."""
        for start in range(0, len(labels), _SEVERAL):
            part, started = labels[start : start + _SEVERAL], self.library.clock.now()
            with self.library.store.read() as session:
                tasks = [task_again(session, label, model) for label in part]
            yield from zip(part, self._lessons(tasks, model, client, started), strict=True)

    def _lessons(
        self, tasks: Sequence[Task], model: Model, client: WorkerClient | None, started: float
    ) -> list[Lesson]:
        candidates = [self._candidate(task, model, client) for task in tasks]
        heads = [fitted.head for _, _, fitted in candidates if fitted.head is not None]
        scores = iter(score_library(self.library, heads, model, started))
        return [
            lesson_from(task, model, used, fitted, Scored.nothing() if fitted.head is None else next(scores))
            for task, used, fitted in candidates
        ]

    def _candidate(self, task: Task, model: Model, client: WorkerClient | None) -> tuple[Task, list[Example], Fitted]:
        """A label's classifier, with the examples that have features."""
        vectors = task.vectors
        outside = [one.path for one in task.given if one.path is not None and one.path not in vectors]
        if outside:
            vectors = vectors | self._extract(model, outside, client)
        with self.library.store.read() as session:
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
        candidate = train_head(
            task.key,
            task.name,
            unit(to_matrix([vector for _, vector in pairs])),
            np.array([one.kind for one in used], np.str_),
            Report(counts[Kind.YES], counts[Kind.NO], counts[Kind.SAMPLED], wanted=task.wanted),
        )
        return replace(task, vectors=vectors), used, candidate

    def _extract(self, model: Model, paths: Sequence[str], client: WorkerClient | None) -> dict[str, bytes]:
        """The features (bytes of float16) of files outside the library, by path; without unreadable ones."""
        settings = self.library.settings
        if client is not None:
            settle = settings.intake.settle_seconds
            replies = extract_features(client, paths, self.callbacks, min_age_seconds=settle)
        else:
            replies = extract_with_model(settings, model, paths, self.callbacks)
        return {paths[reply.job_id]: to_bytes(reply.vector) for reply in replies if reply.outcome is Outcome.FEATURES}

    def keep(self, lesson: Lesson, *, on: bool) -> int:
        """Store what was taught. With `on`, or if the label is on already, give it to the library's photos.

        Returns how many photos changed.
        """
        now = self.library.clock.now()
        with self.library.store.write() as session:
            label = taught_labels.ensure(session, LabelIds(), lesson.key, lesson.name, lesson.report.wanted, now)
            put_examples(session, label, lesson.examples, lesson.vectors, lesson.model)
            taught_labels.remember_head(session, label, lesson.model, lesson.trained, now)
            if on or label.enabled:
                by = ScoredHead(lesson.model, lesson.trained.head, lesson.scored)
                return give_label(session, self.library.settings, label, by)
            return take_label(session, self.library.settings, label)

    def find(self, name: str) -> Taught:
        """The taught label of a name, as people write it. Raises UsageError where there is none."""
        with self.library.store.read() as session:
            found = taught_labels.find_taught(session, " ".join(name.split()))
            if found is None:
                names = ", ".join(label.name for label in taught_labels.all_taught(session)) or "none"
                raise UsageError(f"No label {name!r} was taught.", f"Taught labels: {names}.")
            return found

    def turn(self, label: Taught, *, on: bool) -> int:
        """Switch a label on or off; returns how many photos changed. Raises UsageError, ModelError."""
        model = self.model()
        with self.library.store.read() as session:
            trained = taught_labels.trained(session, label).get(model.id)
        if trained is None or (on and trained.head is None):
            raise UsageError(
                f"{label.name!r} was not taught for {model.architecture} ({model.model_id}).",
                f"Teach it: tagger taught again {label.name!r}",
            )
        settings = self.library.settings
        if not on:
            with self.library.store.write() as session:
                return take_label(session, settings, label)
        assert trained.head is not None
        [scored] = score_library(self.library, [trained.head], model, self.library.clock.now())
        with self.library.store.write() as session:
            return give_label(session, settings, label, ScoredHead(model, trained.head, scored))

    def forget(self, label: Taught) -> int:
        """Take a label from all photos that have it from its classifier, and delete it; returns how many changed."""
        with self.library.store.write() as session:
            changed = take_label(session, self.library.settings, label)
            taught_labels.forget(session, label)
        return changed

    def take_in(self, imported: Imported, *, on: bool) -> int:
        """Store labels that were taught elsewhere; returns how many photos changed. Raises UsageError, ModelError."""
        model = self.model()
        if model.model_id != imported.model_id:
            raise UsageError(
                f"These labels were taught for {imported.architecture} ({imported.model_id}), "
                f"and this library is labelled by {model.architecture} ({model.model_id}).",
                "A taught label works with its own model only; use that model, or teach it here.",
            )
        return sum(self._take_in(precision, trained, model, on) for precision, trained in imported.labels)

    def _take_in(self, precision: float, trained: Trained, model: Model, on: bool) -> int:
        head = trained.head
        assert head is not None
        started = self.library.clock.now()
        [scored] = score_library(self.library, [head], model, started)
        with self.library.store.write() as session:
            label = taught_labels.ensure(session, LabelIds(), head.key, head.name, precision, started)
            put_examples(session, label, [], {}, model)
            taught_labels.remember_head(session, label, model, trained, started)
            if on:
                return give_label(session, self.library.settings, label, ScoredHead(model, head, scored))
            return take_label(session, self.library.settings, label)

    def teach_due(self, model: Model | None = None, client: WorkerClient | None = None) -> list[Lesson]:
        """Train labels again that were taught for another model, or whose examples changed since.

        A label waits until nearly all of its examples in the library have the model's features. `client`: a worker of
        that model, for examples outside the library.
        """
        with self.library.store.read() as session:
            labels = taught_labels.all_taught(session)
            if not labels:
                return []
        model = model or self.model()
        with self.library.store.read() as session:
            due = {label: known for label in labels for known, is_due in [due_for(session, label, model)] if is_due}
        lessons = []
        for label, lesson in self.teach_again(list(due), model, client):
            known = due[label]
            if lesson.trained.head is None and known is not None and known.head is not None:
                # The old classifier is better and stays. The new examples' hash prevents another try with them.
                why = {"refused": lesson.report.refused}
                kept = Trained(known.head, lesson.trained.examples, known.report | why)
                with self.library.store.write() as session:
                    taught_labels.remember_head(session, label, model, kept, self.library.clock.now())
            else:
                self.keep(lesson, on=label.enabled)
            lessons.append(lesson.without_scores())
        return lessons
