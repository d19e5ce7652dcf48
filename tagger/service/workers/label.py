"""The service's thread that labels what is queued, for years: it waits, backs off, and lets the child go when idle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tagger.core import events
from tagger.core.errors import ModelError, UsageError
from tagger.core.photo import JobKind
from tagger.core.progress import Callbacks
from tagger.inference.selection import choose_model, record_model
from tagger.inference.weights import Substitute
from tagger.inference.witnesses import record_witnesses
from tagger.inference.worker_client import WorkerClient
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.label_queue import LabelRun, Progress, label_queued
from tagger.search.catch_up import CatchingUp, catch_up
from tagger.service.state import LabelState
from tagger.service.work_window import Window
from tagger.service.workers.base import Worker
from tagger.store import jobs, runs
from tagger.store.batches import BatchContext
from tagger.store.evidence import NO_WITNESSES
from tagger.store.labels import anything_labelled
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.results import enqueue_incomplete, enqueue_stale
from tagger.teaching.teacher import Teacher

_LOG = logging.getLogger("tagger")
# A person who corrects labels says many things in a row; training begins again so long after the last time.
_TEACH_SECONDS = 300.0


class LabelWorker(Worker):
    """Labels what is queued, new photos at once and the archive in its window.

    `first_try`: returns when the model's weights are here, or could not be fetched.
    """

    def __init__(
        self,
        library: Library,
        window: Window,
        owner: str,
        changed: Callable[[], None],
        first_try: Callable[[threading.Event], None],
    ) -> None:
        super().__init__("labelling", library, window, owner, changed)
        self._first_try = first_try
        self._substitute: Substitute | None = None
        self._client: WorkerClient | None = None
        self._witnesses = NO_WITNESSES
        self.model: Model | None = None
        self.rate = 0.0
        self.labelled = 0
        self.failed = 0
        self.seconds = 0.0
        self.batches = 0
        self._taught_at = -_TEACH_SECONDS

    @property
    def child_starts(self) -> int:
        """How often the child process was started."""
        return 0 if self._client is None else self._client.starts

    @property
    def child(self) -> int | None:
        """The child's process id while it runs."""
        return None if self._client is None else self._client.process_id

    def _work(self) -> None:
        policy_for(self._settings)
        if not self._anything_known():
            # A library without photos needs no model yet.
            self._sleep()
            return
        self._first_try(self._stopping)
        if self._stopping.is_set():
            return
        chosen = choose_model(self._settings, fetch=False)
        if chosen.substitute is not None and chosen.substitute != self._substitute:
            _LOG.warning(events.SUBSTITUTE(why=str(chosen.substitute.note(chosen.architecture.name))))
        self._substitute = chosen.substitute
        self.model = record_model(self._library, chosen)
        self._witnesses = record_witnesses(self._library, self.model)
        with self._store.write() as session:
            stale = enqueue_stale(session, self.model, self._library.here(), substitute=chosen.substitute is not None)
            incomplete = enqueue_incomplete(session, self.model, self._witnesses, self._library.here())
        if stale:
            _LOG.info(events.MODEL_CHANGED(photos=stale))
        if incomplete:
            _LOG.info(events.LOOKED_LATER(photos=incomplete))
        with WorkerClient(self._settings, chosen, self._clock) as client:
            self._client = client
            try:
                self._label(client, self.model)
            finally:
                self._client = None

    def _anything_known(self) -> bool:
        with self._store.read() as session:
            due = jobs.next_due(session, self._library.here(), kind=JobKind.LABEL, now=self._clock.now())
            return due is not None or anything_labelled(session)

    def _label(self, client: WorkerClient, model: Model) -> None:
        labeller = None
        # What an earlier version or a process that was killed left to do.
        self._catch_up()
        idle_since = self._clock.monotonic()
        while not self._stopping.is_set():
            self._wake.clear()
            here = self._library.here()
            with self._store.read() as session:
                due = jobs.next_due(session, here, self._up_to(), kind=JobKind.LABEL, now=self._clock.now())
            self._note("")
            if due is not None and due <= self._clock.now():
                labeller = labeller or Labeller(model, client.head(), policy_for(self._settings, model))
                self._run_recorded(client, labeller)
                self._teach_due(client)
                self._catch_up()
                idle_since = self._clock.monotonic()
            else:
                rest = self._taught_at + _TEACH_SECONDS - self._clock.monotonic()
                if rest <= 0:
                    # Without photos in between, what a person corrected is all that can be new.
                    self._teach_due(client)
                    rest = 0.0
                left = self._until_child_ends(client, idle_since)
                if left is None:
                    # 10 MB that an idle service can do without, made anew in less time than a child takes to start.
                    labeller = None
                self._sleep(self._until(due), self._until_window(JobKind.LABEL), left, rest or None)

    def _run_recorded(self, client: WorkerClient, labeller: Labeller) -> None:
        with runs.recorded(self._library, "run", self._stopping.is_set, labeller.model) as recorded:
            batches = BatchContext(
                self._library, labeller, self._owner, self._library.here(), recorded.id, self._witnesses
            )
            self._label_due(LabelRun(batches, client, self._up_to))

    def _label_due(self, run: LabelRun) -> None:
        progress = Progress()
        last_done, last_failed, last_moment = 0, 0, self._clock.monotonic()

        def on_progress(now: Progress) -> None:
            nonlocal last_done, last_failed, last_moment
            if now.done == last_done:
                return
            moment = self._clock.monotonic()
            count, seconds = now.done - last_done, max(moment - last_moment, 1e-3)
            failed = now.failed - last_failed
            last_done, last_failed, last_moment = now.done, now.failed, moment
            self.rate = count / seconds if not self.rate else 0.8 * self.rate + 0.2 * count / seconds
            self.batches += 1
            self.seconds += seconds
            self.labelled, self.failed = before[0] + now.labelled, before[1] + now.failed
            _LOG.info(events.BATCH(photos=count, failed=failed, seconds=seconds, run=run.batches.run_id))
            self._changed()
            catching_up(now.labelled)

        catching_up = CatchingUp(self._library, Callbacks(stop=self._stopping.is_set))
        before = (self.labelled, self.failed)
        label_queued(run, progress, stop=self._stopping.is_set, on_progress=on_progress)
        on_progress(progress)

    def _teach_due(self, client: WorkerClient) -> None:
        """Train again what was taught, where its examples or the model changed."""
        self._taught_at = self._clock.monotonic()
        try:
            lessons = Teacher(self._library).teach_due(self.model, client)
        except (ModelError, UsageError) as error:
            # Photos are labelled all the same.
            _LOG.warning(events.NOT_TAUGHT(why=str(error)))
            return
        for lesson in lessons:
            what = lesson.report.refused or f"precision={lesson.report.precision:.2f} photos={lesson.report.photos}"
            _LOG.info(events.TAUGHT(label=lesson.name, what=what))
            self._changed()

    def _catch_up(self) -> None:
        """Prepare what was labelled for searches by descriptions."""
        catch_up(self._library, Callbacks(stop=self._stopping.is_set))

    def _until_child_ends(self, client: WorkerClient, idle_since: float) -> float | None:
        """Seconds until the child was idle for long; None if it does not run, or ended just now."""
        if client.process_id is None:
            return None
        left = idle_since + self._settings.service.idle_seconds - self._clock.monotonic()
        if left > 0:
            return left
        client.close()
        _LOG.info(events.MODEL_RESTS())
        self._changed()
        return None

    def state(self) -> LabelState:
        """For `tagger status` and health."""
        return LabelState(
            model=None if self.model is None else self.model.model_id,
            architecture=None if self.model is None else self.model.architecture,
            wanted="" if self._substitute is None else self._substitute.wanted,
            why="" if self._substitute is None else self._substitute.why,
            problem=self.problem,
            photos_per_second=round(self.rate, 2),
            labelled=self.labelled,
            failed=self.failed,
            batches=self.batches,
            batch_seconds=round(self.seconds, 3),
            child=self.child,
            child_starts=self.child_starts,
            window_open=self._window.is_open(self._clock.now()),
        )
