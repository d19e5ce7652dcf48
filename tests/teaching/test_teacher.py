"""Teaching on stored features, without a model process: what is kept, given, taken away and taught again."""

from __future__ import annotations

import numpy as np
import pytest

from tagger.core.config import Settings
from tagger.core.photo import JobKind, Label, Origin
from tagger.store import corrections, jobs, taught_labels
from tagger.store.examples import Example, Kind, examples_of
from tagger.store.labels import LabelIds, LabelledBy, labels_of, relabel_photos
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.results import PhotoResult, save_results
from tagger.store.session import Store
from tagger.store.tables import PhotoRow
from tagger.teaching.lessons import Wanted
from tagger.teaching.teacher import Teacher
from tests.clock import Clock
from tests.store import samples

WIDTH, PHOTOS, BOATS = 32, 400, 36


def vectors(seed: int) -> np.ndarray:
    """Features as a model makes them: those of boats have something in common."""
    random = np.random.default_rng(seed)
    found = np.abs(random.normal(size=(PHOTOS, WIDTH)))
    found[:BOATS, seed % WIDTH] += 6
    return found.astype("<f2")


def look(store: Store, model: Model, seed: int, first: int = 1, last: int = PHOTOS, now: float = samples.NOW) -> None:
    with store.write() as session:
        rows = vectors(seed)
        found = [
            PhotoResult(number, samples.inspection(number), rows[number - 1].tobytes(), ())
            for number in range(first, last + 1)
        ]
        save_results(session, LabelIds(), LabelledBy(model, now), found)


def library(store: Store) -> tuple[Model, Model]:
    """400 photos, the first 36 of boats, looked at by the first of two models."""
    with store.write() as session:
        root = samples.root(session)
        samples.add(session, root, *(f"{number:04}.jpg" for number in range(1, PHOTOS + 1)))
        old, new = samples.model(session), samples.model(session, "fedcba9876543210")
    look(store, old, 3)
    return old, new


def teacher(store: Store, now: float = samples.NOW, **keywords: str) -> Teacher:
    return Teacher(Library(store, Settings.model_validate({"keywords": keywords}), Clock(now)))


def boats(kind: Kind = Kind.YES, first: int = 1, count: int = 24) -> list[Example]:
    return [Example(kind, number) for number in range(first, first + count)]


def labelled(store: Store, name: str = "boat") -> set[int]:
    with store.read() as session:
        found = labels_of(session, range(1, PHOTOS + 1))
    return {number for number, labels in found.items() if name in {label.name for label in labels if label.shown}}


def test_every_boat_is_found_and_nothing_else(store: Store) -> None:
    library(store)
    ours = teacher(store)
    lesson = ours.teach("boat", boats(), 0.9)
    assert lesson.report.refused == ""
    assert lesson.report.precision >= 0.9
    assert ours.keep(lesson, on=False) == 0
    assert labelled(store) == set()
    assert ours.keep(lesson, on=True) == lesson.report.photos
    found = labelled(store)
    assert len(found & set(range(1, BOATS + 1))) >= 32
    assert len(found - set(range(1, BOATS + 1))) <= 4
    # Once more changes nothing, and no photo's keywords are to be settled again.
    assert ours.keep(lesson, on=True) == 0


def test_photos_of_the_library_are_compared_with_whatever_counter_examples_are_given(store: Store) -> None:
    library(store)
    counter = boats(Kind.NO, first=100, count=60)
    report = teacher(store).teach("boat", [*boats(), *counter], 0.9).report
    assert (report.yes, report.no) == (24, 60)
    assert report.sampled > 200
    assert report.photos <= BOATS + 4


@pytest.mark.slow
def test_labels_that_share_a_look_through_the_library_come_out_as_each_by_itself(store: Store) -> None:
    library(store)
    ours = teacher(store)
    # More than share one look; one of them has too few examples, and one is no better than chance.
    wanted = [Wanted(f"boat {number}", boats(count=12 + number)) for number in range(18)]
    wanted[3:3] = [Wanted("too few", boats(count=4)), Wanted("anything", boats(first=100))]
    together = {lesson.name: lesson for lesson in ours.teach_several(iter(wanted), 0.9)}
    assert list(together) == [one.name for one in wanted]
    for one in wanted:
        alone, lesson = ours.teach(one.name, one.examples, 0.9), together[one.name]
        assert lesson.report == alone.report
        assert [number for number, _ in lesson.unsure] == [number for number, _ in alone.unsure]
        assert np.allclose(lesson.scored.scores, alone.scored.scores, atol=1e-6)
        assert (lesson.trained.head is None) == (one.name in ("too few", "anything"))


