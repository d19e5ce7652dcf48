"""A photo's way through the house: claim -> look -> label -> store -> complete. Read this page first.

`label_queued` is the loop. Everything durable is in the database: whatever is in memory here can be lost at any
moment, and the next start takes up the jobs that were claimed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import EngineError
from tagger.core.photo import Label, Looked
from tagger.inference.protocol import Answer, Request, Verdict
from tagger.inference.worker_client import ChildDiedError, Classifier
from tagger.labels.labeller import Judge
from tagger.store import jobs, runs
from tagger.store.features import find_twin, reusable_features, twin_hashes
from tagger.store.jobs import Job
from tagger.store.labels import LabelBook, relabel_photos
from tagger.store.models import Model
from tagger.store.photos import photos_gone, set_fingerprint
from tagger.store.results import Look, adopt_missing, same_pixels, store_looks
from tagger.store.session import Store

# So many deaths of the child in a row, each with a single photo in its hands and none in between that went
# well: then it is not the photos.
_SUSPICIOUS_DEATHS = 10
# A file that is written to without end is looked at this often in one run, then left for the next.
_LOOKS_AT_MOVING_FILE = 3
_LEFT_FOR_LATER = 3600
_TICK = 0.5
# Features as the child sends them, and as the database keeps them.
SENT, STORED = "<f4", "<f2"


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
class Labeller:
    """What a batch needs: the library, the model and the policy. `root_ids` None: every root."""

    store: Store
    settings: Settings
    classifier: Classifier
    judge: Judge
    owner: str
    root_ids: tuple[int, ...] | None
    clock: Clock
    run_id: int
    # The last priority that may be worked on at the moment: by day the archive may have to wait.
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE
    book: LabelBook = field(default_factory=LabelBook)

    @property
    def model(self) -> Model:
        """The model that looks at the photos."""
        return self.judge.model


def label_queued(
    labeller: Labeller,
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
                _fill(labeller, progress, flight, stop)
                if not flight:
                    if stop() or not _wait_for_due(labeller):
                        return
                    continue
                answers = labeller.classifier.answers(timeout=_TICK)
            except ChildDiedError as died:
                deaths = deaths + 1 if _alone(flight) else 0
                _after_death(labeller, progress, flight, died)
                if deaths >= _SUSPICIOUS_DEATHS:
                    raise _hopeless(labeller, died) from died
                continue
            if answers is not None:
                deaths = 0
                _store(labeller, progress, flight[0], answers)
                flight.popleft()
    finally:
        _release(labeller, flight)


def _fill(labeller: Labeller, progress: Progress, flight: deque[list[Job]], stop: Callable[[], bool]) -> None:
    """Claim and submit until the child has enough to do. A photo under suspicion goes through alone."""
    while not stop() and labeller.classifier.has_room and not _alone(flight):
        claimed = _claim(labeller, alone_too=not flight)
        if not claimed:
            return
        batch = _label_from_stored_features(labeller, progress, claimed)
        if batch:
            flight.append(batch)
            labeller.classifier.submit(_requests(labeller, batch))


def _alone(flight: deque[list[Job]]) -> bool:
    return bool(flight) and flight[0][0].alone


def _claim(labeller: Labeller, *, alone_too: bool) -> list[Job]:
    with labeller.store.read() as session:
        due = jobs.next_due(session, labeller.root_ids, labeller.up_to())
    if due is None or due > labeller.clock.now():
        return []
    # The child must be up before photos are claimed: a death at start-up is no photo's fault.
    labeller.classifier.start()
    with labeller.store.write() as session:
        return jobs.claim(
            session,
            labeller.owner,
            labeller.settings.engine.batch_size,
            labeller.clock.now(),
            labeller.root_ids,
            alone_too=alone_too,
            up_to=labeller.up_to(),
        )


def _wait_for_due(labeller: Labeller) -> bool:
    """Wait a moment if a photo is about to be due; False if there is nothing worth waiting for."""
    with labeller.store.read() as session:
        due = jobs.next_due(session, labeller.root_ids, labeller.up_to())
    if due is None:
        return False
    wait = due - labeller.clock.now()
    if wait > labeller.settings.intake.settle_seconds + 2:
        return False
    labeller.clock.sleep(min(_TICK, max(0.0, wait)))
    return True


def _label_from_stored_features(labeller: Labeller, progress: Progress, claimed: Sequence[Job]) -> list[Job]:
    """Label the photos whose features under this model are still stored (a model change taken back)."""
    with labeller.store.read() as session:
        vectors = reusable_features(session, [job.photo_id for job in claimed], labeller.model)
    known = [(job, vectors[job.photo_id]) for job in claimed if job.photo_id in vectors]
    if not known:
        return list(claimed)
    with labeller.store.write() as session:
        labels = _labels(labeller, session, [vector for _, vector in known])
        labeller.book.remember(session)
        new = {job.photo_id: given for (job, _), given in zip(known, labels, strict=True)}
        taught = labeller.judge.taught(session)
        relabel_photos(session, labeller.book, labeller.model, new, labeller.clock.now(), taught)
        jobs.complete(session, *(job.job_id for job, _ in known))
        _queue_keywords(labeller, session, [(job.photo_id, job) for job, _ in known])
        runs.count_run(session, labeller.run_id, labelled=len(known), classified=0, failed=0)
    progress.labelled += len(known)
    return [job for job in claimed if job.photo_id not in vectors]


def _requests(labeller: Labeller, batch: Sequence[Job]) -> list[Request]:
    with labeller.store.read() as session:
        twins = twin_hashes(session, [job.fingerprint.size for job in batch], labeller.model)
    return [
        Request(
            job.job_id,
            job.path.absolute,
            # Only this model's labels may be kept when the pixels turn out to be the same.
            job.pixel_hash if job.labelled_by == labeller.model.id else None,
            tuple(twins.get(job.fingerprint.size, ())),
        )
        for job in batch
    ]


def _labels(
    labeller: Labeller, session: Session, vectors: Sequence[bytes], kind: str = STORED
) -> list[tuple[Label, ...]]:
    if not vectors:
        return []
    features = np.frombuffer(b"".join(vectors), dtype=kind).reshape(len(vectors), -1)
    return labeller.judge.labels_for(session, features)


def _store(labeller: Labeller, progress: Progress, batch: Sequence[Job], answers: Sequence[Answer]) -> None:
    """Store a batch's answers and complete its jobs, in one short transaction."""
    by_job = {answer.job_id: answer for answer in answers}
    fresh = [answer for answer in answers if answer.verdict is Verdict.FEATURES]
    done = Progress()
    with labeller.store.write() as session:
        labeller.book.remember(session)
        # Within the transaction, so that nothing is taught between judging and storing.
        given = _labels(labeller, session, [answer.features for answer in fresh], SENT)
        labels = dict(zip((answer.job_id for answer in fresh), given, strict=True))
        mine = jobs.still_mine(session, list(by_job), labeller.owner)
        found: list[tuple[Job, Look]] = []
        for job in batch:
            if job.job_id in mine:
                answer = by_job[job.job_id]
                look = _store_one(labeller, session, done, job, answer, labels.get(job.job_id, ()))
                found += [] if look is None else [(job, look)]
        _store_looks(labeller, session, found)
        runs.count_run(
            session,
            labeller.run_id,
            labelled=done.labelled,
            classified=done.classified,
            failed=done.failed,
            engine=labeller.classifier.engine if done.classified else None,
        )
    progress.add(done)


