from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from tagger.core.paths import disk_path, shown_path, stored_path
from tagger.core.photo import Fingerprint, JobKind
from tagger.store import jobs, photos, records
from tagger.store.counts import count_labels, count_totals
from tagger.store.features import features_count, reusable_features
from tagger.store.labels import labels_of
from tagger.store.moves import match_gone
from tagger.store.photos import (
    add_photos,
    change_photos,
    known_photos,
    move_photo,
    photos_back,
    photos_gone,
    present_count,
    stored_fingerprint,
)
from tagger.store.roots import all_roots, remove_root, root_of
from tagger.store.session import Store
from tests.store import samples
from tests.store.samples import NOW

STRANGE = ["new\nline.jpg", "quote'\".jpg", os.fsdecode(b"latin-1 \xe9.jpg"), "emoji 🐅.jpg", "\uef80.jpg", "x" * 255]


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_file_name_is_stored_without_loss(name: bytes) -> None:
    path = os.fsdecode(name)
    stored = stored_path(path)
    stored.encode()  # valid Unicode, or the database would refuse it
    assert disk_path(stored) == path
    assert os.fsencode(disk_path(stored)) == name
    shown = shown_path(path)
    shown.encode()
    assert shown.isprintable()


@given(st.binary(), st.binary())
def test_different_names_stay_different(one: bytes, other: bytes) -> None:
    assert (stored_path(os.fsdecode(one)) == stored_path(os.fsdecode(other))) == (one == other)


def test_strange_names_come_back_from_the_database(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session, os.fsdecode(b"/photos/\xff"))
        samples.add(session, root, *STRANGE)
    found = {photo.path for photo in known_photos(store, root.id)}
    assert found == set(STRANGE)
    with store.read() as session:
        for name in STRANGE:
            record = records.find_photo(session, f"{root.path}/{name}")
            assert record is not None
            assert record.path.relative == name


def test_known_photos_come_in_path_order_across_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_PAGE", 3)
    names = ["b.jpg", "a/z.jpg", "a.jpg", "B.jpg", "ä.jpg", "a-b.jpg", "é\U0001f405.jpg", "\uffee.jpg"]
    with store.write() as session:
        root = samples.root(session)
        samples.add(session, root, *names)
    found = [photo.path for photo in known_photos(store, root.id)]
    assert found == sorted(names)


def test_a_settling_file_is_not_due_at_once(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        written = Fingerprint(10, int((NOW - 2) * 1e9))
        ahead = Fingerprint(10, int((NOW + 9_999_999) * 1e9))
        add_photos(session, root.id, [("fresh.jpg", written)], NOW, 5)
        assert jobs.next_due(session, [root.id], kind=JobKind.LABEL, now=NOW) == int(NOW - 2 + 5) + 1
        add_photos(session, root.id, [("future.jpg", ahead)], NOW, 5)
        assert (
            jobs.next_due(session, [root.id], kind=JobKind.LABEL, now=NOW) == 0
        )  # a camera clock that runs ahead must not hide a photo


def test_a_renamed_photo_keeps_what_is_known_of_it(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "old.jpg")
        samples.save(session, photo, samples.model(session), [samples.label("tiger")])
        jobs.drop_queued(session, [photo], None)
        [new] = samples.add(session, root, "new.jpg")  # the same inode, size and time
        assert match_gone(session, [photo], NOW) == {photo: new}
        assert records.find_photo(session, "/photos/old.jpg") is None
        record = records.find_photo(session, "/photos/new.jpg")
        assert record is not None
        assert (record.id, record.state) == (photo, "labelled")
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 0


def test_a_photo_is_not_taken_for_moved_when_two_could_be_it(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "old.jpg")
        samples.add(session, root, "one.jpg")
        samples.add(session, root, "two.jpg")  # hard links of the same file
        assert match_gone(session, [photo], NOW) == {}


def test_moving_onto_a_known_path_is_refused(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [one, _] = samples.add(session, root, "one.jpg", "two.jpg")
    with pytest.raises(IntegrityError), store.engine.begin() as connection:  # noqa: PT012
        from sqlalchemy.orm import Session

        move_photo(Session(connection), one, root.id, "two.jpg", samples.fingerprint(1))


def test_gone_photos_keep_their_labels_and_come_back(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        samples.save(session, photo, samples.model(session), [samples.label("tiger")])
        jobs.drop_queued(session, [photo], None)
        photos_gone(session, [photo], NOW)
        assert present_count(session, root.id) == 0
        photos_back(session, [(photo, samples.fingerprint(1))])
        assert present_count(session, root.id) == 1
        assert [label.name for label in labels_of(session, [photo])[photo]] == ["tiger"]
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 0


def test_a_photo_that_was_never_labelled_is_queued_when_it_comes_back(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        photos_gone(session, [photo], NOW)
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 0
        photos_back(session, [(photo, samples.fingerprint(1))])
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 1


def test_a_changed_photo_keeps_its_labels_until_it_was_looked_at(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        model = samples.model(session)
        samples.save(session, photo, model, [samples.label("tiger")])
        change_photos(session, [(photo, samples.fingerprint(9))], NOW, 5)
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 1
        assert len(labels_of(session, [photo])[photo]) == 1
        assert not reusable_features(session, [photo], model)  # they are of the old file


def test_forgetting_a_root_forgets_everything_below_it_and_nothing_else(store: Store) -> None:
    with store.write() as session:
        one, two = samples.root(session, "/one"), samples.root(session, "/two")
        [first] = samples.add(session, one, "a.jpg")
        [second] = samples.add(session, two, "a.jpg", first=2)
        model = samples.model(session)
        samples.save(session, first, model, [samples.label("tiger")])
        samples.save(session, second, model, [samples.label("tiger")], number=2)
    with store.write() as session:
        remove_root(session, one.id)
    with store.read() as session:
        assert [root.path for root in all_roots(session)] == ["/two"]
        assert count_totals(session).present == 1
        assert features_count(session, model) == 1
        assert [count.stored for count in count_labels(session)] == [1]


def test_the_root_of_a_path(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session, "/photos")
        samples.root(session, "/")
        samples.root(session, "/photos-2")
        assert root_of(session, "/photos/a/b.jpg") is not None
        found = {path: root_of(session, path) for path in ("/photos", "/photos-2/x", "/other/x")}
    assert found["/photos"] is not None
    assert found["/photos-2/x"] is not None
    assert (root.path, found["/other/x"] is not None) == ("/photos", True)


def test_numbers_that_do_not_fit_are_stored_the_same_each_time() -> None:
    huge = Fingerprint(1, 2**70, 2**64 - 1, -(2**70))
    stored = stored_fingerprint(huge)
    assert stored == stored_fingerprint(stored)
    for value in (stored.mtime_ns, stored.inode, stored.ctime_ns):
        assert value is not None
        assert -(2**63) <= value < 2**63
