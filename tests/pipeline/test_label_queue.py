"""The loop, with a child that replies as it is told; the real child is tested through the command line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete
from sqlalchemy.orm import Session

from tagger.core import events
from tagger.core.boxes import Box, boxes_from_bytes, boxes_to_bytes
from tagger.core.config import Settings
from tagger.core.errors import AwayError, EngineError
from tagger.core.evidence import Evidence
from tagger.core.photo import Fingerprint, Inspection, JobKind, Label, Origin, PhotoFacts
from tagger.core.progress import StopCheck, never_stop
from tagger.inference.head import Head
from tagger.inference.protocol import Outcome, Reply, Request
from tagger.inference.worker_client import BATCHES_IN_FLIGHT, WorkerDiedError
from tagger.labels import taxonomy
from tagger.labels.labeller import Labeller
from tagger.labels.policy import Policy
from tagger.pipeline.label_queue import LabelRun, Progress, label_queued
from tagger.store import dead_letters, jobs, records, runs
from tagger.store.batches import BatchContext
from tagger.store.evidence import NO_WITNESSES, Witnesses, evidence_of
from tagger.store.jobs import JobFilter
from tagger.store.labels import LabelIds, LabelledBy, labels_of
from tagger.store.library import Library
from tagger.store.photos import change_photos
from tagger.store.results import PhotoResult, enqueue_incomplete, enqueue_stale, save_results
from tagger.store.roots import all_roots, remove_root
from tagger.store.session import Store, open_store
from tagger.store.tables import FeatureRow
from tests.clock import Clock
from tests.store import samples

DIMENSIONS = 4
# Feature i turned on means class i for certain.
HEAD = Head(np.eye(DIMENSIONS, 1000, dtype=np.float32) * 50, np.zeros(1000, np.float32))


class Child:
    """Stands in for `WorkerClient`. `behave` answers one request, or raises WorkerDiedError."""

    log_file = Path("worker.log")
    engine = "tensorflow 2.21.0 float32 CPU"

    def __init__(self, behave: Callable[[Request], Reply]) -> None:
        self._behave = behave
        self.batch_size = 32
        self._flight: deque[Sequence[Request]] = deque()
        self.batches: list[list[str]] = []
        self.requests: list[Request] = []
        self.starts = 0

    @property
    def has_room(self) -> bool:
        return len(self._flight) < BATCHES_IN_FLIGHT

    def start(self) -> None:
        self.starts += 1

    def submit(self, requests: Sequence[Request]) -> None:
        self._flight.append(requests)
        self.requests += requests
        self.batches.append([Path(request.path).name for request in requests])

    def replies(self, timeout: float) -> list[Reply] | None:
        try:
            replies = [self._behave(request) for request in self._flight[0]]
        except WorkerDiedError:
            self._flight.clear()
            raise
        self._flight.popleft()
        return replies


def good(request: Request) -> Reply:
    """What the child says of a photo whose name is a number."""
    number = int(Path(request.path).stem)
    features = np.zeros(DIMENSIONS, "<f4")
    features[number % DIMENSIONS] = 1
    print_ = Fingerprint(1000 + number, number, number, number)
    inspection = Inspection(print_, b"c%15d" % number, b"p%15d" % number, PhotoFacts("JPEG", 4, 3, None))
    return Reply(request.job_id, Outcome.FEATURES, inspection=inspection, features=features.tobytes(), inferred=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(Settings(data_dir=tmp_path), create=True) as opened:
        yield opened


def run(
    store: Store,
    child: Child,
    *,
    photos: int = 0,
    batch: int = 4,
    stop: StopCheck = never_stop,
    clock: Clock | None = None,
    witnesses: Witnesses = NO_WITNESSES,
    folder: str = "/photos",
) -> tuple[Progress, LabelRun]:
    settings = Settings.model_validate({"engine": {"batch_size": batch}})
    with store.write() as session:
        root = samples.root(session, folder)
        samples.add(session, root, *(f"{number:02}.jpg" for number in range(photos)))
        model = samples.model(session)
        run_id = runs.start_run(session, "backfill", model, 0)
    policy = Policy.from_settings(settings.labels, taxonomy.load())
    child.batch_size = batch
    client: Any = child
    library = Library(store, settings, clock or Clock(samples.NOW + 60))
    batches = BatchContext(library, Labeller(model, HEAD, policy), "me", (root.id,), run_id, witnesses)
    label_run = LabelRun(batches, client)
    progress = Progress()
    label_queued(label_run, progress, stop=stop, on_progress=lambda _: None)
    return progress, label_run


def states(store: Store) -> dict[str, str]:
    return {record.path.relative: record.state for record, _ in records.all_records(store)}


def test_everything_queued_is_labelled_in_batches(store: Store) -> None:
    child = Child(good)
    progress, _ = run(store, child, photos=10)
    assert (progress.labelled, progress.classified, progress.failed) == (10, 10, 0)
    assert [len(batch) for batch in child.batches] == [4, 4, 2]
    assert set(states(store).values()) == {"labelled"}
    with store.read() as session:
        assert jobs.counts(session, kind=JobKind.LABEL) == jobs.QueueCounts(0, 0, 0)
        assert runs.last_runs(session)[0].labelled == 10
        found = labels_of(session, [1])[1]
    assert found[0].key == taxonomy.load().classes[0]
    assert found[0].confidence == pytest.approx(1.0)


def failures_told(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    told = [record.msg for record in caplog.records]
    return [one.fields for one in told if isinstance(one, events.Told) and one.event is events.PHOTO_FAILED]


def test_a_photo_that_kills_the_child_is_found_and_given_up(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def behave(request: Request) -> Reply:
        if request.path.endswith("05.jpg"):
            raise WorkerDiedError("was ended by a segmentation fault")
        return good(request)

    child = Child(behave)
    progress, _ = run(store, child, photos=10)
    assert (progress.labelled, progress.failed) == (9, 1)
    assert states(store).pop("05.jpg") == "failed"
    with store.read() as session:
        [letter] = dead_letters.listed(session, JobKind.LABEL)
    assert "segmentation fault" in letter.reason
    assert child.batches.count(["05.jpg"]) == jobs.MAX_CRASHES
    why = "The process that looked at it was ended by a segmentation fault."
    assert failures_told(caplog) == [{"photo": "/photos/05.jpg", "why": why, "run": 1}]


def test_a_child_that_always_dies_is_not_the_photos_fault(store: Store) -> None:
    def behave(request: Request) -> Reply:
        raise WorkerDiedError("was ended by a kill")

    with pytest.raises(EngineError, match="was ended by a kill") as caught:
        run(store, Child(behave), photos=30)
    assert "stay queued" in caught.value.cure
    with store.read() as session:
        assert jobs.counts(session, kind=JobKind.LABEL) == jobs.QueueCounts(30, 0, 0)
    progress, _ = run(store, Child(good))
    assert progress.labelled == 30


def test_short_memory_is_not_a_broken_file(store: Store) -> None:
    tried: list[int] = []

    def behave(request: Request) -> Reply:
        tried.append(request.job_id)
        if request.path.endswith("01.jpg") and len(child.batches[-1]) > 1:
            return Reply(request.job_id, Outcome.MEMORY, "not enough memory")
        return good(request)

    child = Child(behave)
    progress, _ = run(store, child, photos=4)
    assert (progress.labelled, progress.failed) == (4, 0)
    assert child.batches[-1] == ["01.jpg"]


def test_a_file_that_keeps_changing_is_left_for_the_next_run(store: Store) -> None:
    def behave(request: Request) -> Reply:
        if request.path.endswith("01.jpg"):
            return Reply(request.job_id, Outcome.LATER, "still being written")
        return good(request)

    child = Child(behave)
    progress, _ = run(store, child, photos=3)
    assert (progress.labelled, progress.failed) == (2, 0)
    assert sum("01.jpg" in batch for batch in child.batches) == 3
    assert states(store)["01.jpg"] == "queued"


def first_is_gone(request: Request) -> Reply:
    if request.path.endswith("01.jpg"):
        return Reply(request.job_id, Outcome.GONE, "there is no such file")
    return good(request)


def test_a_file_that_is_gone_is_missing_not_failed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "another.jpg").touch()
    progress, _ = run(store, Child(first_is_gone), photos=3, folder=str(tmp_path))
    assert (progress.labelled, progress.gone, progress.failed) == (2, 1, 0)
    assert states(store)["01.jpg"] == "missing"


def test_a_file_whose_folder_is_empty_as_without_its_disk_is_not_gone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with pytest.raises(AwayError, match="is a disk away"):
        run(store, Child(first_is_gone), photos=3, folder=str(tmp_path / "disk"))
    assert states(store) == {"00.jpg": "labelled", "01.jpg": "queued", "02.jpg": "labelled"}


def test_a_file_on_a_disk_that_is_mounted_below_is_not_gone_without_it(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other.jpg").touch()
    (tmp_path / "usb").symlink_to(tmp_path / "nowhere")

    def behave(request: Request) -> Reply:
        return Reply(request.job_id, Outcome.GONE, "there is no such file") if "usb" in request.path else good(request)

    with store.write() as session:
        samples.add(session, samples.root(session, str(tmp_path)), "usb/01.jpg")
    progress, _ = run(store, Child(behave), photos=2, folder=str(tmp_path))
    assert (progress.labelled, progress.gone) == (2, 0)
    assert states(store)["usb/01.jpg"] == "queued"


def test_a_failed_photo_keeps_its_reason_and_fingerprint(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    now = Fingerprint(77, 88, 99, 11)

    def behave(request: Request) -> Reply:
        return Reply(request.job_id, Outcome.FAILED, "the picture is damaged", fingerprint=now)

    progress, _ = run(store, Child(behave), photos=1)
    assert progress.failed == 1
    with store.read() as session:
        record = records.find_photo(session, "/photos/00.jpg")
    assert record is not None
    assert (record.error, record.fingerprint) == ("the picture is damaged", now)
    assert failures_told(caplog) == [{"photo": "/photos/00.jpg", "why": "the picture is damaged", "run": 1}]


def test_a_result_that_comes_after_the_lease_was_lost_is_thrown_away(store: Store) -> None:
    def behave(request: Request) -> Reply:
        with store.write() as session:
            jobs.reclaim(session, "me", JobKind.LABEL)
        return good(request)

    lost = Child(behave)
    stops = iter([False, False, True])
    progress, _ = run(store, lost, photos=1, stop=lambda: next(stops, True))
    assert progress.labelled == 0
    assert states(store)["00.jpg"] == "queued"


def test_stopping_finishes_what_is_in_flight(store: Store) -> None:
    child = Child(good)
    progress, _ = run(store, child, photos=30, stop=lambda: len(child.batches) >= 2)
    assert progress.labelled == 8
    with store.read() as session:
        assert jobs.counts(session, kind=JobKind.LABEL) == jobs.QueueCounts(22, 0, 0)


def test_a_twin_that_was_forgotten_meanwhile_is_looked_at_properly(store: Store) -> None:
    first = True

    def behave(request: Request) -> Reply:
        nonlocal first
        reply = good(request)
        if first:
            first = False
            return Reply(request.job_id, Outcome.TWIN, inspection=reply.inspection)
        return reply

    progress, _ = run(store, Child(behave), photos=1)
    assert progress.labelled == 1


def test_going_back_to_an_earlier_model_costs_nothing(store: Store) -> None:
    _, label_run = run(store, Child(good), photos=3)
    with store.write() as session:
        other = samples.model(session, "fedcba9876543210")
        for photo in (1, 2, 3):
            reply = good(Request(0, f"{photo - 1:02}.jpg", None, ()))
            assert reply.inspection is not None
            label_ids = LabelIds()
            result = PhotoResult(photo, reply.inspection, b"\0\0" * DIMENSIONS, [])
            save_results(session, label_ids, LabelledBy(other, 0), [result])
        assert enqueue_stale(session, label_run.batches.labeller.model, label_run.batches.root_ids) == 3
    child = Child(good)
    progress, _ = run(store, child)
    assert (progress.labelled, progress.classified) == (3, 0)
    assert child.batches == []


BOXES = boxes_to_bytes([Box(0, 0.9, 0.1, 0.2, 0.5, 1.0)])
DETECTOR = Witnesses("detector one")


def asked(child: Child) -> list[tuple[str, list[str]]]:
    return [(Path(request.path).name, sorted(request.wants)) for request in child.requests]


def classified(labels: dict[int, list[Label]]) -> dict[int, list[str]]:
    """The labels that the classifier gave to photos, by photo."""
    ours = (Origin.MODEL, Origin.HIERARCHY)
    return {photo: [label.key for label in given if label.origin in ours] for photo, given in labels.items()}


def with_boxes(request: Request) -> Reply:
    """What the child says that runs a detector, too: only what is wanted."""
    reply = replace(good(request), boxes=BOXES if "boxes" in request.wants else None)
    return reply if "features" in request.wants else replace(reply, features=b"", inferred=False)


def test_photos_without_boxes_are_looked_at_by_the_detector_alone(store: Store) -> None:
    _, label_run = run(store, Child(good), photos=3)
    model = label_run.batches.labeller.model
    with store.write() as session:
        before = labels_of(session, [1, 2, 3])
        assert enqueue_incomplete(session, model, DETECTOR, label_run.batches.root_ids) == 3
    child = Child(with_boxes)
    progress, _ = run(store, child, witnesses=DETECTOR)
    assert (progress.labelled, progress.classified) == (3, 0)
    assert asked(child) == [(f"{number:02}.jpg", ["boxes"]) for number in range(3)]
    with store.write() as session:
        assert [one.boxes for one in evidence_of(session, [1, 2, 3], DETECTOR)] == [boxes_from_bytes(BOXES)] * 3
        # What the classifier says is as it was, beside what the boxes say.
        assert classified(labels_of(session, [1, 2, 3])) == classified(before)
        assert enqueue_incomplete(session, model, DETECTOR, label_run.batches.root_ids) == 0


def test_another_model_is_asked_for_features_alone(store: Store) -> None:
    """The boxes of a photo do not depend on its classifier."""
    _, label_run = run(store, Child(with_boxes), photos=2, witnesses=DETECTOR)
    with store.write() as session:
        other = samples.model(session, "fedcba9876543210")
        for photo in (1, 2):
            inspection = good(Request(0, f"{photo - 1:02}.jpg")).inspection
            assert inspection is not None
            result = PhotoResult(photo, inspection, b"\0\0" * DIMENSIONS, [])
            save_results(session, LabelIds(), LabelledBy(other, 0), [result], DETECTOR)
        session.execute(delete(FeatureRow).where(FeatureRow.model_id != other.id))
        assert enqueue_stale(session, label_run.batches.labeller.model, label_run.batches.root_ids) == 2
    child = Child(with_boxes)
    progress, _ = run(store, child, witnesses=DETECTOR)
    assert (progress.labelled, progress.classified) == (2, 2)
    assert asked(child) == [("00.jpg", ["features"]), ("01.jpg", ["features"])]
    with store.read() as session:
        assert [one.boxes for one in evidence_of(session, [1, 2], DETECTOR)] == [boxes_from_bytes(BOXES)] * 2


def test_a_file_that_is_another_than_the_stored_one_is_looked_at_as_a_whole(store: Store) -> None:
    _, label_run = run(store, Child(good), photos=1)
    with store.write() as session:
        enqueue_incomplete(session, label_run.batches.labeller.model, DETECTOR, None)

    def replaced(request: Request) -> Reply:
        reply = with_boxes(request)
        assert reply.inspection is not None
        return replace(reply, inspection=replace(reply.inspection, content_hash=b"another content!"))

    child = Child(replaced)
    progress, _ = run(store, child, witnesses=DETECTOR)
    assert (progress.labelled, progress.classified, progress.failed) == (1, 1, 0)
    assert asked(child) == [("00.jpg", ["boxes"]), ("00.jpg", ["boxes", "features", "words"])]


def test_a_file_that_tells_of_another_kind_of_photo_is_labelled_again(store: Store) -> None:
    """Its pixels are the same: a program wrote metadata."""
    _, label_run = run(store, Child(good), photos=1)
    with store.write() as session:
        change_photos(session, [(1, Fingerprint(5, 6, 7, 8))], samples.NOW, 0.0)

    def rewritten(request: Request) -> Reply:
        assert request.pixel_hash is not None
        found = good(request).inspection
        assert found is not None
        facts = replace(found.facts, kinds=("panorama",))
        inspection = replace(found, fingerprint=Fingerprint(5, 6, 7, 8), content_hash=b"another content!", facts=facts)
        return Reply(request.job_id, Outcome.SAME_PIXELS, inspection=inspection)

    given: list[Evidence] = []
    labeller = label_run.batches.labeller

    class Noting:
        model = labeller.model

        def taught(self, session: Session) -> tuple[int, ...]:
            return ()

        def labels_for(
            self, session: Session, features: NDArray[np.floating], evidence: Sequence[Evidence]
        ) -> list[tuple[Label, ...]]:
            given.extend(evidence)
            return labeller.labels_for(session, features, evidence)

    client: Any = Child(rewritten)
    again = LabelRun(replace(label_run.batches, labeller=Noting()), client)
    label_queued(again, Progress(), stop=never_stop, on_progress=lambda _: None)
    assert [one.kinds for one in given] == [("panorama",)]


def test_forgetting_the_root_meanwhile_harms_nobody(store: Store) -> None:
    def behave(request: Request) -> Reply:
        with store.write() as session:
            for root in all_roots(session):
                remove_root(session, root.id)
        return good(request)

    progress, _ = run(store, Child(behave), photos=2, batch=1)
    assert progress.labelled == 0


class SlowChild(Child):
    """Needs longer for a batch than a lease lasts, and is silent meanwhile."""

    def __init__(self, clock: Clock, meanwhile: Callable[[], None]) -> None:
        super().__init__(good)
        self._clock = clock
        self._meanwhile = meanwhile
        self._left = 10

    def replies(self, timeout: float) -> list[Reply] | None:
        if self._left:
            self._left -= 1
            self._clock.time += jobs.LEASE_SECONDS / 3
            self._meanwhile()
            return None
        return super().replies(timeout)


def test_a_batch_that_takes_longer_than_a_lease_stays_with_its_owner(store: Store) -> None:
    clock = Clock(samples.NOW + 60)
    taken: list[jobs.Job] = []

    def another_machine_looks_for_work() -> None:
        with store.write() as session:
            taken.extend(jobs.claim(session, JobFilter(JobKind.LABEL), "other", 10, clock.now()))

    child = SlowChild(clock, another_machine_looks_for_work)
    progress, _ = run(store, child, photos=3, clock=clock)
    assert clock.time > samples.NOW + 3 * jobs.LEASE_SECONDS
    assert taken == []
    assert (progress.labelled, child.batches) == (3, [["00.jpg", "01.jpg", "02.jpg"]])
    with store.read() as session:
        assert runs.last_runs(session)[0].labelled == 3


def test_leases_of_an_owner_that_died_run_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(samples.NOW + 60)

    def die() -> None:
        if clock.time > samples.NOW + 2 * jobs.LEASE_SECONDS:
            raise KeyboardInterrupt

    child = SlowChild(clock, die)
    # A process that is killed releases nothing.
    monkeypatch.setattr(jobs, "release", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        run(store, child, photos=1, clock=clock)
    which = JobFilter(JobKind.LABEL)
    with store.write() as session:
        assert jobs.claim(session, which, "other", 10, clock.now()) == []
        [job] = jobs.claim(session, which, "other", 10, clock.now() + jobs.LEASE_SECONDS + 1)
    assert job.attempts == 1
