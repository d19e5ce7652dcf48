"""The main job as a whole: look through the roots, get the model, label what is queued.

The commands call this; everything that is printed is told through a `Report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.photo import JobKind
from tagger.inference.selection import choose_model, open_worker, record_model
from tagger.inference.weights import ChosenModel
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanCallbacks, ScanResult, scan_roots
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.label_queue import LabelRun, Progress, label_queued
from tagger.store import jobs, runs
from tagger.store.batches import BatchContext
from tagger.store.counts import count_totals
from tagger.store.library import Library
from tagger.store.lock import work_lock, worker_name
from tagger.store.results import enqueue_stale
from tagger.store.session import Store, open_store
from tagger.teaching.lessons import Lesson
from tagger.teaching.teacher import Teacher


class BackfillListener(Protocol):
    """Who shows a run to a person."""

    def scanning(self, seen: int) -> None:
        """So many files were seen."""
        ...

    def scanned(self, result: ScanResult, queued: int, stale: int) -> None:
        """The roots were looked through."""
        ...

    def labelling(self, progress: Progress) -> None:
        """Photos are being labelled."""
        ...

    def taught(self, lesson: Lesson) -> None:
        """A label that the owner taught was trained again, for another model or with new examples."""
        ...

    def fetching(self, done: int, total: int | None) -> None:
        """The weights are being fetched: bytes done, of how many."""
        ...


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """How a run ended. `left`: photos still queued in its roots. `seconds`: of labelling alone."""

    scan: ScanResult
    progress: Progress
    left: int
    seconds: float
    interrupted: bool


def backfill(
    settings: Settings,
    folders: Sequence[str],
    report: BackfillListener,
    stop: Callable[[], bool],
    *,
    accept_missing: bool = False,
    clock: Clock | None = None,
) -> BackfillResult:
    """Label every photo below some folders (all roots without any). Safe to interrupt and to repeat.

    What was found is queued before the model is needed: without weights the photos stay queued and ModelError is
    raised.
    """
    clock = clock or SystemClock()
    policy = policy_for(settings)
    with open_store(settings, create=True) as store, work_lock(settings.data_dir, "backfill"):
        owner = worker_name(settings.data_dir)
        with store.write() as session:
            jobs.reclaim(session, owner, JobKind.LABEL)
        roots = resolve_roots(store, folders, clock)
        root_ids = tuple(root.id for root in roots)
        library = Library(store, settings, clock)
        callbacks = ScanCallbacks(on_seen=report.scanning, stop=stop)
        scan = scan_roots(library, roots, callbacks, accept_missing=accept_missing)
        chosen = None if stop() else _needed_model(store, settings, root_ids, report, scan)
        if chosen is None:
            return BackfillResult(scan, Progress(), _left(store, root_ids), 0.0, stop())
        model = record_model(Library(store, settings, clock), chosen)
        with store.write() as session:
            stale = enqueue_stale(session, model, root_ids)
        progress = Progress(total=_left(store, root_ids))
        report.scanned(scan, progress.total, stale)
        with runs.recorded(library, "backfill", stop, model) as recorded:
            if progress.total:
                with open_worker(settings, chosen, clock) as client:
                    labeller = Labeller(model, client.head(), policy)
                    run = LabelRun(BatchContext(library, labeller, owner, root_ids, recorded.id), client)
                    label_queued(run, progress, stop=stop, report=report.labelling)
                    if not stop():
                        for lesson in Teacher(Library(store, settings, clock)).teach_due(model, client):
                            report.taught(lesson)
        return BackfillResult(scan, progress, _left(store, root_ids), recorded.seconds, stop())


def _needed_model(
    store: Store, settings: Settings, root_ids: Sequence[int], report: BackfillListener, scan: ScanResult
) -> ChosenModel | None:
    """The model; None where there is no photo that could need one."""
    with store.read() as session:
        if count_totals(session, root_ids).present == 0:
            report.scanned(scan, 0, 0)
            return None
    return choose_model(settings, report.fetching)


def _left(store: Store, root_ids: Sequence[int]) -> int:
    with store.read() as session:
        counts = jobs.counts(session, root_ids, kind=JobKind.LABEL)
    return counts.queued + counts.leased
