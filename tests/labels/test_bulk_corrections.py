"""Corrections of many photos at once, and taking them back, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.photo import JobKind
from tagger.labels.bulk_corrections import correct_many, take_back
from tagger.labels.corrections import Correction, correct
from tagger.store import bulk_corrections, jobs
from tagger.store.labels import labels_of
from tagger.store.library import Library
from tagger.store.page_tables import CorrectedLabelRow
from tagger.store.session import Store
from tagger.store.tables import PhotoLabelRow
from tests.clock import Clock
from tests.store import samples

TIGER, CAT = "n02129604", "n02127808"


@pytest.fixture
def library(store: Store, settings: Settings) -> Library:
    """Five photos: four of tigers, of which one is shown; and one without labels."""
    with store.write() as session:
        where = samples.root(session)
        ids = samples.add(session, where, "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg")
        by = samples.model(session)
        for number, photo_id in enumerate(ids[:4], 1):
            given = samples.label("tiger", 0.2 * number, key=TIGER, shown=number == 4)
            samples.save(session, photo_id, by, [given], number=number)
        samples.save(session, ids[4], by, [], number=5)
    return Library(store, settings, Clock(samples.NOW + 1000))


def rows(library: Library) -> list[tuple[object, ...]]:
    """Everything that is stored of labels of photos."""
    with library.store.read() as session:
        table = PhotoLabelRow.__table__
        return [tuple(row) for row in session.execute(select(table).order_by(table.c.photo_id, table.c.label_id))]


def shown(library: Library) -> dict[int, list[tuple[str, float, str]]]:
    with library.store.read() as session:
        found = labels_of(session, [1, 2, 3, 4, 5])
    return {
        photo: [(one.name, round(one.confidence, 2), one.origin.name) for one in labels]
        for photo, labels in found.items()
    }


def test_many_are_corrected_and_are_taken_back_to_what_they_were(library: Library) -> None:
    before = rows(library)
    done = correct_many(library, [1, 2, 3, 5, 99], Correction(remove=["tiger"], add=["our boat"]))
    assert (done.photos, done.changed) == (4, 4), "a photo that is not there is left out"
    assert shown(library) == {
        **{photo: [("our boat", 1.0, "PERSON")] for photo in (1, 2, 3, 5)},
        4: [("tiger", 0.8, "MODEL")],
    }
    again = correct_many(library, [1, 2, 3, 5], Correction(remove=["tiger"], add=["our boat"]))
    assert (again.id, again.changed) == (None, 0)
    assert done.id is not None
    back = take_back(library, done.id)
    assert (back.photos, back.later) == ([1, 2, 3, 5], [])
    assert rows(library) == before
    with pytest.raises(UsageError, match="already"):
        take_back(library, done.id)
    with pytest.raises(UsageError, match="no such"):
        take_back(library, 99)


def test_a_label_is_confirmed_only_where_a_photo_has_it(library: Library) -> None:
    done = correct_many(library, [1, 4, 5], Correction(confirm=[TIGER]))
    assert (done.photos, done.changed) == (3, 2)
    assert shown(library)[1] == [("tiger", 1.0, "PERSON")]
    assert shown(library)[5] == []


def test_labels_of_many_are_named_in_another_language(library: Library) -> None:
    from tagger.labels.languages import language

    assert correct_many(library, [1], Correction(remove=["Tiger"]), language("de")).changed == 1
    with pytest.raises(UsageError, match="unicorn"):
        correct_many(library, [2], Correction(remove=["tiger", "unicorn"]))
    assert shown(library)[2] == [("tiger", 0.4, "MODEL")], "all or none"


def test_a_wide_label_stands_behind_the_narrow_one(library: Library) -> None:
    correct_many(library, [4], Correction(add=[CAT]))
    correct(library, [3], Correction(add=[CAT]))
    ranks = {row[0]: row[3] for row in rows(library) if row[4] == 3}
    assert ranks[4] == ranks[3] > 0


def test_what_was_said_since_stays_when_it_is_taken_back(library: Library) -> None:
    done = correct_many(library, [1, 2], Correction(remove=["tiger"]))
    later = correct_many(library, [1], Correction(add=["tiger"]))
    assert done.id is not None
    back = take_back(library, done.id)
    assert (back.photos, back.later) == ([2], [1])
    assert shown(library)[1] == [("tiger", 1.0, "PERSON")]
    # The newer one leads to what it found.
    assert later.id is not None
    assert take_back(library, later.id).photos == [1]
    assert shown(library)[1] == []


def test_keywords_of_corrected_photos_are_written_anew(library: Library) -> None:
    settings = library.settings.model_copy(
        update={"keywords": library.settings.keywords.model_copy(update={"mode": "sidecar"})}
    )
    writing = Library(library.store, settings, library.clock)
    done = correct_many(writing, [1, 2, 3, 4, 5], Correction(remove=["tiger"]))

    def queued() -> int:
        with library.store.read() as session:
            return jobs.counts(session, kind=JobKind.KEYWORDS).queued

    assert queued() == 4
    with library.store.write() as session:
        session.execute(jobs.JobRow.__table__.delete())
    assert done.id is not None
    take_back(writing, done.id)
    assert queued() == 4


def test_the_oldest_corrections_are_forgotten(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_corrections, "KEPT", 3)
    ids = [correct_many(library, [5], Correction(add=[f"label {number}"])).id for number in range(5)]
    with library.store.read() as session:
        assert [one.id for one in bulk_corrections.last_corrections(session, 10)] == ids[:1:-1]
        kept = set(session.scalars(select(CorrectedLabelRow.correction_id)))
    assert kept == set(ids[2:])
