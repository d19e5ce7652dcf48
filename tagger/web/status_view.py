"""What the status page shows: the overview of `tagger status`, the speed over the last hour, and an honest ETA."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass

from tagger import __version__
from tagger.core.config import Settings
from tagger.core.paths import shown_path
from tagger.service.maintenance import backed_up_at
from tagger.service.state import ServiceState
from tagger.service.status import Overview, finish
from tagger.store.run_nodes import speed_of
from tagger.store.runs import Run
from tagger.web.schemas_work import (
    FailureOut,
    FolderOut,
    HooksOut,
    ModelStatusOut,
    NodeOut,
    RunOut,
    SpeedOut,
    StatusOut,
)
from tagger.web.status_words import cure_of


@dataclass(frozen=True, slots=True)
class Sample:
    """How many photos had been labelled at a time (seconds since the epoch), and how fast it went (photos a second)."""

    at: float
    labelled: int
    rate: float


class History:
    """The last hour of labelling, a sample every 20 seconds."""

    _SPACE, _LENGTH = 20.0, 180

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=self._LENGTH)
        self._lock = threading.Lock()

    def add(self, at: float, labelled: int) -> None:
        """Add a sample of how many photos are labelled."""
        with self._lock:
            last = self._samples[-1] if self._samples else None
            if last is not None and at - last.at < self._SPACE:
                return
            rate = 0.0 if last is None else max(0.0, (labelled - last.labelled) / (at - last.at))
            self._samples.append(Sample(at, labelled, rate))

    def speeds(self) -> list[tuple[float, float]]:
        """(seconds since the epoch, photos a second) in the order of time."""
        with self._lock:
            return [(sample.at, round(sample.rate, 2)) for sample in list(self._samples)[1:]]


def describe(found: Overview, settings: Settings, history: History, now: float) -> StatusOut:
    """The overview for the page and the API."""
    totals = found.totals
    service = found.service
    labelling = None if service is None else service.labelling
    history.add(now, totals.labelled)
    waiting = totals.queue.queued + totals.queue.leased
    cluster = speed_of(found.nodes)
    rate = (labelling.photos_per_second if labelling else 0.0) + cluster
    done = finish(waiting, rate, settings, now) if waiting and rate and labelling and labelling.child else None
    watched = {} if service is None else {folder.path: folder for folder in service.folders}
    folders = []
    for root in found.roots:
        path = shown_path(root.path)
        about = watched.get(path)
        folders.append(
            FolderOut(
                path=path,
                scanned_at=root.scanned_at,
                watching="" if about is None else about.watching,
                why_polling="" if about is None else about.why_polling,
                polled={} if about is None else about.polled,
                held="" if about is None else about.held,
            )
        )
    return StatusOut(
        photos=totals.present,
        labelled=totals.labelled,
        prepared=found.prepared,
        missing=totals.missing,
        queued=waiting,
        failed=totals.queue.failed + found.keywords.failed,
        keywords_queued=found.keywords.queued + found.keywords.leased,
        keywords_mode=settings.keywords.mode,
        model=ModelStatusOut(**asdict(found.model)),
        models={
            f"{found.models[row].architecture} ({found.models[row].model_id})": number
            for row, number in totals.labelled_by.items()
        },
        folders=folders,
        at_work=found.at_work,
        service=service is not None or bool(found.service_fault),
        problems=[
            *([found.settings_fault] if found.settings_fault else []),
            *([found.service_fault] if found.service_fault else [] if service is None else service.problems),
        ],
        hooks=HooksOut(waiting=dict(found.untold), problems=[] if service is None else list(service.hooks.problems)),
        photos_per_second=rate,
        finished_at=found.nodes_done_at(now) if cluster else None if done is None else int(done.timestamp()),
        nodes=[
            NodeOut(
                node=node.node,
                labelled=node.labelled,
                photos_per_second=round(node.photos_per_second, 2),
                seen_at=node.seen_at,
            )
            for node in found.nodes
        ],
        window=settings.service.work_window,
        next_runs={} if service is None else {name: int(at) for name, at in service.next.items()},
        relabelling=service is not None and service.relabelling.running,
        failures=[
            FailureOut(kind=one.kind, reason=one.text, photos=one.photos, cure=cure_of(one.text))
            for one in found.reasons
        ],
        last_run=None if found.last_run is None else _run_out(found.last_run),
        window_opens_at=_opens_at(service, now),
        backed_up_at=None if (copied := backed_up_at(settings.data_dir)) is None else int(copied),
        keeps_backups=settings.service.keep_backups > 0 and settings.database_url.startswith("sqlite:"),
        fetching_at=None if service is None or not service.fetching.next_try_at else int(service.fetching.next_try_at),
        version=__version__,
        speed=[SpeedOut(at=int(at), photos_per_second=value) for at, value in history.speeds()],
    )


def _run_out(run: Run) -> RunOut:
    return RunOut(
        command=run.command,
        started_at=run.started_at,
        outcome=run.outcome,
        labelled=run.labelled,
        failed=run.failed,
        seconds=run.seconds,
    )


def _opens_at(service: ServiceState | None, now: float) -> int | None:
    """When the work window opens; None while it is open, or where nobody waits for it."""
    if service is None or service.labelling is None or service.labelling.window_open:
        return None
    changes = service.window_changes_at
    return None if changes is None or changes <= now else int(changes)
