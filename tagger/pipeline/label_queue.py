"""A photo's way through the house: claim -> look -> label -> store -> complete. Read this page first.

`label_queued` is the loop. Everything durable is in the database: whatever is in memory here can be lost at any
moment, and the next start takes up the jobs that were claimed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import EngineError
from tagger.core.photo import Inspection, JobKind, Label
from tagger.inference.protocol import Outcome, Reply, Request
from tagger.inference.worker_client import WorkerClient, WorkerDiedError
from tagger.labels.labeller import Labeller
from tagger.store import jobs, runs
from tagger.store.features import find_twin, reusable_features, to_bytes, to_matrix, twin_hashes
from tagger.store.jobs import Job
from tagger.store.labels import LabelIds, relabel_photos
from tagger.store.models import Model
from tagger.store.photos import photos_gone, set_fingerprint
from tagger.store.results import PhotoResult, adopt_missing, same_pixels, save_results
from tagger.store.session import Store

# So many deaths of the child in a row, each with a single photo in its hands and none in between that went
# well: then it is not the photos.
_SUSPICIOUS_DEATHS = 10
# A file that is written to without end is looked at this often in one run, then left for the next.
_LOOKS_AT_MOVING_FILE = 3
_LEFT_FOR_LATER = 3600
_TICK = 0.5


@dataclass(slots=True)
class Progress:
    """What a run has done so far, for whoever shows it. `total`: the photos that were queued at the start."""

    total: int = 0
    labelled: int = 0
    classified: int = 0
    failed: int = 0
    gone: int = 0

    @property
    def done(self) -> int:
        """Photos that need no more work in this run."""
        return self.labelled + self.failed + self.gone

    def add(self, other: Progress) -> None:
        """Add what a batch did."""
        self.labelled += other.labelled
        self.classified += other.classified
        self.failed += other.failed
        self.gone += other.gone


@dataclass(frozen=True, slots=True)
class LabelRun:
    """What a batch needs: the library, the model and the policy. `root_ids` None: every root."""

    store: Store
    settings: Settings
    client: WorkerClient
    labeller: Labeller
    owner: str
    root_ids: tuple[int, ...] | None
    clock: Clock
    run_id: int
    # The last priority that may be worked on at the moment: by day the archive may have to wait.
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE
    label_ids: LabelIds = field(default_factory=LabelIds)

    @property
    def model(self) -> Model:
        """The model that looks at the photos."""
        return self.labeller.model


def label_queued(
    run: LabelRun,
    progress: Progress,
    *,
    stop: Callable[[], bool],
    report: Callable[[Progress], None],
) -> None:
    """Work until nothing that is due soon is queued, or until `stop()`; then finish what is in flight.

    `report` is called at least every half second. Raises EngineError when the child keeps dying whatever photo
    it is given. Jobs in flight are given back to the queue on every way out.
    """
    flight: deque[list[Job]] = deque()
    deaths = 0
    try:
        while True:
            report(progress)
            try:
                _fill(run, progress, flight, stop)
                if not flight:
                    if stop() or not _wait_for_due(run):
                        return
                    continue
                replies = run.client.replies(timeout=_TICK)
            except WorkerDiedError as died:
                deaths = deaths + 1 if _isolated(flight) else 0
                _after_death(run, progress, flight, died)
                if deaths >= _SUSPICIOUS_DEATHS:
                    raise _hopeless(run, died) from died
                continue
            if replies is not None:
                deaths = 0
                _store(run, progress, flight[0], replies)
                flight.popleft()
    finally:
        _release(run, flight)


def _fill(run: LabelRun, progress: Progress, flight: deque[list[Job]], stop: Callable[[], bool]) -> None:
    """Claim and submit until the child has enough to do. A photo under suspicion goes through alone."""
    while not stop() and run.client.has_room and not _isolated(flight):
        claimed = _claim(run, isolated_too=not flight)
        if not claimed:
            return
        batch = _label_from_stored_features(run, progress, claimed)
        if batch:
            flight.append(batch)
            run.client.submit(_requests(run, batch))


def _isolated(flight: deque[list[Job]]) -> bool:
    return bool(flight) and flight[0][0].isolated


def _claim(run: LabelRun, *, isolated_too: bool) -> list[Job]:
    with run.store.read() as session:
        due = jobs.next_due(session, run.root_ids, run.up_to(), kind=JobKind.LABEL)
    if due is None or due > run.clock.now():
        return []
    # The child must be up before photos are claimed: a death at start-up is no photo's fault.
    run.client.start()
    with run.store.write() as session:
        return jobs.claim(
            session,
            run.owner,
            run.settings.engine.batch_size,
            run.clock.now(),
            run.root_ids,
            isolated_too=isolated_too,
            up_to=run.up_to(),
            kind=JobKind.LABEL,
        )


def _wait_for_due(run: LabelRun) -> bool:
    """Wait a moment if a photo is about to be due; False if there is nothing worth waiting for."""
    with run.store.read() as session:
        due = jobs.next_due(session, run.root_ids, run.up_to(), kind=JobKind.LABEL)
    if due is None:
        return False
    wait = due - run.clock.now()
    if wait > run.settings.intake.settle_seconds + 2:
        return False
    run.clock.sleep(min(_TICK, max(0.0, wait)))
    return True


def _label_from_stored_features(run: LabelRun, progress: Progress, claimed: Sequence[Job]) -> list[Job]:
    """Label the photos whose features under this model are still stored (a model change taken back)."""
    with run.store.read() as session:
        vectors = reusable_features(session, [job.photo_id for job in claimed], run.model)
    known = [(job, vectors[job.photo_id]) for job in claimed if job.photo_id in vectors]
    if not known:
        return list(claimed)
    with run.store.write() as session:
        labels = _labels(run, session, to_matrix([vector for _, vector in known]))
        run.label_ids.remember(session)
        new = {job.photo_id: given for (job, _), given in zip(known, labels, strict=True)}
        taught = run.labeller.taught(session)
        relabel_photos(session, run.label_ids, run.model, new, run.clock.now(), taught)
        jobs.complete(session, *(job.job_id for job, _ in known))
        _queue_keywords(run, session, [(job.photo_id, job) for job, _ in known])
        runs.count_run(session, run.run_id, labelled=len(known), classified=0, failed=0)
    progress.labelled += len(known)
    return [job for job in claimed if job.photo_id not in vectors]


def _requests(run: LabelRun, batch: Sequence[Job]) -> list[Request]:
    with run.store.read() as session:
        twins = twin_hashes(session, [job.fingerprint.size for job in batch], run.model)
    return [
        Request(
            job.job_id,
            job.path.absolute,
            # Only this model's labels may be kept when the pixels turn out to be the same.
            job.pixel_hash if job.labelled_by == run.model.id else None,
            tuple(twins.get(job.fingerprint.size, ())),
            min_age_seconds=run.settings.intake.settle_seconds,
        )
        for job in batch
    ]


def _labels(run: LabelRun, session: Session, features: NDArray[np.floating]) -> list[tuple[Label, ...]]:
    return run.labeller.labels_for(session, features)


def _store(run: LabelRun, progress: Progress, batch: Sequence[Job], replies: Sequence[Reply]) -> None:
    """Store a batch's replies and complete its jobs, in one short transaction."""
    by_job = {reply.job_id: reply for reply in replies}
    fresh = [reply for reply in replies if reply.outcome is Outcome.FEATURES]
    done = Progress()
    with run.store.write() as session:
        run.label_ids.remember(session)
        # Within the transaction, so that nothing is taught between judging and storing.
        given = _labels(run, session, np.stack([reply.vector for reply in fresh])) if fresh else []
        labels = dict(zip((reply.job_id for reply in fresh), given, strict=True))
        mine = jobs.still_held(session, list(by_job), run.owner)
        found: list[tuple[Job, PhotoResult]] = []
        for job in batch:
            if job.job_id in mine:
                reply = by_job[job.job_id]
                result = _store_one(run, session, done, job, reply, labels.get(job.job_id, ()))
                found += [] if result is None else [(job, result)]
        _store_looks(run, session, found)
        runs.count_run(
            session,
            run.run_id,
            labelled=done.labelled,
            classified=done.classified,
            failed=done.failed,
            engine=run.client.engine if done.classified else None,
        )
    progress.add(done)


