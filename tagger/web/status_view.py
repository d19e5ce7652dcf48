"""What the status page shows: the overview of `tagger status`, the speed over the last hour, and an honest ETA."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass

from tagger.core.config import Settings
from tagger.core.paths import shown_path
from tagger.service.status import Overview, finish
from tagger.store.run_nodes import speed_of
from tagger.web.schemas_work import FolderOut, HooksOut, ModelStatusOut, NodeOut, SpeedOut, StatusOut


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
        speed=[SpeedOut(at=int(at), photos_per_second=value) for at, value in history.speeds()],
    )