def test_photos_that_changed_are_queued_for_their_keywords(store: Store) -> None:
    library(store)
    ours = teacher(store, mode="sidecar")
    changed = ours.keep(ours.teach("boat", boats(), 0.9), on=True)
    with store.read() as session:
        assert jobs.counts(session, kind=JobKind.KEYWORDS).queued == changed > 30


def test_a_photo_that_is_looked_at_while_a_label_is_taught_gets_it(store: Store) -> None:
    old, _ = library(store)
    with store.write() as session:
        session.query(PhotoRow).filter(PhotoRow.id.between(25, 44)).update({"labelled_by": None})
    ours = teacher(store, samples.NOW + 5)
    lesson = ours.teach("boat", boats(), 0.9)
    assert lesson.report.library == PHOTOS - 20
    look(store, old, 3, 25, 44, now=samples.NOW + 10)
    ours.keep(lesson, on=True)
    assert len(labelled(store) & set(range(25, BOATS + 1))) >= 9


def test_what_a_person_said_is_kept_and_learned(store: Store) -> None:
    library(store)
    ours = teacher(store)
    ours.keep(ours.teach("boat", boats(), 0.9), on=True)
    with store.write() as session:
        label = taught_labels.find_taught(session, "boat")
        assert label is not None
        corrections.remove_label(session, 30, label.label_id)
        corrections.put(session, LabelIds(), 300, label.key, label.name)
        [again] = [one for one in examples_of(session, label) if one.photo_id == 30]
        assert again.kind is Kind.NO
    lessons = ours.teach_due()
    assert [lesson.name for lesson in lessons] == ["boat"]
    assert 300 in labelled(store)
    assert 30 not in labelled(store)
    # Nothing is new since.
    assert ours.teach_due() == []
    assert ours.forget(label) > 30
    assert labelled(store) == {300}


def test_another_model_is_taught_when_it_has_looked_at_the_examples(store: Store) -> None:
    _, new = library(store)
    ours = teacher(store)
    ours.keep(ours.teach("boat", boats(), 0.9), on=True)
    before = labelled(store)
    # While it looks through the library, every photo keeps what it has.
    look(store, new, 8, 201, PHOTOS)
    look(store, new, 8, 1, 20)
    assert labelled(store) == before
    assert ours.model() == new
    assert ours.teach_due() == []
    look(store, new, 8, 21, 200)
    [lesson] = ours.teach_due()
    assert (lesson.model, lesson.report.refused) == (new, "")
    after = labelled(store)
    assert len(after & set(range(1, BOATS + 1))) >= 32
    assert len(after - set(range(1, BOATS + 1))) <= 4
    with store.read() as session:
        [label] = taught_labels.all_taught(session)
        assert set(taught_labels.trained(session, label)) == {lesson.model.id, 1}


def test_a_label_that_cannot_be_taught_again_keeps_its_classifier_and_says_why(store: Store) -> None:
    old, _ = library(store)
    ours = teacher(store)
    ours.keep(ours.teach("boat", boats(), 0.9), on=True)
    before = labelled(store)
    with store.write() as session:
        label = taught_labels.find_taught(session, "boat")
        assert label is not None
        for number in range(1, 25):
            corrections.put(session, LabelIds(), 100 + 10 * number, label.key, label.name)
            corrections.remove_label(session, number, label.label_id)
    [lesson] = ours.teach_due()
    assert lesson.report.refused
    with store.read() as session:
        kept = taught_labels.trained(session, label)[old.id]
    assert kept.head is not None
    assert kept.report["refused"] == lesson.report.refused
    assert before - set(range(1, 25)) <= labelled(store)
    assert ours.teach_due() == []


def test_the_models_own_label_of_the_name_makes_room(store: Store) -> None:
    old, _ = library(store)
    own = Label("n02129604", "tiger", 0.9, 1, Origin.MODEL, shown=True)
    with store.write() as session:
        relabel_photos(session, LabelIds(), LabelledBy(old, samples.NOW), dict.fromkeys(range(30, 200), (own,)))
    ours = teacher(store)
    ours.keep(ours.teach("Tiger", boats(), 0.9), on=True)
    with store.read() as session:
        every = labels_of(session, range(1, PHOTOS + 1)).values()
    assert {label.origin for labels in every for label in labels} == {Origin.TAUGHT}
    assert {label.key for labels in every for label in labels} == {"n02129604"}