def _store_one(
    run: LabelRun, session: Session, done: Progress, job: Job, reply: Reply, labels: tuple[Label, ...]
) -> PhotoResult | None:
    """Do what a reply asks for; labels and features are returned, to be stored with those of the other photos."""
    now = run.clock.now()
    inspection = reply.inspection
    match reply.outcome:
        case Outcome.FEATURES if inspection is not None:
            done.labelled += 1
            done.classified += reply.inferred
            return PhotoResult(job.photo_id, inspection, to_bytes(reply.vector), labels)
        case Outcome.TWIN if inspection is not None:
            twin = find_twin(session, inspection.fingerprint.size, inspection.content_hash, run.model)
            if twin is None:
                # It was forgotten in the meantime: look again, properly.
                jobs.postpone(session, job.job_id, 0)
                return None
            done.labelled += 1
            known, vector = twin
            mine = Inspection(inspection.fingerprint, known.content_hash, known.pixel_hash, known.facts)
            return PhotoResult(job.photo_id, mine, vector, _labels(run, session, to_matrix([vector]))[0])
        case Outcome.SAME_PIXELS if inspection is not None:
            same_pixels(session, job.photo_id, inspection)
            jobs.complete(session, job.job_id)
            # Whoever wrote metadata may have dropped ours.
            _queue_keywords(run, session, [(job.photo_id, job)])
            done.labelled += 1
        case Outcome.GONE:
            jobs.complete(session, job.job_id)
            photos_gone(session, [job.photo_id], now)
            done.gone += 1
        case Outcome.LATER:
            again = job.attempts + 1 < _LOOKS_AT_MOVING_FILE
            wait = run.settings.intake.settle_seconds + 1 if again else _LEFT_FOR_LATER
            jobs.postpone(session, job.job_id, int(now + wait))
        case Outcome.MEMORY if not job.isolated:
            jobs.postpone(session, job.job_id, 0, isolated=True)
        case _:
            if reply.fingerprint is not None:
                # Only another state of the file brings it back.
                set_fingerprint(session, job.photo_id, reply.fingerprint)
            jobs.fail(session, job.job_id, reply.reason)
            done.failed += 1
    return None


