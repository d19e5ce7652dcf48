from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tagger.core.config import Settings
from tagger.core.photo import JobKind, Origin
from tagger.core.progress import never_stop
from tagger.store import jobs, records, runs
from tagger.store.counts import count_labels, count_totals
from tagger.store.evidence import NO_WITNESSES
from tagger.store.features import features_page, reusable_features
from tagger.store.labels import LabelIds, LabelledBy, labels_of, relabel_photos
from tagger.store.library import Library
from tagger.store.moves import adopt
from tagger.store.photos import fail_photo, photos_gone
from tagger.store.results import PhotoResult, enqueue_stale, save_results
from tagger.store.session import Store
from tagger.store.tables import LabelRow, PhotoLabelRow
from tagger.store.twins import find_twin, twin_hashes
from tests.store import samples
from tests.store.samples import NOW, label


def test_a_look_is_stored_as_a_whole(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        model = samples.model(session)
        samples.save(session, photo, model, [label("tiger", 0.75, key="n02129604"), label("big cat", 0.9, rank=2)])
    with store.read() as session:
        record = records.find_photo(session, "/photos/a.jpg")
        assert record is not None
        story = records.story(session, record)
        assert story is not None
        assert [(found.name, found.wnid, found.confidence) for found in story.labels] == [
            ("tiger", "n02129604", 0.75),
            ("big cat", None, story.labels[1].confidence),
        ]
        assert (story.record.width, story.record.taken) == (640, "2019-06-01T12:30:00")
        assert story.model == model
        assert features_page(session, model, 0, None, 10) == [(photo, b"\x00\x3c" * 8)]


def test_looking_again_replaces_labels_but_not_a_persons(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        model = samples.model(session)
        label_ids = LabelIds()
        samples.save(session, photo, model, [label("tiger"), label("wrong", rank=2)])
        mine = PhotoLabelRow(
            photo_id=photo,
            label_id=label_ids.id_of(session, label("zoo")),
            confidence=1.0,
            rank=0,
            origin=Origin.PERSON,
            shown=True,
            removed=False,
        )
        session.add(mine)
        # A person took "wrong" away: a tombstone.
        gone = session.get_one(PhotoLabelRow, (photo, label_ids.id_of(session, label("wrong"))))
        gone.removed = True
        session.flush()
        samples.save(session, photo, model, [label("lion"), label("wrong", rank=2)])
        assert [found.name for found in labels_of(session, [photo])[photo]] == ["zoo", "lion"]


def test_a_renamed_label_is_renamed_everywhere(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        model = samples.model(session)
        samples.save(session, photo, model, [label("tabby", key="n1")])
        relabel_photos(session, LabelIds(), LabelledBy(model, NOW), {photo: [label("our cat", key="n1")]})
        assert [found.name for found in labels_of(session, [photo])[photo]] == ["our cat"]
        assert [count.name for count in count_labels(session)] == ["our cat"]


def test_the_label_book_survives_a_rolled_back_transaction(store: Store) -> None:
    label_ids = LabelIds()
    try:
        with store.write() as session:
            label_ids.id_of(session, label("tiger"))
            raise RuntimeError("the disk is full")
    except RuntimeError:
        pass
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        label_ids.remember(session)
        result = PhotoResult(photo, samples.inspection(1), b"\0\0", [label("tiger")])
        save_results(session, label_ids, LabelledBy(samples.model(session), NOW), [result])
    with store.read() as session:
        assert [count.name for count in count_labels(session)] == ["tiger"]


def test_twins_are_found_by_size_and_content(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo, _] = samples.add(session, root, "a.jpg", "copy.jpg")
        model, other = samples.model(session), samples.model(session, "fedcba9876543210")
        seen = samples.save(session, photo, model, [label("tiger")])
        size = seen.fingerprint.size
        assert twin_hashes(session, [size, 5], model, NO_WITNESSES) == {size: [seen.content_hash]}
        assert twin_hashes(session, [size], other, NO_WITNESSES) == {}
        found = find_twin(session, size, seen.content_hash, model, NO_WITNESSES)
        assert found is not None
        assert (found[0].pixel_hash, found[0].facts) == (seen.pixel_hash, seen.facts)
        assert find_twin(session, size + 1, seen.content_hash, model, NO_WITNESSES) is None


def test_a_missing_photo_that_turns_up_elsewhere_goes_on_as_itself(store: Store) -> None:
    """Moved between disks: another inode, the same bytes."""
    with store.write() as session:
        root = samples.root(session)
        [old] = samples.add(session, root, "old.jpg")
        model = samples.model(session)
        seen = samples.save(session, old, model, [label("tiger")])
        jobs.drop_queued(session, [old], None)
        photos_gone(session, [old], NOW)
        [new] = samples.add(session, root, "new.jpg", first=7)
        assert adopt(session, {new: seen}) == {new: old}
        record = records.find_photo(session, "/photos/new.jpg")
        assert record is not None
        assert (record.id, record.missing_since) == (old, None)
        assert count_totals(session).present == 1


def test_only_photos_of_another_model_are_stale(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [done, old, _] = samples.add(session, root, "done.jpg", "old.jpg", "new.jpg")
        model, before = samples.model(session), samples.model(session, "fedcba9876543210")
        for photo, by in ((done, model), (old, before)):
            samples.save(session, photo, by, [label("tiger")], number=photo)
            jobs.drop_queued(session, [photo], None)
        assert enqueue_stale(session, model, [root.id]) == 1
        assert enqueue_stale(session, model, [root.id]) == 0
        claimed = jobs.claim(session, jobs.JobFilter(JobKind.LABEL, [root.id]), "me", 9, NOW + 60)
        assert [job.path.relative for job in claimed] == ["new.jpg", "old.jpg"]
        assert [found.name for found in labels_of(session, [old])[old]] == ["tiger"]


def test_features_of_other_models_stay_while_the_pixels_are_the_same(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [photo] = samples.add(session, root, "a.jpg")
        one, two = samples.model(session), samples.model(session, "fedcba9876543210")
        samples.save(session, photo, one, [label("tiger")])
        samples.save(session, photo, two, [label("lion")])
        assert photo in reusable_features(session, [photo], one)
        samples.save(session, photo, two, [label("lion")], number=5)  # other pixels
        assert reusable_features(session, [photo], one) == {}


def test_counts_and_states(store: Store) -> None:
    with store.write() as session:
        root = samples.root(session)
        [labelled, failed, missing, _] = samples.add(session, root, "l.jpg", "f.jpg", "m.jpg", "q.jpg")
        model = samples.model(session)
        samples.save(session, labelled, model, [label("tiger"), label("cat", 0.2, shown=False, rank=2)])
        jobs.drop_queued(session, [labelled], None)
        fail_photo(session, failed, "broken")
        photos_gone(session, [missing], NOW)
    states = {record.path.relative: record.state for record, _ in records.all_records(store, page=2)}
    assert states == {"l.jpg": "labelled", "f.jpg": "failed", "m.jpg": "missing", "q.jpg": "queued"}
    with store.read() as session:
        totals = count_totals(session)
        assert (totals.present, totals.missing, totals.labelled) == (3, 1, 1)
        assert totals.queue == jobs.QueueCounts(1, 0, 1)
        assert {count.name: (count.shown, count.stored) for count in count_labels(session)} == {
            "tiger": (1, 1),
            "cat": (0, 1),
        }


def test_runs_are_counted_and_closed(store: Store) -> None:
    with store.write() as session:
        model = samples.model(session)
        killed = runs.start_run(session, "backfill", model, NOW)
        run = runs.start_run(session, "backfill", model, NOW + 1)
        runs.count_run(session, run, labelled=3, classified=2, failed=1)
        runs.count_run(session, run, labelled=1, classified=1, failed=0)
        runs.end_run(session, run, "done", 2.5, NOW + 4)
        [last, first] = runs.last_runs(session)
    assert (first.id, first.outcome) == (killed, "killed")
    assert (last.labelled, last.classified, last.failed, last.seconds, last.outcome) == (4, 3, 1, 2.5, "done")


@pytest.mark.parametrize(("stopped", "outcome"), [(False, "done"), (True, "interrupted")])
def test_a_block_is_recorded_as_a_run(store: Store, stopped: bool, outcome: str) -> None:
    with runs.recorded(Library(store, Settings()), "relabel", lambda: stopped) as run, store.read() as session:
        assert runs.last_runs(session)[0].outcome is None
    with store.read() as session:
        [last] = runs.last_runs(session)
    assert (last.id, last.command, last.outcome, last.seconds) == (run.id, "relabel", outcome, run.seconds)


def test_a_run_that_raises_is_recorded_as_failed(store: Store) -> None:
    with pytest.raises(OSError, match="disk"), runs.recorded(Library(store, Settings()), "relabel", never_stop):
        raise OSError("disk")
    with store.read() as session:
        assert runs.last_runs(session)[0].outcome == "failed"


def test_two_that_need_the_same_new_labels_at_once_get_the_same_rows(store: Store) -> None:
    """As workers on two machines do, in whatever order the labels come."""
    names = [f"label {number}" for number in range(50)]
    together = threading.Barrier(2)

    def save_photos(order: list[str]) -> list[int]:
        together.wait()
        with store.write() as session:
            by, where = samples.model(session), samples.root(session, order[0])
            [photo] = samples.add(session, where, "a.jpg")
            found = PhotoResult(
                photo, samples.inspection(1), b"\0\0", [label(name, rank=n) for n, name in enumerate(order)]
            )
            save_results(session, LabelIds(), LabelledBy(by, NOW), [found])
        with store.read() as session:
            return [row.rank for row in labels_of(session, [photo])[photo]]

    with store.write() as session:
        samples.model(session)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(save_photos, [names, names[::-1]]))
    assert done == [list(range(50))] * 2
    with store.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(LabelRow)) == 50
