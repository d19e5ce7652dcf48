"""Teaching a label: from examples to a classifier on stored features, its report, and the labels of the library.

No photo of the library is opened: its features are stored. Only examples outside of it are looked at.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.chosen_model import choose_model, record_model
from tagger.clock import Clock
from tagger.config import Settings
from tagger.label_names import meant
from tagger.labels import taxonomy
from tagger.looking import Tell, look_as, look_at
from tagger.store import jobs, looks, records, taught
from tagger.store.looks import LabelBook, Model
from tagger.store.session import Store
from tagger.store.tables import FeatureRow, PhotoRow
from tagger.store.taught import Example, Kind, Taught, Trained
from tagger.taught_head import TaughtHead, unit
from tagger.teaching.evaluate import Operating, choose, operating_points, out_of_fold, separation
from tagger.teaching.logistic import fit
from tagger.teaching.report import Report
from tagger.vision.classifier import Classifier
from tagger.vision.protocol import Verdict

LEAST = 10
_SAMPLED = 1000
# Drawn photos that score above this share of the right examples may be right ones, and are left out; but only if they
# are a small part of those drawn: otherwise it is the classifier that cannot tell.
_ALIKE, _MOST_ALIKE = 0.25, 0.05
# Better than chance: so small must be the probability that nothing but chance did it.
_CHANCE = 0.001
_UNSURE = 10
# A label is taught anew for another model once so many of its examples have features of that.
_READY = 0.9

# Taking a label away needs no model.
_NO_MODEL = Model(0, "", "", "")


@dataclass(frozen=True, slots=True)
class Scored:
    """The library as a classifier sees it: photo ids (ascending) and their probabilities, float32."""

    ids: NDArray[np.int64]
    scores: NDArray[np.float32]

    def above(self, threshold: float) -> dict[int, float]:
        """The photos that reach a threshold, with their probabilities."""
        found = self.scores >= threshold
        return dict(zip(self.ids[found].tolist(), self.scores[found].tolist(), strict=True))


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
            found = records.main_model(session)
        return found or record_model(self.store, choose_model(self.settings, self.fetching), self.clock)

    def teach(
        self, name: str, examples: Sequence[Example], wanted: float, *, others: Sequence[int] | None = None
    ) -> Lesson:
        """Train and evaluate a label; nothing is kept. `wanted`: precision, 0 to 1. `name`: as people write it.

        Where no example says what is not meant, photos are drawn from the library, or from `others`.
        Raises UsageError, ModelError.
        """
        model = self.model()
        with self.store.read() as session:
            key, name = meant(session, taxonomy.load(), name)
            before = taught.find(session, key)
            kept = taught.examples(session, before) if before is not None else taught.persons_examples(session, key)
            vectors = {} if before is None else taught.outside_vectors(session, before, model)
            given = _merged([*kept, *examples])
            if not any(one.kind is Kind.NO for one in examples) and not any(one.kind is Kind.SAMPLED for one in kept):
                given += _drawn(session, model, name, given, others)
        return self._lesson(key, name, model, given, vectors, wanted, None)

    def teach_again(self, label: Taught, model: Model, classifier: Classifier | None = None) -> Lesson:
        """Train a label on its examples for a model's features. `classifier`: of that model, if one is at hand."""
        with self.store.read() as session:
            given = taught.examples(session, label)
            vectors = taught.outside_vectors(session, label, model)
        return self._lesson(label.key, label.name, model, given, vectors, label.precision, classifier)

    def _lesson(
        self,
        key: str,
        name: str,
        model: Model,
        given: Sequence[Example],
        vectors: dict[str, bytes],
        wanted: float,
        classifier: Classifier | None,
    ) -> Lesson:
        outside = [one.path for one in given if one.path is not None and one.path not in vectors]
        if outside:
            vectors = vectors | self._look(model, outside, classifier)
        with self.store.read() as session:
            ids = [one.photo_id for one in given if one.photo_id is not None]
            stored: dict[int, bytes] = {}
            for part in jobs.parts(ids):
                stored |= looks.reusable_features(session, part, model)
        pairs = [
            (one, vector)
            for one in given
            if (vector := stored.get(one.photo_id or 0) if one.path is None else vectors.get(one.path)) is not None
        ]
        hashed = taught.examples_hash(given)
        counts = {kind: sum(one.kind is kind for one, _ in pairs) for kind in Kind}
        yes, wrong = counts[Kind.YES], counts[Kind.NO] + counts[Kind.SAMPLED]
        report = Report(yes, counts[Kind.NO], counts[Kind.SAMPLED], wanted=wanted)
        if yes < LEAST or wrong < LEAST:
            lacks = f"{yes} right" if yes < LEAST else f"{wrong} wrong"
            why = f"there are only {lacks} examples; at least {LEAST} of each kind are needed"
            report = replace(report, refused=why)
            trained = Trained(None, hashed, report.as_json())
            return Lesson(key, name, model, tuple(given), trained, report, self.nothing(), vectors)
        rows = unit(np.frombuffer(b"".join(vector for _, vector in pairs), "<f2").reshape(len(pairs), -1))
        kinds = np.array([one.kind for one, _ in pairs])
        return self._trained(key, name, model, given, vectors, rows, kinds, pairs, report, hashed)

    def _trained(
        self,
        key: str,
        name: str,
        model: Model,
        given: Sequence[Example],
        vectors: dict[str, bytes],
        rows: NDArray[np.float32],
        kinds: NDArray[np.str_],
        pairs: Sequence[tuple[Example, bytes]],
        report: Report,
        hashed: str,
    ) -> Lesson:
        yes = kinds == Kind.YES
        scores = out_of_fold(rows, yes)
        told = separation(scores, yes)
        alike = (kinds == Kind.SAMPLED) & (scores >= np.quantile(scores[yes], _ALIKE))
        used = ~alike
        first = scores.copy()
        if 0 < alike.sum() <= _MOST_ALIKE * (kinds == Kind.SAMPLED).sum() and (used & ~yes).sum() >= LEAST:
            scores[used] = out_of_fold(rows[used], yes[used])
        else:
            alike[:], used[:] = False, True
        weights, bias = fit(rows[used], yes[used])
        head = TaughtHead(key, name, weights, bias, 1.0)
        scored = self.scored(head, model)
        weighted = self._stand_for(scored, scores[used], yes[used], (kinds == Kind.SAMPLED)[used])
        points = operating_points(scores[used], yes[used], weighted)
        best = choose(points, report.wanted)
        why = ""
        if told.chance > _CHANCE:
            why = f"it is no better than chance (a right example scores above a wrong one {told.auc:.0%} of the time)"
        elif best is None:
            nearest = max(points, key=lambda point: point.precision, default=Operating(1.0, 0.0, 0.0, 0))
            why = (
                f"no threshold reaches the wanted precision of {report.wanted:.0%}; the best is {nearest.precision:.0%}"
            )
        point = best or Operating(1.0, 0.0, 0.0, 0)
        found = scored.above(point.threshold) if not why else {}
        report = replace(
            report,
            refused=why,
            alike=int(alike.sum()),
            cautious=_with_wrong(point, int((first[alike] >= point.threshold).sum()), int(yes.sum()), weighted),
            auc=told.auc,
            precision=point.precision,
            recall=point.recall,
            wrong=point.wrong,
            threshold=point.threshold,
            photos=len(found),
            library=len(scored.ids),
        )
        head = TaughtHead(key, name, weights, bias, point.threshold)
        examples = {one.photo_id for one, _ in pairs if one.kind is not Kind.SAMPLED}
        return Lesson(
            key,
            name,
            model,
            tuple(given),
            Trained(None if why else head, hashed, report.as_json()),
            report,
            scored,
            vectors,
            () if why else _unsure(scored, point.threshold, examples),
            tuple(one.photo_id for (one, _), like in zip(pairs, alike, strict=True) if like and one.photo_id),
        )

    def _stand_for(
        self, scored: Scored, scores: NDArray[np.float32], yes: NDArray[np.bool_], sampled: NDArray[np.bool_]
    ) -> tuple[float, float]:
        """How many photos of the library each right and each wrong example stands for.

        Drawn photos stand for the library, where right ones are rarer than among the examples. How many there are is
        told by how many are found, less those found wrongly, by the share of right ones that is found (Forman,
        "Quantifying counts and costs via classification", 2008: adjusted count).
        """
        if not sampled.any() or not len(scored.ids):
            return 1.0, 1.0
        right = float((scores[yes] >= 0.5).mean())
        false = float((scores[~yes] >= 0.5).mean())
        found = float((scored.scores >= 0.5).mean())
        share = max(found - false, 0.0) / max(right - false, 0.05)
        library = len(scored.ids)
        rights = min(max(share * library, float(yes.sum())), library / 2)
        return rights / float(yes.sum()), (library - rights) / float((~yes).sum())

    def scored(self, head: TaughtHead, model: Model) -> Scored:
        """The library as a classifier sees it."""
        ids: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        scores: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        with self.store.read() as session:
            for numbers, vectors in taught.feature_pages(session, model):
                ids.append(np.array(numbers))
                scores.append(head.scores(unit(np.frombuffer(vectors, "<f2").reshape(len(numbers), -1))))
        return Scored(np.concatenate(ids), np.concatenate(scores))

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
            label = taught.ensure(session, LabelBook(), lesson.key, lesson.name, lesson.report.wanted, now)
            taught.put_examples(session, label, lesson.examples, lesson.vectors, lesson.model)
            taught.remember_head(session, label, lesson.model, lesson.trained, now)
            return self.switch(
                session, label, lesson.model, lesson.trained, lesson.scored, started, on=on or label.enabled
            )

    def switch(
        self,
        session: Session,
        label: Taught,
        model: Model,
        trained: Trained,
        scored: Scored,
        started: float,
        *,
        on: bool,
    ) -> int:
        """Switch a label on or off and give it to photos or take it away; returns how many photos changed."""
        head = trained.head
        taught.enable(session, label, on)
        given: dict[int, float] = {}
        seen = None
        if on and head is not None:
            fresh = self._since(session, model, head, started)
            given = scored.above(head.threshold) | fresh.above(head.threshold)
            for number in fresh.ids.tolist():
                if number not in fresh.above(head.threshold):
                    given.pop(number, None)
            seen = np.union1d(scored.ids, fresh.ids)
        # Where the model's own label of the name was taken away, `relabel` gives it back once this one is off.
        dropped = taught.drop_namesakes(session, label) if on else []
        changed = sorted({*dropped, *taught.replace_labels(session, label, model, given, seen)})
        if self.settings.keywords.mode != "off":
            jobs.enqueue(session, changed, jobs.PRIORITY_ARCHIVE, kind=jobs.KEYWORDS)
        return len(changed)

    def _since(self, session: Session, model: Model, head: TaughtHead, started: float) -> Scored:
        """Photos that were labelled while the library was looked through."""
        rows = session.execute(
            select(FeatureRow.photo_id, FeatureRow.vector)
            .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
            .where(
                FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, PhotoRow.labelled_at >= int(started)
            )
            .order_by(FeatureRow.photo_id)
        ).all()
        if not rows:
            return self.nothing()
        features = np.frombuffer(b"".join(row[1] for row in rows), "<f2").reshape(len(rows), -1)
        return Scored(np.array([row[0] for row in rows]), head.scores(unit(features)))

    def take_away(self, session: Session, label: Taught) -> int:
        """Take a label from all photos that have it from its classifier; returns how many."""
        nothing = Trained(None, "", {})
        return self.switch(session, label, _NO_MODEL, nothing, self.nothing(), 0.0, on=False)

    def take_in(self, precision: float, trained: Trained, model: Model, *, on: bool) -> int:
        """Keep a classifier that was taught elsewhere; returns how many photos changed."""
        assert trained.head is not None
        started = self.clock.now()
        scored = self.scored(trained.head, model)
        with self.store.write() as session:
            label = taught.ensure(session, LabelBook(), trained.head.key, trained.head.name, precision, started)
            taught.put_examples(session, label, [], {}, model)
            taught.remember_head(session, label, model, trained, started)
            return self.switch(session, label, model, trained, scored, started, on=on)

    @staticmethod
    def nothing() -> Scored:
        """A library without photos."""
        return Scored(np.zeros(0, np.int64), np.zeros(0, np.float32))

    def teach_due(self, model: Model | None = None, classifier: Classifier | None = None) -> list[Lesson]:
        """Train again what was taught for another model, or whose examples changed since; returns what came of each.

        A label waits until nearly all of its examples in the library have features of the model. `classifier`: of that
        model, for examples outside the library.
        """
        with self.store.read() as session:
            labels = taught.all_taught(session)
        lessons = []
        for label in labels:
            model = model or self.model()
            with self.store.read() as session:
                known = taught.trained(session, label).get(model.id)
                given = taught.examples(session, label)
                if not given or (known is not None and known.examples == taught.examples_hash(given)):
                    continue
                if not _ready(session, given, model):
                    continue
            started = self.clock.now()
            lesson = self.teach_again(label, model, classifier)
            lessons.append(lesson)
            if lesson.trained.head is None and known is not None and known.head is not None:
                # Worse than what there is: that stays, and is not tried again with these examples.
                kept = Trained(known.head, lesson.trained.examples, known.report | {"refused": lesson.report.refused})
                with self.store.write() as session:
                    taught.remember_head(session, label, model, kept, started)
                continue
            self.keep(lesson, started, on=label.enabled)
        return lessons