def _store_looks(run: LabelRun, session: Session, found: Sequence[tuple[Job, PhotoResult]]) -> None:
    jobs.complete(session, *(job.job_id for job, _ in found))
    adopted = adopt_missing(session, {result.photo_id: result.inspection for _, result in found})
    moved = [replace(result, photo_id=adopted[result.photo_id]) for _, result in found]
    taught = run.labeller.taught(session)
    save_results(session, run.label_ids, run.model, moved, run.clock.now(), taught)
    _queue_keywords(run, session, [(adopted[result.photo_id], job) for job, result in found])


def _queue_keywords(run: LabelRun, session: Session, photos: Sequence[tuple[int, Job]]) -> None:
    """Queue the writing of keywords, as urgent as the labelling was."""
    if run.settings.keywords.mode == "off":
        return
    for priority in {job.priority for _, job in photos}:
        ids = [photo_id for photo_id, job in photos if job.priority == priority]
        jobs.enqueue(session, ids, priority, kind=JobKind.KEYWORDS)


def _after_death(run: LabelRun, progress: Progress, flight: deque[list[Job]], died: WorkerDiedError) -> None:
    """Give the photos that the child had in its hands back: from now on each is looked at alone."""
    ids = [job.job_id for batch in flight for job in batch]
    flight.clear()
    with run.store.write() as session:
        failed = jobs.release_after_crash(session, ids, run.owner, died.how)
        runs.count_run(session, run.run_id, labelled=0, classified=0, failed=failed)
    progress.failed += failed


def _hopeless(run: LabelRun, died: WorkerDiedError) -> EngineError:
    with run.store.write() as session:
        jobs.forgive_crashes(session)
    return EngineError(
        f"The process that looks at photos {died.how}, {_SUSPICIOUS_DEATHS} times in a row and with different photos.",
        f"It may lack memory. See {run.client.log_file}; the photos stay queued.",
    )


def _release(run: LabelRun, flight: deque[list[Job]]) -> None:
    if flight:
        with run.store.write() as session:
            jobs.release(session, [job.job_id for batch in flight for job in batch], run.owner)
