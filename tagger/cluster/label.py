"""Labels the queue on the machines of a Ray cluster. The queue in PostgreSQL stays the truth.

Ray Data streams tickets into a pool of workers (`tagger.cluster.worker`), restarts what is lost, and gives a ticket
to another worker then. A ticket is a number of photos, not which: each worker claims them itself, and stores what it
finds in the transaction that ends their jobs. So a ticket that is run twice, and a worker that is killed, lose and
repeat nothing.
"""

from __future__ import annotations

import logging
import math
import pickle
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from tagger import __version__
from tagger.cluster.connection import connected, unreachable
from tagger.cluster.patience import patiently
from tagger.cluster.requirements import cluster_faults
from tagger.cluster.worker import Assignment, LabelWorker, packed
from tagger.core import events
from tagger.core.config import ClusterSettings, Settings
from tagger.core.errors import EngineError, TaggerError
from tagger.core.os_words import why
from tagger.core.photo import JobKind
from tagger.core.progress import StopCheck
from tagger.inference.weights import ChosenModel
from tagger.pipeline.label_queue import Progress
from tagger.store import jobs
from tagger.store.batches import BatchCounts
from tagger.store.library import Library

_LOG = logging.getLogger("tagger")
# So many that the emptying of a worker's child at the end of a ticket does not count.
_PHOTOS_A_TICKET = 500
# Of little work each worker gets several smaller ones, so that none waits long for another in the end.
_TICKETS_A_WORKER = 4
_FEWEST_PHOTOS = 32
_TICK = 0.5
# The column of results in which a worker tells why it cannot work.
_FAULT = "fault"
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ClusterRun:
    """What is to be labelled by the cluster: the queued photos of some roots, by one model, as one run."""

    library: Library
    chosen: ChosenModel
    owner: str
    root_ids: tuple[int, ...]
    run_id: int


def check_cluster(settings: Settings) -> None:
    """Check what can be before anything is done.

    Raises UsageError without Ray, ConfigError without PostgreSQL, EngineError where no cluster answers.
    """
    for fault in cluster_faults(settings):
        raise fault
    host, colon, port = settings.cluster.address.rpartition("://")[2].rpartition(":")
    if colon:
        try:
            # Ray itself would try for minutes.
            socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
        except OSError as error:
            raise unreachable(settings.cluster.address, why(error)) from error


def label_on_cluster(
    run: ClusterRun, progress: Progress, *, stop: StopCheck, on_progress: Callable[[Progress], None]
) -> None:
    """Label until no job is due, or until `stop()`; photos in work stay queued then.

    `on_progress` is called at least every half second. Raises EngineError if Ray cannot be reached or gives up, and
    what the workers raise.
    """
    settings = run.library.settings
    with connected(settings.cluster.address) as ray:
        on_progress(progress)
        threads = max(1, int(settings.cluster.worker_cpus))
        engine = settings.engine.model_copy(update={"threads": settings.engine.threads or threads})
        assignment = Assignment(
            settings.model_copy(update={"engine": engine}),
            packed(run.chosen, settings.data_dir),
            run.owner.partition(":")[0],
            run.run_id,
            run.root_ids,
            __version__,
        )
        told = ray.put(assignment)
        clock = run.library.clock
        while not stop() and (due := patiently(lambda: _due(run), clock)):
            before = progress.done
            for counts in ticket_results(ray, told, due, settings.cluster):
                progress.add(counts)
                on_progress(progress)
                if stop():
                    break
            patiently(lambda: _reclaim_lost(run), clock)
            if progress.done == before:
                return


def _due(run: ClusterRun) -> int:
    """How many jobs may be worked on now or in a moment."""
    with run.library.store.read() as session:
        now = run.library.clock.now() + run.library.settings.intake.settle_seconds
        due = jobs.next_due(session, run.root_ids, kind=JobKind.LABEL, now=now)
        if due is None or due > now + 2:
            return 0
        return jobs.counts(session, run.root_ids, kind=JobKind.LABEL).queued


def _reclaim_lost(run: ClusterRun) -> None:
    """Requeue what workers that were lost had in hand."""
    with run.library.store.write() as session:
        jobs.reclaim(session, run.owner, JobKind.LABEL)


def ticket_results(
    ray: Any, told: Any, photos: int, cluster: ClusterSettings, worker: type | None = None
) -> Iterator[BatchCounts]:
    """What each ticket came to, as it ends; between them, at least every half second, that nothing did.

    `ray`: the module, connected. `told`: what `worker` is made with, in Ray's store of objects.
    """
    there = ray.cluster_resources()
    workers = max(1, int(there.get("CPU", 1) / cluster.worker_cpus))
    if cluster.worker_gpus:
        workers = max(1, min(workers, int(there.get("GPU", 0) / cluster.worker_gpus)))
    each = math.ceil(photos / (workers * _TICKETS_A_WORKER))
    each = min(_PHOTOS_A_TICKET, max(_FEWEST_PHOTOS, each))
    tickets = math.ceil(photos / each)
    items = [{"photos": each} for _ in range(tickets)]
    done = ray.data.from_items(items, override_num_blocks=tickets).map_batches(
        worker or _RemoteWorker,
        fn_constructor_args=(told,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, tickets)),
        num_cpus=cluster.worker_cpus,
        num_gpus=cluster.worker_gpus or None,
    )
    for handler in logging.getLogger("ray.data").handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.CRITICAL)
    results: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_run, args=(done, results), name="cluster", daemon=True).start()
    while True:
        try:
            found = results.get(timeout=_TICK)
        except queue.Empty:
            yield BatchCounts()
            continue
        if found is None:
            return
        if isinstance(found, BaseException):
            raise _told(found) from found
        fault = str(found.pop(_FAULT, [""])[0])
        if fault:
            raise pickle.loads(bytes.fromhex(fault))
        yield BatchCounts(**{name: int(values[0]) for name, values in found.items()})


def _run(done: Any, results: queue.SimpleQueue[Any]) -> None:
    """Go through a dataset in a thread of its own, because it answers to nothing else meanwhile."""
    try:
        for counts in done.iter_batches(batch_size=1, prefetch_batches=0):
            results.put(counts)
        results.put(None)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        results.put(error)


class _RemoteWorker:
    """A worker as Ray makes it: the assignment comes once to each machine, by its store of objects."""

    def __init__(self, told: Any) -> None:
        import ray

        self._worker: LabelWorker | None = None
        self._fault = ""
        try:
            self._worker = LabelWorker(ray.get(told))
        except TaggerError as error:
            self._fault = _packed_fault(error)

    def __call__(self, ticket: dict[str, Any]) -> dict[str, Any]:
        counts: dict[str, Any] = {count.name: [0] for count in fields(BatchCounts)}
        fault = self._fault
        if self._worker is not None:
            try:
                counts = self._worker(ticket)
            except TaggerError as error:
                fault = _packed_fault(error)
        return counts | {_FAULT: [fault]}


def _packed_fault(error: TaggerError) -> str:
    """An error as it travels: of one that is raised Ray tells only as a text with all its own around it."""
    return pickle.dumps(error).hex()


def _told(error: BaseException) -> BaseException:
    """An error of Ray's own, or one that no worker expects, for people."""
    _LOG.debug(events.CLUSTER_FAILED(), exc_info=error)
    # Ray tells of the worker's error with its traceback, and behind that how it took it itself.
    lines = str(error).partition("The above exception was")[0].strip().splitlines()
    return EngineError(
        f"Ray gave up: {lines[-1].strip() if lines else type(error).__name__}",
        "The photos stay queued. More is in Ray's logs, in /tmp/ray/session_latest/logs.",
    )
