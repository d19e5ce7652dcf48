"""What the library holds, what is queued, what failed, what the service does: for `tagger status` and the web page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.core.local_zone import LocalZone
from tagger.core.photo import JobKind
from tagger.core.sentences import Sentence
from tagger.inference.selection import ModelStatus, model_status
from tagger.labels.labeller import faults_of_settings
from tagger.search.sentence_index import prepared
from tagger.service import control
from tagger.service.hook_check import waiting_hooks
from tagger.service.state import ServiceState
from tagger.service.work_window import Window
from tagger.store import dead_letters, jobs, ledger, runs
from tagger.store.counts import Totals, count_totals
from tagger.store.dead_letters import DeadLetter, Reason
from tagger.store.jobs import QueueCounts
from tagger.store.lock import holder
from tagger.store.models import Model, all_models
from tagger.store.roots import Root, all_roots
from tagger.store.run_nodes import RunNode, nodes_at_work, speed_of
from tagger.store.runs import Run
from tagger.store.session import Store

# As many reasons of failures are told.
_REASONS = 8


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at everything.

    `failed`, `unwritten`: dead letters of labelling and of keywords. `by_priority`: photos that wait to be labelled.
    `model`: which one labels. `keywords`: the queue of keywords; `with_keywords`: photos that have some of tagger's.
    `at_work`: who holds the
    library's lock. `service`: what the running service says of itself, or None; `service_fault`: why that is not known
    of a service that runs. `settings_fault`: what makes no sense in the settings of model and labels. `prepared`:
    photos that descriptions are compared with at once. `untold`: of how many photos each hook is yet to be told.
    `nodes`: the machines of a cluster that label now. `reasons`: why most of what failed did.
    """

    roots: list[Root]
    totals: Totals
    models: Mapping[int, Model]
    failed: list[DeadLetter]
    by_priority: Mapping[int, int]
    keywords: QueueCounts
    with_keywords: int
    unwritten: list[DeadLetter]
    model: ModelStatus
    last_run: Run | None
    at_work: str
    service: ServiceState | None
    service_fault: str
    settings_fault: str
    prepared: int
    untold: Mapping[str, int]
    nodes: list[RunNode]
    reasons: list[Reason]

    def nodes_done_at(self, now: float) -> int | None:
        """When the machines of a cluster will have labelled what waits, in seconds since the epoch; None: not known."""
        speed, waiting = speed_of(self.nodes), self.totals.queue.queued + self.totals.queue.leased
        return int(now + waiting / speed) if speed and waiting else None


def overview(store: Store, settings: Settings, failures: int | None) -> Overview:
    """Read the state of library and service. `failures`: the most dead letters to list of each kind; None: all.

    Raises StoreError.
    """
    service, fault = None, ""
    try:
        service = control.status(settings.data_dir)
    except control.OtherVersionError as error:
        fault = f"{error.message} {error.cure}"
    with store.read() as session:
        totals = count_totals(session)
        return Overview(
            roots=all_roots(session),
            totals=totals,
            models=all_models(session),
            failed=dead_letters.listed(session, JobKind.LABEL, failures),
            by_priority=jobs.counts_by_priority(session),
            keywords=jobs.counts(session, kind=JobKind.KEYWORDS),
            with_keywords=ledger.count_entries(session),
            unwritten=dead_letters.listed(session, JobKind.KEYWORDS, failures),
            model=model_status(settings),
            last_run=next(iter(runs.last_runs(session, 1)), None),
            at_work=holder(settings.data_dir),
            service=service,
            service_fault=fault,
            settings_fault=faults_of_settings(settings),
            # Rows of photos that are gone stay in the file for a while.
            prepared=min(prepared(settings.data_dir), totals.labelled),
            untold=waiting_hooks(session, settings),
            nodes=nodes_at_work(session, SystemClock().now()),
            reasons=dead_letters.reasons(session, _REASONS),
        )


def why_unlabelled(settings: Settings) -> str:
    """Why no photo of a library is labelled yet, and what to do."""
    model = model_status(settings)
    if not model.labels:
        return model.note
    if holder(settings.data_dir):
        return Sentence("tagger is at work on them; see: tagger status")
    return Sentence("They wait in the queue. Label them: tagger backfill")


def finish(photos: int, rate: float, settings: Settings, now: float) -> datetime | None:
    """When a number of photos will be done at a rate (photos a second), working in the work window only."""
    if not rate:
        return None
    zone = LocalZone()
    window = Window(settings.service.work_window, zone)
    return datetime.fromtimestamp(window.finish(now, photos / rate), zone)
