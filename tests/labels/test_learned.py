"""What a person removes again and again is shown less."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tagger.core.config import LabelSettings
from tagger.core.photo import Label, Origin
from tagger.labels.learned import LEAST_REMOVED, explained, learned_thresholds, less_shown
from tagger.labels.policy import CandidateReport
from tagger.store import corrections
from tagger.store.labels import LabelIds
from tagger.store.session import Store
from tests.store import samples


def labelled(session: Session, count: int, *, confirmed: int = 0) -> None:
    """A library of photos that are labelled a broccoli; a person removes it from `count`, and confirms others."""
    root = samples.root(session)
    paths = [f"{number}.jpg" for number in range(count + confirmed + 3)]
    photos = samples.add(session, root, *paths)
    model, label_ids = samples.model(session), LabelIds()
    for number, photo in enumerate(photos):
        samples.save(
            session, photo, model, [samples.label("broccoli", 0.5 + number / 100, key="n07714990")], number=photo
        )
    [said, *_] = corrections.labels_on(session, photos[0])
    for photo in photos[:count]:
        corrections.remove_label(session, photo, said.label_id)
    for photo in photos[count : count + confirmed]:
        corrections.put(session, label_ids, photo, said.key, said.name)


def test_a_label_that_is_removed_again_and_again_must_be_surer(store: Store) -> None:
    with store.write() as session:
        labelled(session, LEAST_REMOVED)
        learned = learned_thresholds(session, LabelSettings())
    assert set(learned) == {"n07714990"}
    surest = 0.5 + (LEAST_REMOVED - 1) / 100
    one = learned["n07714990"]
    assert (one.removed, one.threshold) == (LEAST_REMOVED, pytest.approx(surest + 0.01))


@pytest.mark.parametrize(
    ("removed", "confirmed", "rules"),
    [
        (LEAST_REMOVED - 1, 0, LabelSettings()),
        (LEAST_REMOVED, 2, LabelSettings()),
        (LEAST_REMOVED, 0, LabelSettings(thresholds={"Broccoli": 0.7})),
    ],
    ids=["a few times", "right elsewhere", "the owner made a rule"],
)
def test_otherwise_it_is_as_before(store: Store, removed: int, confirmed: int, rules: LabelSettings) -> None:
    with store.write() as session:
        labelled(session, removed, confirmed=confirmed)
        assert learned_thresholds(session, rules) == {}


def test_a_no_of_a_photo_that_never_had_the_label_removes_nothing(store: Store) -> None:
    with store.write() as session:
        photos = samples.add(session, samples.root(session), *[f"{number}.jpg" for number in range(LEAST_REMOVED)])
        for photo in photos:
            corrections.put(session, LabelIds(), photo, "n07714990", "broccoli", removed=True)
        assert learned_thresholds(session, LabelSettings()) == {}
        [said] = corrections.labels_on(session, photos[0])
        assert said.removed


def test_it_is_hidden_and_the_reason_is_told(store: Store) -> None:
    with store.write() as session:
        labelled(session, LEAST_REMOVED)
        learned = learned_thresholds(session, LabelSettings())
    unsure = Label("n07714990", "broccoli", 0.52, 1, Origin.MODEL, shown=True)
    sure = Label("n07714990", "broccoli", 0.9, 1, Origin.MODEL, shown=True)
    mine = Label("n07714990", "broccoli", 0.5, 1, Origin.PERSON, shown=True)
    food = Label("n07555863", "food", 0.9, 2, Origin.HIERARCHY, shown=True)
    assert [(label.name, label.shown, label.rank) for label in less_shown([unsure, food], learned)] == [
        ("food", True, 1),
        ("broccoli", False, 2),
    ]
    assert less_shown([sure, food], learned) == (sure, food)
    assert less_shown([mine], learned) == (mine,)
    report = CandidateReport("n07714990", "broccoli", 0.52, 0.45, "model", True, True, "shown: 0.52 reaches 0.45", ())
    [told] = explained([report], learned)
    assert not told.shown
    assert "you removed it from 5 photos" in told.why
