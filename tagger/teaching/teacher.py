"""Teaching labels: from examples to a classifier on stored features, its report, and the labels of the library.

No photo of the library is opened: its features are stored. Only examples outside the library are run through the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from shlex import quote

import numpy as np
from sqlalchemy.orm import Session

from tagger.core.errors import MustLookError, UsageError
from tagger.core.linear_heads import TaughtHead, unit
from tagger.core.progress import SILENT, Callbacks
from tagger.inference.protocol import Outcome
from tagger.inference.selection import choose_model, record_model
from tagger.inference.worker_client import WorkerClient
from tagger.pipeline.look import extract_features, extract_with_model
from tagger.store import jobs, records, taught_labels
from tagger.store.counts import main_model
from tagger.store.examples import Example, Kind, examples_of, put_examples
from tagger.store.features import reusable_features, to_bytes, to_matrix
from tagger.store.labels import LabelIds
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.taught_labels import Taught, Trained
from tagger.teaching.apply import ScoredHead, give_label, score_library, take_label
from tagger.teaching.doubt import doubtful, open_questions, spread, why_look
from tagger.teaching.label_file import Imported
from tagger.teaching.lessons import Lesson, Task, Wanted, due_for, lesson_from, task_again, task_for
from tagger.teaching.measure import Examples, Fitted, Scored, train_head, train_on_given
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

        Photos of the library are drawn to be compared with. Raises UsageError, ModelError.
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
        candidates = [self._candidates(task, model, client) for task in tasks]
        heads = [one.head for _, _, several in candidates for one in several if one.head is not None]
        scores = iter(score_library(self.library, heads, model, started))
        return [
            lesson_from(
                task, model, used, several, [Scored.nothing() if one.head is None else next(scores) for one in several]
            )
            for task, used, several in candidates
        ]

    def _candidates(
        self, task: Task, model: Model, client: WorkerClient | None
    ) -> tuple[Task, list[Example], list[Fitted]]:
        """A label's classifiers, see `lesson_from`, with the examples that have features."""
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
        examples = Examples(
            unit(to_matrix([vector for _, vector in pairs])),
            np.array([one.kind for one in used], np.str_),
            np.array([one.photo_id or 0 for one in used], np.int64),
        )
        report = Report(counts[Kind.YES], counts[Kind.NO], counts[Kind.SAMPLED], wanted=task.wanted)
        ways = (train(task.key, task.name, examples, report) for train in (train_on_given, train_head))
        return replace(task, vectors=vectors), used, [one for one in ways if one is not None]

    def _extract(self, model: Model, paths: Sequence[str], client: WorkerClient | None) -> dict[str, bytes]:
        """The features (bytes of float16) of files outside the library, by path; without unreadable ones."""
        settings = self.library.settings
        if client is not None:
            settle = settings.intake.settle_seconds
            replies = extract_features(client, paths, self.callbacks, min_age_seconds=settle)
        else:
            replies = extract_with_model(settings, model, paths, self.callbacks)
        return {paths[reply.job_id]: to_bytes(reply.vector) for reply in replies if reply.outcome is Outcome.FEATURES}

    def keep(self, lesson: Lesson, *, on: bool, looked: bool = False) -> int:
        """Store what was taught. With `on`, or if the label is on already, give it to the library's photos.

        A label of which some photos must be looked at first is not given, unless a person says that they were
        (`looked`): a new one is off, and one that is on stays as it was. Returns how many photos changed.
        """
        now, looks = self.library.clock.now(), bool(lesson.report.must_look) and not looked
        with self.library.store.write() as session:
            label = taught_labels.ensure(session, LabelIds(), lesson.key, lesson.name, lesson.report.wanted, now)
            if looks and label.enabled:
                self._stay(session, label, lesson, lesson.report.must_look)
                return 0
            put_examples(session, label, lesson.examples, lesson.vectors, lesson.model)
            given = (on or label.enabled) and not looks
            trained = _accepted(lesson.trained, lesson.report) if given else lesson.trained
            taught_labels.remember_head(session, label, lesson.model, trained, now)
            if not given:
                return take_label(session, self.library.settings, label)
            by = ScoredHead(lesson.model, lesson.trained.head, lesson.scored)
            return give_label(session, self.library.settings, label, by)

    def _stay(self, session: Session, label: Taught, lesson: Lesson, why: str) -> None:
        """Keep a label's classifier, if it has one for the model, and what to look at for a better one.

        The new examples' hash prevents another try with them.
        """
        put_examples(session, label, lesson.examples, lesson.vectors, lesson.model)
        known = taught_labels.trained(session, label).get(lesson.model.id)
        head = None if known is None else known.head
        looks = {name: lesson.trained.report[name] for name in ("doubtful", "asked")}
        report = (lesson.trained.report if known is None else known.report) | looks | {"refused": why}
        kept = Trained(head, lesson.trained.examples, report)
        taught_labels.remember_head(session, label, lesson.model, kept, self.library.clock.now())

    def find(self, name: str) -> Taught:
        """The taught label of a name, as people write it. Raises UsageError where there is none."""
        with self.library.store.read() as session:
            found = taught_labels.find_taught(session, " ".join(name.split()))
            if found is None:
                names = ", ".join(label.name for label in taught_labels.all_taught(session)) or "none"
                raise UsageError(f"No label {name!r} was taught.", f"Taught labels: {names}.")
            return found

    def turn(self, label: Taught, *, on: bool, looked: bool = False) -> int:
        """Switch a label on or off; returns how many photos changed. `looked`: a person says that it is right.

        Raises UsageError, MustLookError (if some photos must be looked at first), ModelError.
        """
        settings = self.library.settings
        if not on:
            with self.library.store.write() as session:
                return take_label(session, settings, label)
        model, trained = self._trained(label)
        assert trained.head is not None
        return self._give(label, model, trained, looked)

    def _trained(self, label: Taught) -> tuple[Model, Trained]:
        """The model of the library, and a label's classifier for it. Raises UsageError."""
        model = self.model()
        with self.library.store.read() as session:
            trained = taught_labels.trained(session, label).get(model.id)
        if trained is None or trained.head is None:
            raise UsageError(
                f"{label.name!r} was not taught for {model.architecture} ({model.model_id}).",
                f"Teach it: tagger taught again {quote(label.name)}",
            )
        return model, trained

    def _give(self, label: Taught, model: Model, trained: Trained, looked: bool) -> int:
        head = trained.head
        assert head is not None
        now = self.library.clock.now()
        [scored] = score_library(self.library, [head], model, now)
        report = Report.from_json(trained.report)
        with self.library.store.write() as session:
            examples = examples_of(session, label)
            found = spread(scored, head.threshold, examples)
            # What was on as it is may be so again.
            free = looked or trained.report.get("was_on", False)
            why = "" if free else why_look(found, report, trained.report.get("accepted", 0.0))
            if not why:
                accepted = _accepted(trained, replace(report, photos=found.photos, library=found.library))
                taught_labels.remember_head(session, label, model, accepted, now)
                return give_label(session, self.library.settings, label, ScoredHead(model, head, scored))
            said = {one.photo_id for one in examples if one.kind is not Kind.SAMPLED}
            shown = doubtful(scored, head.threshold, said)
            asked = {*trained.report.get("asked", ()), *(number for number, _ in shown)}
            looks = {"doubtful": [list(one) for one in shown], "asked": sorted(asked), "must_look": why}
            to_look = Trained(head, trained.examples, trained.report | looks)
            taught_labels.remember_head(session, label, model, to_look, now)
        name = quote(label.name)
        first = (
            f"Look at some: tagger taught look {name}"
            if found.library
            else f"Add your photos (tagger backfill FOLDER), then: tagger taught again {name}"
        )
        cure = f"{first}\nIf you know that it is right: tagger taught on {name} --looked"
        raise MustLookError(label.name, why, cure)

    def score(self, label: Taught, paths: Sequence[str]) -> tuple[TaughtHead, dict[str, float]]:
        """A label's threshold and the probability of each photo, by path; without those that cannot be read.

        Photos of the library are not opened: their features are stored. Raises UsageError, ModelError.
        """
        model, trained = self._trained(label)
        assert trained.head is not None
        vectors: dict[str, bytes] = {}
        with self.library.store.read() as session:
            known = {path: records.find_photo(session, path) for path in paths}
            ids = [one.id for one in known.values() if one is not None and one.labelled_by is not None]
            for part in jobs.chunks(ids):
                stored = reusable_features(session, part, model)
                vectors |= {path: stored[one.id] for path, one in known.items() if one is not None and one.id in stored}
        outside = [path for path in paths if path not in vectors]
        if outside:
            vectors |= self._extract(model, outside, None)
        there = [path for path in paths if path in vectors]
        if not there:
            return trained.head, {}
        scores = trained.head.scores(unit(to_matrix([vectors[path] for path in there])))
        return trained.head, dict(zip(there, scores.tolist(), strict=True))

    def to_look_at(self, label: Taught) -> tuple[list[tuple[int, float]], float]:
        """The photos that a person should look at and said nothing of yet, with probabilities, and the threshold.

        Raises ModelError.
        """
        model = self.model()
        with self.library.store.read() as session:
            return open_questions(session, label, model)

    def forget(self, label: Taught) -> int:
        """Take a label from all photos that have it from its classifier, and delete it; returns how many changed."""
        with self.library.store.write() as session:
            changed = take_label(session, self.library.settings, label)
            taught_labels.forget(session, label)
        return changed

    def take_in(self, imported: Imported, *, on: bool, looked: bool = False) -> int:
        """Store labels that were taught elsewhere; returns how many photos changed.

        Raises UsageError, ModelError, and MustLookError once all are stored.
        """
        model = self.model()
        if model.model_id != imported.model_id:
            raise UsageError(
                f"These labels were taught for {imported.architecture} ({imported.model_id}), "
                f"and this library is labelled by {model.architecture} ({model.model_id}).",
                "A taught label works with its own model only; use that model, or teach it here.",
            )
        changed, to_look = 0, []
        for precision, trained in imported.labels:
            try:
                changed += self._take_in(precision, trained, model, on=on, looked=looked)
            except MustLookError as error:
                to_look.append(error)
        if to_look:
            raise to_look[0]
        return changed

    def _take_in(self, precision: float, trained: Trained, model: Model, *, on: bool, looked: bool) -> int:
        head = trained.head
        assert head is not None
        now = self.library.clock.now()
        with self.library.store.write() as session:
            label = taught_labels.ensure(session, LabelIds(), head.key, head.name, precision, now)
            put_examples(session, label, [], {}, model)
            taught_labels.remember_head(session, label, model, trained, now)
            changed = take_label(session, self.library.settings, label)
        return changed + self._give(label, model, trained, looked) if on else changed

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
                # The old classifier is better.
                with self.library.store.write() as session:
                    self._stay(session, label, lesson, lesson.report.refused)
            else:
                self.keep(lesson, on=label.enabled)
            lessons.append(lesson.without_scores())
        return lessons


def _accepted(trained: Trained, report: Report) -> Trained:
    """The same, with the share of the library that it is given to: it may be given to as many again."""
    accepted = {"accepted": report.photos / max(report.library, 1), "was_on": True, "must_look": ""}
    return replace(trained, report=trained.report | accepted)
