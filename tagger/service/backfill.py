"""The main job as a whole: look through the roots, get the model, label what is queued.

The commands call this, and print what its `BackfillListener` receives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tagger.cluster.label import ClusterRun, check_cluster, label_on_cluster
from tagger.cluster.walk import cluster_walk
from tagger.core.config import Settings
from tagger.core.photo import JobKind
from tagger.core.progress import Callbacks, StopCheck
from tagger.inference.selection import choose_model, record_model
from tagger.inference.weights import ChosenModel
from tagger.inference.witnesses import record_witnesses
from tagger.inference.worker_client import WorkerClient
from tagger.intake.gone import release_unseen
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanCallbacks, ScanResult, scan_roots
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.header_fields import read_headers_due
from tagger.pipeline.label_queue import LabelRun, Progress, label_queued
from tagger.search.catch_up import CatchingUp, catch_up
from tagger.service.workers.hooks import tell_rest, telling
from tagger.store import jobs, runs
from tagger.store.batches import BatchContext
from tagger.store.counts import count_totals
from tagger.store.duties import is_shared
from tagger.store.library import Library, open_library
from tagger.store.lock import work_lock
from tagger.store.results import enqueue_incomplete, enqueue_stale
from tagger.store.roots import Root
from tagger.store.session import Store
from tagger.teaching.lessons import Lesson
from tagger.teaching.teacher import Teacher


class BackfillListener(Protocol):
    """Shows a run to a person."""

    def on_seen(self, files: int) -> None:
        """The number of files that the scan has seen so far."""
        ...

    def on_model(self, chosen: ChosenModel) -> None:
        """The model was chosen; `chosen.substitute` says if it is another one than was wanted."""
        ...

    def on_scanned(self, result: ScanResult, queued: int, stale: int, incomplete: int) -> None:
        """The roots were scanned. `queued`: photos to label, `stale` of them labelled by another model.

        `incomplete`: photos that the model labelled, and that are to be looked at for something new.
        """
        ...

    def on_labelled(self, progress: Progress) -> None:
        """A batch was labelled; called every half second, too."""
        ...

    def on_headers(self, done: int) -> None:
        """The headers of so many photos that were labelled before were read."""
        ...

    def on_taught(self, lesson: Lesson) -> None:
        """A taught label was trained again, for another model or with new examples."""
        ...

    def on_download(self, done: int, total: int | None) -> None:
        """The weights are being downloaded: bytes so far and in all (None: not known)."""
        ...


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """How a run ended. `left`: photos still queued in its roots. `seconds`: of labelling alone.

    `untold`: why which hooks could not be told of all photos that were labelled, as sentences.
    """

    scan: ScanResult
    progress: Progress
    left: int
    seconds: float
    interrupted: bool
    untold: list[str] = field(default_factory=list)


def backfill(
    settings: Settings,
    folders: Sequence[str],
    listener: BackfillListener,
    stop: StopCheck,
    *,
    accept_missing: bool = False,
) -> BackfillResult:
    """Label every photo below some folders (all roots without any). Safe to interrupt and to repeat.

    What was found is queued before the model is needed: where there is none, the photos stay queued and ModelError is
    raised.
    """
    # Rules that make no sense are told before anything is done.
    policy_for(settings)
    if settings.cluster.address:
        check_cluster(settings)
    with open_library(settings, create=True) as library, work_lock(settings.data_dir, "backfill") as owner:
        store = library.store
        with store.write() as session:
            jobs.reclaim(session, owner, JobKind.LABEL, anybodys=not settings.database)
        roots = resolve_roots(store, folders, library.clock)
        root_ids = tuple(root.id for root in roots)
        if is_shared(store):
            # Other roots may be other machines'.
            library = replace(library, here=lambda: root_ids)
        with cluster_walk(settings) as walk:
            callbacks = ScanCallbacks(on_seen=listener.on_seen, stop=stop, walk=walk)
            scan = scan_roots(library, roots, callbacks, accept_missing=accept_missing)
        chosen = None if stop() else _needed_model(library, root_ids, listener, scan)
        if chosen is None:
            return BackfillResult(scan, Progress(), _left(store, root_ids), 0.0, stop())
        listener.on_model(chosen)
        model = record_model(library, chosen)
        witnesses = record_witnesses(library, model)
        with store.write() as session:
            stale = enqueue_stale(session, model, root_ids, substitute=chosen.substitute is not None)
            incomplete = enqueue_incomplete(session, model, witnesses, root_ids)
        progress = Progress(total=_left(store, root_ids))
        listener.on_scanned(scan, progress.total, stale, incomplete)
        with runs.recorded(library, "backfill", stop, model) as recorded, telling(library, owner) as wake_hooks:
            if progress.total:
                with WorkerClient(settings, chosen, library.clock) as client:
                    catching_up, told = CatchingUp(library, Callbacks(stop=stop)), Progress()

                    def on_progress(now: Progress) -> None:
                        listener.on_labelled(now)
                        if now.labelled > told.labelled:
                            told.labelled = now.labelled
                            wake_hooks()
                        catching_up(now.labelled)

                    if settings.cluster.address:
                        shared = ClusterRun(library, chosen, owner, root_ids, recorded.id)
                        label_on_cluster(shared, progress, stop=stop, on_progress=on_progress)
                    else:
                        labeller = Labeller(model, client.head(), policy_for(settings, model))
                        run = LabelRun(BatchContext(library, labeller, owner, root_ids, recorded.id, witnesses), client)
                        label_queued(run, progress, stop=stop, on_progress=on_progress)
                    if not stop():
                        for lesson in Teacher(library).teach_due(model, client):
                            listener.on_taught(lesson)
        if not stop():
            catch_up(library, Callbacks(stop=stop))
        _release_held(library, roots, scan)
        read_headers_due(library, stop, listener.on_headers)
        untold = tell_rest(library, stop)
        return BackfillResult(scan, progress, _left(store, root_ids), recorded.seconds, stop(), untold)


def _release_held(library: Library, roots: Sequence[Root], scan: ScanResult) -> None:
    """Look again at what the brake holds, now that new photos were looked at: they may be what moved."""
    for root in roots:
        if root.path in scan.braked:
            resolved = release_unseen(library, root)
            scan.gone += resolved.gone
            if resolved.held:
                scan.held_back[root.path] = resolved.held
            else:
                scan.braked.discard(root.path)
                del scan.held_back[root.path]


def _needed_model(
    library: Library, root_ids: Sequence[int], listener: BackfillListener, scan: ScanResult
) -> ChosenModel | None:
    """The model; None where there is no photo that could need one."""
    with library.store.read() as session:
        if count_totals(session, root_ids).present == 0:
            listener.on_scanned(scan, 0, 0, 0)
            return None
    return choose_model(library.settings, listener.on_download)


def _left(store: Store, root_ids: Sequence[int]) -> int:
    with store.read() as session:
        counts = jobs.counts(session, root_ids, kind=JobKind.LABEL)
    return counts.queued + counts.leased
