"""A photo's way through tagger: claim -> recall stored features -> infer -> label -> commit. Read this page first.

`label_queued` is the loop. Everything durable is in the database: what is in memory here may be lost at any moment,
and the next start reclaims the jobs that were leased.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tagger.core import events
from tagger.core.errors import AwayError, EngineError
from tagger.core.evidence import is_tiny
from tagger.core.paths import is_object, shown_path
from tagger.core.photo import Inspection, JobKind
from tagger.core.progress import StopCheck
from tagger.inference.protocol import EVERYTHING, Outcome, Reply, Request
from tagger.inference.worker_client import WorkerClient, WorkerDiedError
from tagger.intake.gone import away_folders
from tagger.store import jobs, runs
from tagger.store.batches import (
    BatchContext,
    BatchCounts,
    BatchResult,
    Extracted,
    FileGone,
    PixelsUnchanged,
    Postponed,
    Recall,
    Recalled,
    TwinFound,
    Unreadable,
    claim_batch,
    commit_batch,
    recall,
)
from tagger.store.evidence import UNSEEN, Seen
from tagger.store.features import to_bytes, to_matrix
from tagger.store.jobs import Job, JobFilter
from tagger.store.leases import Heartbeat
from tagger.store.roots import Root, all_roots
from tagger.system.filesystem import has_files

_LOG = logging.getLogger("tagger")
# After this many consecutive crashes on isolated photos, blame the worker, not the photos.
_SUSPICIOUS_CRASHES = 10
# A file that keeps changing is tried this often in one run, then left for a later one.
_TRIES_OF_MOVING_FILE = 3
_MUCH_LATER_SECONDS = 3600
_TICK = 0.5


@dataclass(slots=True)
class Progress:
    """What a run has done so far. `total`: the photos that were queued at its start."""

    total: int = 0
    labelled: int = 0
    classified: int = 0
    failed: int = 0
    gone: int = 0

    @property
    def done(self) -> int:
        """Photos that need no more work in this run."""
        return self.labelled + self.failed + self.gone

    def add(self, batch: BatchCounts) -> None:
        """Add a committed batch."""
        self.labelled += batch.labelled
        self.classified += batch.classified
        self.failed += batch.failed
        self.gone += batch.gone


@dataclass(frozen=True, slots=True)
class LabelRun:
    """One run of the loop. `up_to`: the last priority to work on now (by day the archive may have to wait).

    `changed`: jobs whose files turned out to be others than those that the stored evidence is of. `away`: roots that
    turned out to have no files any longer, whose photos stay queued.
    """

    batches: BatchContext
    client: WorkerClient
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE
    changed: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)

    def root_ids(self) -> tuple[int, ...] | None:
        """The roots whose photos to label now; None for all."""
        if not self.away:
            return self.batches.root_ids
        with self.batches.library.store.read() as session:
            known = [root.id for root in all_roots(session)]
        asked = self.batches.root_ids
        return tuple(number for number in known if number not in self.away and (asked is None or number in asked))


class _Flight:
    """The batches in the child process, oldest first. Their jobs are leased, and the leases renewed."""

    def __init__(self, run: LabelRun) -> None:
        self._batches: deque[tuple[list[Job], Recall]] = deque()
        self._heartbeat = Heartbeat(run.batches.library, run.batches.owner)

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def isolated(self) -> bool:
        """Whether an isolated photo is in the child; nothing may join it."""
        return bool(self._batches) and self._batches[0][0][0].isolated

    @property
    def jobs(self) -> list[Job]:
        """The jobs in the child."""
        return [job for batch, _ in self._batches for job in batch]

    @property
    def job_ids(self) -> list[int]:
        """Their ids."""
        return [job.job_id for job in self.jobs]

    def add(self, batch: list[Job], known: Recall) -> None:
        """Note a batch and what is stored of it, just before it is submitted."""
        self._batches.append((batch, known))

    @property
    def oldest(self) -> tuple[list[Job], Recall]:
        """The batch whose replies come next."""
        return self._batches[0]

    def land(self) -> None:
        """The oldest batch is committed."""
        self._batches.popleft()

    def clear(self) -> list[int]:
        """Forget all batches; returns their jobs."""
        ids = self.job_ids
        self._batches.clear()
        return ids

    def keep_leases(self) -> None:
        """Renew the leases if it is time to, however slow the child is."""
        self._heartbeat.beat(self.job_ids)


def label_queued(
    run: LabelRun, progress: Progress, *, stop: StopCheck, on_progress: Callable[[Progress], None]
) -> None:
    """Label until no job is due soon, or until `stop()`; then finish what is in flight.

    `on_progress` is called at least every half second. Raises EngineError if the child keeps dying whatever photo it is
    given, AwayError at the end if a root's disk went away. Jobs in flight are released on every way out.
    """
    flight = _Flight(run)
    crashes = 0
    try:
        while True:
            on_progress(progress)
            flight.keep_leases()
            try:
                _fill(run, progress, flight, stop)
                if not flight:
                    if stop() or not _wait_for_due(run):
                        _tell_away(run)
                        return
                    continue
                replies = run.client.replies(timeout=_TICK)
            except WorkerDiedError as died:
                crashes = crashes + 1 if flight.isolated else 0
                _after_crash(run, progress, flight, died)
                if crashes >= _SUSPICIOUS_CRASHES:
                    raise _hopeless(run, died) from died
                continue
            if replies is not None:
                crashes = 0
                results = _results_of(run, *flight.oldest, replies)
                progress.add(commit_batch(run.batches, results, run.client.engine))
                for result in results:
                    if isinstance(result, Unreadable):
                        _tell_failed(run, result.job, result.reason)
                flight.land()
    finally:
        _release(run, flight)


def _fill(run: LabelRun, progress: Progress, flight: _Flight, stop: StopCheck) -> None:
    """Claim and submit batches until the child has enough to do. An isolated photo goes through alone."""
    while not stop() and run.client.has_room and not flight.isolated:
        claimed = _claim(run, isolated_too=not flight)
        if not claimed:
            return
        known = recall(run.batches, claimed)
        wants = {job.job_id: _wants(run, job, known) for job in claimed}
        recalled = [
            Recalled(job, known.features[job.photo_id], known.seen[job.photo_id])
            for job in claimed
            if not wants[job.job_id]
        ]
        if recalled:
            # A model change that was taken back: these photos need neither decoding nor the network.
            progress.add(commit_batch(run.batches, recalled))
        batch = [job for job in claimed if wants[job.job_id]]
        if batch:
            flight.add(batch, known)
            run.client.submit([_request(run, job, known, wants[job.job_id]) for job in batch])


def _wants(run: LabelRun, job: Job, known: Recall) -> frozenset[str]:
    """What has to be looked for on a photo, because it is not stored; nothing if all is."""
    seen = known.seen.get(job.photo_id)
    if seen is None or job.job_id in run.changed:
        return EVERYTHING | {"kinds"}
    return seen.lacks(run.batches.witnesses) | (frozenset() if job.photo_id in known.features else {"features"})


def _claim(run: LabelRun, *, isolated_too: bool) -> list[Job]:
    due = _next_due(run)
    if due is None or due > run.batches.library.clock.now():
        return []
    # The child must be up before photos are claimed: a crash at start-up is no photo's fault.
    run.client.start()
    which = JobFilter(JobKind.LABEL, run.root_ids(), run.up_to(), isolated_too)
    return claim_batch(run.batches, which, run.client.batch_size)


def _next_due(run: LabelRun) -> int | None:
    library, roots = run.batches.library, run.root_ids()
    with library.store.read() as session:
        return jobs.next_due(session, roots, run.up_to(), kind=JobKind.LABEL, now=library.clock.now())


def _wait_for_due(run: LabelRun) -> bool:
    """Wait a moment if a job is due soon; False if there is nothing worth waiting for."""
    due = _next_due(run)
    if due is None:
        return False
    library = run.batches.library
    wait = due - library.clock.now()
    if wait > library.settings.intake.settle_seconds + 2:
        return False
    library.clock.sleep(min(_TICK, max(0.0, wait)))
    return True


def _request(run: LabelRun, job: Job, known: Recall, wants: frozenset[str]) -> Request:
    path = run.batches.path_here(job.path).absolute
    return Request(
        job.job_id,
        path,
        # If the pixels turn out to be the same, what is stored is kept: so nothing may be missing of it.
        job.pixel_hash if job.photo_id in known.complete else None,
        tuple(known.twins.get(job.fingerprint.size, ())),
        # An object appears whole.
        min_age_seconds=0.0 if is_object(path) else run.batches.library.settings.intake.settle_seconds,
        wants=wants & EVERYTHING,
    )


def _results_of(run: LabelRun, batch: Sequence[Job], known: Recall, replies: Sequence[Reply]) -> list[BatchResult]:
    by_job = {reply.job_id: reply for reply in replies}
    return [_result_of(run, job, known, by_job[job.job_id]) for job in batch]


def _result_of(run: LabelRun, job: Job, known: Recall, reply: Reply) -> BatchResult:
    """What the store has to do about a reply of the child."""
    if run.batches.node:
        reply = _as_scanned(job, reply)
    inspection = reply.inspection
    match reply.outcome:
        case Outcome.FEATURES if inspection is not None:
            return _extracted(run, job, known, reply, inspection)
        case Outcome.TWIN if inspection is not None:
            return TwinFound(job, inspection)
        case Outcome.SAME_PIXELS if inspection is not None:
            return PixelsUnchanged(job, inspection)
        case Outcome.GONE:
            return _gone(run, job)
        case Outcome.LATER:
            library = run.batches.library
            again = job.attempts + 1 < _TRIES_OF_MOVING_FILE
            wait = library.settings.intake.settle_seconds + 1 if again else _MUCH_LATER_SECONDS
            return Postponed(job, int(library.clock.now() + wait))
        case Outcome.MEMORY if not job.isolated:
            return Postponed(job, isolated=True)
        case _:
            return Unreadable(job, reply.reason, reply.fingerprint)


def _gone(run: LabelRun, job: Job) -> BatchResult:
    """A photo that is not there is gone, unless its disk is. Object storage says which."""
    library = run.batches.library
    root = run.batches.path_here(job.path).root
    if is_object(root):
        return FileGone(job)
    if has_files(root):
        with library.store.read() as session:
            away = away_folders(session, Root(job.root_id, root, None))
        if away.hold(job.path.relative):
            return Postponed(job, int(library.clock.now() + _MUCH_LATER_SECONDS))
        return FileGone(job)
    if run.batches.node:
        raise folder_is_away(run.batches.node, root)
    run.away.add(job.root_id)
    return Postponed(job)


def _tell_away(run: LabelRun) -> None:
    if run.away:
        with run.batches.library.store.read() as session:
            away = [shown_path(root.path) for root in all_roots(session) if root.id in run.away]
        raise AwayError(
            f"There are no files any longer in {' and '.join(away)}: is a disk away? Nothing was taken as gone.",
            "Mount it and start again; the photos stay queued.",
        )


def _as_scanned(job: Job, reply: Reply) -> Reply:
    """A reply with the file's state as the scan found it, which decides whether it changed.

    Another machine may see other inodes and times of the same file. Where it really changed meanwhile, the next scan
    finds out.
    """
    scanned = job.fingerprint
    return replace(
        reply,
        fingerprint=reply.fingerprint and scanned,
        inspection=reply.inspection and replace(reply.inspection, fingerprint=scanned),
    )


def folder_is_away(node: str, folder: str) -> EngineError:
    """The error for a machine of a cluster that has not the photos: nothing is gone because of that."""
    return EngineError(
        f"{node} has no photos in {shown_path(folder)}.",
        "Mount them there, or name the place where that machine has them in [cluster.paths] of the config file. The "
        "photos stay queued.",
    )


def _extracted(run: LabelRun, job: Job, known: Recall, reply: Reply, inspection: Inspection) -> BatchResult:
    """What was found on a photo, with what is stored of it already."""
    wants = _wants(run, job, known)
    if not wants >= EVERYTHING and inspection.content_hash != job.content_hash:
        # What is stored is of another file than the one that is there now.
        run.changed.add(job.job_id)
        return Postponed(job)
    stored = known.seen.get(job.photo_id, UNSEEN)
    seen = Seen(
        inspection.facts.kinds,
        reply.boxes if "boxes" in wants else stored.boxes,
        (to_bytes(reply.word_vector) if reply.words else None) if "words" in wants else stored.words,
        is_tiny(inspection.facts.width, inspection.facts.height),
    )
    if "features" in wants:
        return Extracted(job, inspection, reply.vector, reply.inferred, seen)
    return Extracted(job, inspection, to_matrix([known.features[job.photo_id]])[0], inferred=False, seen=seen)


def _after_crash(run: LabelRun, progress: Progress, flight: _Flight, died: WorkerDiedError) -> None:
    """Requeue the photos that were in the child, isolated from now on."""
    alone = [job for job in flight.jobs if job.isolated]
    ids = flight.clear()
    with run.batches.library.store.write() as session:
        failed = jobs.release_after_crash(session, ids, run.batches.owner, died.how)
        runs.count_run(session, run.batches.run_id, failed=failed)
    progress.failed += failed
    for job in alone if failed else []:
        _tell_failed(run, job, f"The process that looked at it {died.how}.")


def _tell_failed(run: LabelRun, job: Job, reason: str) -> None:
    # No warning: the terminal of a backfill is told how many there were, and where to look.
    _LOG.info(events.PHOTO_FAILED(photo=shown_path(job.path.absolute), why=reason, run=run.batches.run_id))


def _hopeless(run: LabelRun, died: WorkerDiedError) -> EngineError:
    with run.batches.library.store.write() as session:
        jobs.forgive_crashes(session)
    return EngineError(
        f"The process that looks at photos {died.how}, {_SUSPICIOUS_CRASHES} times in a row and with different photos.",
        f"It may lack memory. See {run.client.log_file}; the photos stay queued.",
    )


def _release(run: LabelRun, flight: _Flight) -> None:
    if flight:
        with run.batches.library.store.write() as session:
            jobs.release(session, flight.clear(), run.batches.owner)