def _store_one(
    labeller: Labeller, session: Session, done: Progress, job: Job, answer: Answer, labels: tuple[Label, ...]
) -> Look | None:
    """Do what an answer asks for; labels and features are returned, to be stored with those of the other photos."""
    now = labeller.clock.now()
    looked = answer.looked
    match answer.verdict:
        case Verdict.FEATURES if looked is not None:
            done.labelled += 1
            done.classified += answer.inferred
            half = np.frombuffer(answer.features, SENT).astype(STORED).tobytes()
            return Look(job.photo_id, looked, half, labels)
        case Verdict.TWIN if looked is not None:
            twin = find_twin(session, looked.fingerprint.size, looked.content_hash, labeller.model)
            if twin is None:
                # It was forgotten in the meantime: look again, properly.
                jobs.postpone(session, job.job_id, 0)
                return None
            done.labelled += 1
            known, vector = twin
            mine = Looked(looked.fingerprint, known.content_hash, known.pixel_hash, known.facts)
            return Look(job.photo_id, mine, vector, _labels(labeller, session, [vector])[0])
        case Verdict.SAME_PIXELS if looked is not None:
            same_pixels(session, job.photo_id, looked)
            jobs.complete(session, job.job_id)
            # Whoever wrote metadata may have dropped ours.
            _queue_keywords(labeller, session, [(job.photo_id, job)])
            done.labelled += 1
        case Verdict.GONE:
            jobs.complete(session, job.job_id)
            photos_gone(session, [job.photo_id], now)
            done.gone += 1
        case Verdict.LATER:
            again = job.attempts + 1 < _LOOKS_AT_MOVING_FILE
            wait = labeller.settings.intake.settle_seconds + 1 if again else _LEFT_FOR_LATER
            jobs.postpone(session, job.job_id, int(now + wait))
        case Verdict.MEMORY if not job.alone:
            jobs.postpone(session, job.job_id, 0, alone=True)
        case _:
            if answer.fingerprint is not None:
                # Only another state of the file brings it back.
                set_fingerprint(session, job.photo_id, answer.fingerprint)
            jobs.fail(session, job.job_id, answer.reason)
            done.failed += 1
    return None


