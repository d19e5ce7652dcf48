"""What a person decided of photos that are nearly the same."""

from __future__ import annotations

from sqlalchemy import func, select

from tagger.store.duplicate_decisions import Decision, decide, read_decisions, take_back
from tagger.store.photos import drop_missing, photos_gone
from tagger.store.session import Store
from tagger.store.tables import DuplicateChangeRow
from tests.store import samples


def test_decisions_are_kept_taken_back_and_end_with_another_content(store: Store) -> None:
    with store.write() as session:
        one, two, three = samples.add(session, samples.root(session), "a.jpg", "b.jpg", "c.jpg")
        assert read_decisions(session).of(one, "aa") is None
        said = {one: Decision(True, "aa"), two: Decision(False, "bb", one), three: Decision(False, "", one)}
        first = decide(session, said)
    with store.write() as session:
        found = read_decisions(session)
        assert [found.of(one, "aa"), found.of(two, "bb"), found.of(two, "other")] == [True, False, None]
        assert found.by_photo == said
        second = decide(session, {two: Decision(True, "bb"), one: None})
        now = read_decisions(session)
        assert [now.of(one, "aa"), now.of(two, "bb"), now.of(three, "")] == [None, True, False]
    with store.write() as session:
        assert take_back(session, second) == 2
        assert read_decisions(session) == found
        assert take_back(session, second) is None
        assert take_back(session, first) == 3
        assert read_decisions(session).by_photo == {}


def test_the_last_fifty_times_can_be_taken_back(store: Store) -> None:
    with store.write() as session:
        [photo] = samples.add(session, samples.root(session), "a.jpg")
        numbers = [decide(session, {photo: Decision(bool(number % 2), "x")}) for number in range(60)]
        assert session.scalar(select(func.count()).select_from(DuplicateChangeRow)) == 50
        assert take_back(session, numbers[0]) is None
        assert take_back(session, numbers[-1]) == 1
        assert read_decisions(session).by_photo == {photo: Decision(False, "x")}


def test_a_photo_that_is_dropped_takes_its_decision_along(store: Store) -> None:
    with store.write() as session:
        one, two = samples.add(session, samples.root(session), "a.jpg", "b.jpg")
        number = decide(session, {one: Decision(True, "aa"), two: Decision(False, "bb", one)})
        later = decide(session, {two: None})
        photos_gone(session, [two], samples.NOW)
        assert drop_missing(session, samples.NOW + 1) == 1
        assert set(read_decisions(session).by_photo) == {one}
        # What was said of a photo that is no more cannot come back.
        assert take_back(session, later) == 1
        assert set(read_decisions(session).by_photo) == {one}
        assert take_back(session, number) == 2
        assert read_decisions(session).by_photo == {}
