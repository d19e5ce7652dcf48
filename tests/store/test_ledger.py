"""The ledger: what is ours in which file, from which write, on both kinds of database."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint, JobKind
from tagger.store import jobs, ledger, runs
from tagger.store.ledger import LABEL, PHOTO, REFUSED, SEED, SIDECAR, Entry, FileState, Planned
from tagger.store.photos import known_at
from tagger.store.results import record_rewrites, stored_content_hash
from tagger.store.session import Store
from tests.store import samples

TIGER, BEACH = Entry("dc:subject", "tiger", LABEL), Entry("dc:subject", "\U0001f3d6 beach", LABEL)
OLD, NEW = FileState(1000, 5, b"o" * 16), FileState(1700, 5, b"n" * 16)


def planned(photo_id: int, *entries: Entry, target: str = PHOTO) -> Planned:
    return Planned(photo_id, target, "/photos/caf\udce9.jpg", "0123456789ab", OLD, NEW, b"patch", entries, None)


def start(session: Session, command: str = runs.WRITE) -> int:
    return runs.start_run(session, command, None, samples.NOW)


def test_entries_last_from_the_write_that_adds_them_to_the_one_that_ends_them(store: Store) -> None:
    with store.write(durable=True) as session:
        one, two = samples.add(session, samples.root(session), "a.jpg", "b.jpg")
        first_run = start(session)
        ids = ledger.begin(session, first_run, [planned(one, TIGER), planned(two, TIGER, BEACH)], samples.NOW)
        ledger.done(session, dict.fromkeys(ids, 7))
    with store.write() as session:
        assert ledger.pending(session) == []
        assert ledger.entries_of(session, [one, two]) == {(one, PHOTO): [TIGER], (two, PHOTO): [TIGER, BEACH]}
        assert ledger.photos_with_entries(session) == [one, two]
        run = start(session)
        [second] = ledger.begin(session, run, [planned(one, BEACH)], samples.NOW + 9)
        ledger.done(session, {second: 8})
        assert ledger.photos_with_entries(session, run_id=first_run) == [two]
        assert ledger.of_run(session, one, run) == {(PHOTO, BEACH)}
        newest, oldest = ledger.history(session, one)
        assert (newest.added, newest.ended, newest.command) == ((BEACH,), (TIGER,), "write")
        assert (oldest.added, oldest.ended) == ((TIGER,), ())
        assert newest.write.path == "/photos/caf\udce9.jpg"
        assert (newest.write.after.mtime_ns, newest.write.before) == (8, OLD)


def test_a_write_that_did_not_happen_leaves_no_trace(store: Store) -> None:
    with store.write() as session:
        [photo] = samples.add(session, samples.root(session), "a.jpg")
        [first] = ledger.begin(session, start(session), [planned(photo, TIGER)], samples.NOW)
        ledger.done(session, {first: 5})
        [second] = ledger.begin(session, start(session), [planned(photo, BEACH)], samples.NOW)
    with store.write() as session:
        assert [write.id for write in ledger.pending(session)] == [second]
        ledger.void(session, second)
        assert ledger.entries_of(session, [photo]) == {(photo, PHOTO): [TIGER]}
        assert [write.id for write in ledger.writes_of(session, photo)] == [first]


def test_what_a_file_tells_is_learned_without_a_write(store: Store) -> None:
    refused = Entry("dc:subject", "tiger", REFUSED)
    with store.write() as session:
        [photo] = samples.add(session, samples.root(session), "a.jpg")
        ledger.settle(session, {(photo, PHOTO): ([TIGER], None), (photo, SIDECAR): ([BEACH], None)})
        ledger.settle(session, {(photo, PHOTO): ([refused], None)})
        assert ledger.entries_of(session, [photo]) == {(photo, PHOTO): [refused], (photo, SIDECAR): [BEACH]}
        assert ledger.count_entries(session) == 1
        ledger.settle(session, {(photo, SIDECAR): ([Entry("dc:subject", "Anna", SEED)], None)})
        assert ledger.photos_with_entries(session) == [photo]


def test_photos_are_settled_until_their_labels_or_the_settings_change(store: Store) -> None:
    with store.write() as session:
        by = samples.model(session)
        one, two = samples.add(session, samples.root(session), "a.jpg", "b.jpg")
        for number, photo in enumerate((one, two), 1):
            samples.save(session, photo, by, [samples.label("tiger")], number=number)
        assert ledger.enqueue_unsettled(session, "digest") == 2
        assert ledger.unsettled(session, "digest") == []
        assert jobs.counts(session, kind=JobKind.LABEL).queued == 2, "the labelling jobs are jobs of their own"
        assert jobs.counts(session, kind=JobKind.KEYWORDS).queued == 2
        claimed = jobs.claim(session, jobs.JobFilter(JobKind.KEYWORDS), "me", 9, samples.NOW)
        jobs.complete(session, *(job.job_id for job in claimed))
        ledger.mark_settled(session, [one, two], "digest")
        assert ledger.unsettled(session, "digest") == []
        assert ledger.unsettled(session, "other digest") == [one, two]
        samples.save(session, two, by, [samples.label("beach")], number=2)
        assert ledger.unsettled(session, "digest") == [two]
        record_rewrites(session, {one: (Fingerprint(7, 8, 9, 10), b"h" * 16)})
        known = known_at(session, 1, ["a.jpg"])["a.jpg"]
        assert known.fingerprint == Fingerprint(7, 8, 9, 10)
        assert stored_content_hash(session, one) == b"h" * 16
        assert ledger.unsettled(session, "digest") == [two]


def test_a_run_of_each_kind_may_be_open_at_the_same_time(store: Store) -> None:
    with store.write() as session:
        labelling = runs.start_run(session, "run", None, samples.NOW)
        start(session)
        start(session, runs.UNDO)
        outcomes = {run.id: run.outcome for run in runs.last_runs(session)}
    assert outcomes[labelling] is None
    assert sorted(map(str, outcomes.values())) == ["None", "None", "killed"]