def _store_looks(labeller: Labeller, session: Session, found: Sequence[tuple[Job, Look]]) -> None:
    jobs.complete(session, *(job.job_id for job, _ in found))
    adopted = adopt_missing(session, {look.photo_id: look.looked for _, look in found})
    moved = [replace(look, photo_id=adopted[look.photo_id]) for _, look in found]
    taught = labeller.judge.taught(session)
    store_looks(session, labeller.book, labeller.model, moved, labeller.clock.now(), taught)
    _queue_keywords(labeller, session, [(adopted[look.photo_id], job) for job, look in found])


def _queue_keywords(labeller: Labeller, session: Session, photos: Sequence[tuple[int, Job]]) -> None:
    """Queue the writing of keywords, as urgent as the labelling was."""
    if labeller.settings.keywords.mode == "off":
        return
    for priority in {job.priority for _, job in photos}:
        ids = [photo_id for photo_id, job in photos if job.priority == priority]
        jobs.enqueue(session, ids, priority, kind=jobs.KEYWORDS)


def _after_death(labeller: Labeller, progress: Progress, flight: deque[list[Job]], died: ChildDiedError) -> None:
    """Give the photos that the child had in its hands back: from now on each is looked at alone."""
    ids = [job.job_id for batch in flight for job in batch]
    flight.clear()
    with labeller.store.write() as session:
        failed = jobs.release_after_crash(session, ids, labeller.owner, died.how)
        runs.count_run(session, labeller.run_id, labelled=0, classified=0, failed=failed)
    progress.failed += failed


def _hopeless(labeller: Labeller, died: ChildDiedError) -> EngineError:
    with labeller.store.write() as session:
        jobs.absolve(session)
    return EngineError(
        f"The process that looks at photos {died.how}, {_SUSPICIOUS_DEATHS} times in a row and with different photos.",
        f"It may lack memory. See {labeller.classifier.log_file}; the photos stay queued.",
    )


def _release(labeller: Labeller, flight: deque[list[Job]]) -> None:
    if flight:
        with labeller.store.write() as session:
            jobs.release(session, [job.job_id for batch in flight for job in batch], labeller.owner)