def _ready(session: Session, given: Sequence[Example], model: Model) -> bool:
    wanted = [one.photo_id for one in given if one.photo_id is not None]
    present: list[int] = []
    for part in jobs.parts(wanted):
        there = select(PhotoRow.id).where(PhotoRow.id.in_(part), PhotoRow.missing_since.is_(None))
        present += session.scalars(there)
    known = sum(len(looks.reusable_features(session, part, model)) for part in jobs.parts(present))
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


def _unsure(scored: Scored, threshold: float, examples: set[int | None]) -> tuple[tuple[int, float], ...]:
    """The photos nearest to the threshold, on either side, that are no examples, the likeliest first."""
    order = np.argsort(np.abs(scored.scores - threshold), kind="stable")
    found = [
        (int(scored.ids[i]), float(scored.scores[i]))
        for i in order[: _UNSURE + len(examples)]
        if int(scored.ids[i]) not in examples
    ][:_UNSURE]
    return tuple(sorted(found, key=lambda item: -item[1]))


def _with_wrong(point: Operating, more: int, right: int, weights: tuple[float, float]) -> float:
    """A threshold's precision if so many more of the wrong examples are above it. `weights`: see operating_points."""
    true, false = point.recall * right * weights[0], (point.wrong + more) * weights[1]
    return true / (true + false) if true else 0.0
