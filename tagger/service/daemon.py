"""`tagger run`: watches the folders, queues what settles, labels it, and reminds itself of the rest by the clock.

One thread, this module's loop, decides everything: it takes messages from an inbox (the watchers, the scheduler,
signals and other processes only leave messages there) and does one thing after another; what is to be done about the
folders is in `tagger.intake.monitor`. Labelling runs beside it, in `tagger.service.workers.label`; the database is
between them.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from tagger.core import events
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.config_sources import setting_keys, value_of
from tagger.core.errors import StoreError, TaggerError, UsageError
from tagger.core.local_zone import LocalZone
from tagger.core.numbers import count
from tagger.core.paths import shown_path
from tagger.core.photo import JobKind
from tagger.intake.monitor import FolderMonitor
from tagger.intake.roots import resolve_roots
from tagger.intake.watch import WatchEvent
from tagger.labels.relabel_request import ask_for
from tagger.service import control
from tagger.service.maintenance import tidy
from tagger.service.own_roots import OwnRoots
from tagger.service.schedule import ScheduledJob, Scheduler
from tagger.service.state import ServiceState
from tagger.service.work_window import Window
from tagger.service.workers.base import Worker
from tagger.service.workers.fetch import FetchWorker
from tagger.service.workers.headers import HeaderWorker
from tagger.service.workers.hooks import HookWorker
from tagger.service.workers.keywords import KeywordWorker
from tagger.service.workers.label import LabelWorker
from tagger.service.workers.relabel import RelabelWorker
from tagger.store import jobs
from tagger.store.duties import is_shared
from tagger.store.jobs import QueueCounts
from tagger.store.library import Library
from tagger.store.lock import work_lock
from tagger.store.roots import all_roots
from tagger.store.run_nodes import RunNode, nodes_at_work
from tagger.store.session import open_store
from tagger.system.allocator import return_large_blocks
from tagger.system.systemd import notify, watchdog_seconds

if TYPE_CHECKING:
    from tagger.service.health import Health

_LOG = logging.getLogger("tagger")


# What a reload does not change: the open library, the process itself, and the process of the page.
_ONLY_AT_START = ("data_dir", "database", "service.nice", "service.log", "service.health", "web.")


def changed_for_restart(old: Settings, new: Settings) -> list[str]:
    """The settings that differ and take a restart of the service."""
    keys = [key for key in setting_keys() if key.startswith(_ONLY_AT_START)]
    return [key for key in keys if value_of(old, key) != value_of(new, key)]


@dataclass(frozen=True, slots=True)
class _Do:
    """A message: something to be done in the loop's thread."""

    what: Callable[[], None]


class Service:
    """The service over one library. `load` reads the settings, again on SIGHUP."""

    def __init__(self, load: Callable[[], Settings], clock: Clock | None = None) -> None:
        self._load = load
        self._settings = load()
        self._clock = clock or SystemClock()
        self._inbox: queue.SimpleQueue[WatchEvent | _Do] = queue.SimpleQueue()
        self._stopping = False
        self._problem = ""
        self._zone = LocalZone()
        self._scheduler = Scheduler(self._zone)
        self._window = Window(self._settings.service.work_window, self._zone)
        self._started = self._clock.now()

    # --- from start to stop -----------------------------------------------------------------------------

    def run(self, folders: Sequence[str]) -> bool:
        """Work until SIGTERM or Ctrl-C. Returns whether the batches in hand could be finished in time."""
        settings = self._settings
        return_large_blocks()
        self._scheduler.set_jobs(settings.service, self._remind)
        with open_store(settings, create=True, stays=True) as store, work_lock(settings.data_dir, "run") as owner:
            self._store, self._owner = store, owner
            with store.write() as session:
                jobs.reclaim(session, owner, JobKind.LABEL, anybodys=not settings.database)
            roots = resolve_roots(store, folders, self._clock)
            if not is_shared(store):
                with store.read() as session:
                    roots = all_roots(session)
            if not roots:
                raise UsageError("The library has no folders yet.", "Name one: tagger run ~/Photos")
            self._own = OwnRoots(store, self._clock)
            self._folders = FolderMonitor(self._library(), self._inbox.put, self._queued, lambda: self._stopping)
            self._new_threads()
            listener = control.listen(settings.data_dir, self)
            web = self._health(settings.service.health)
            for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(kind, self._on_signal)
            try:
                self._start_threads()
                for root in roots:
                    self._own.want(root, self._folders)
                self._scheduler.start()
                notify("READY=1")
                _LOG.info(events.READY(folders=len(roots)))
                self._loop()
                return self._end()
            finally:
                self._scheduler.stop()
                listener.close()
                if web is not None:
                    web.close()
                self._folders.close()
                self._own.close()

    def _end(self) -> bool:
        notify("STOPPING=1")
        _LOG.info(events.STOPPING())
        finished = self._stop_threads()
        if not finished:
            _LOG.warning(events.STOPPED_LATE())
        return finished

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._inbox.put(_Do(self._reload))
        elif self._stopping:
            raise KeyboardInterrupt
        else:
            self._stopping = True
            # Only to wake the loop.
            self._inbox.put(_Do(lambda: None))

    def _library(self) -> Library:
        return Library(self._store, self._settings, self._clock, self._own.here)

    def _new_threads(self) -> None:
        library = self._library()
        self._fetching = FetchWorker(library, self._window, self._owner, self._told, self.reload)
        self._labelling = LabelWorker(
            library, self._window, self._owner, self._labelled, self._fetching.wait_for_first_try
        )
        self._keywords = KeywordWorker("keywords", library, self._window, self._owner, self._told)
        self._relabelling = RelabelWorker("relabelling", library, self._window, self._owner, self._labelled)
        self._headers = HeaderWorker("headers", library, self._window, self._owner, self._told)
        self._hooks = HookWorker(library, self._window, self._owner, self._told)
        # In the order in which they start.
        self._threads: tuple[Worker, ...] = (
            self._fetching,
            self._labelling,
            self._keywords,
            self._relabelling,
            self._headers,
            self._hooks,
        )

    def _start_threads(self) -> None:
        for thread in self._threads:
            thread.start()

    def _stop_threads(self) -> bool:
        # All finish at the same time: each was told before any is waited for.
        for thread in self._threads:
            thread.stop(0)
        return all(thread.stop(self._settings.service.stop_seconds) for thread in self._threads)

    def _labelled(self) -> None:
        self._told()
        # What was labelled may have keywords to be written, its header is to be read, and others are to be told.
        self._keywords.wake()
        self._headers.wake()
        self._hooks.wake()

    def _told(self) -> None:
        notify(f"STATUS={self._line()}")

    def _remind(self, job: ScheduledJob) -> None:
        self._inbox.put(_Do(partial(job.run, self)))

    def _reload(self) -> None:
        try:
            settings = self._load()
            window = Window(settings.service.work_window, self._zone)
            self._scheduler.set_jobs(settings.service, self._remind)
        except TaggerError as error:
            _LOG.error(events.RELOAD_REFUSED(why=str(error)))
            return
        later = changed_for_restart(self._settings, settings)
        if later:
            _LOG.warning(events.RESTART_NEEDED(settings=", ".join(later)))
        # The library that is open stays open.
        settings = settings.model_copy(update={key: getattr(self._settings, key) for key in ("data_dir", "database")})
        while not self._stop_threads() and not self._stopping:
            _LOG.warning(events.RELOAD_LATER())
        self._settings, self._window = settings, window
        self._new_threads()
        self._start_threads()
        self._folders.apply_settings(settings)
        _LOG.info(events.RELOADED())

    # --- the loop ---------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._stopping:
            self._step(self._wait())

    def _wait(self) -> float | None:
        """Seconds until something is due without a message; None if nothing is."""
        now = self._clock.monotonic()
        beat = watchdog_seconds()
        dues = (self._folders.next_due(), self._own.look_at, None if beat is None else now + beat)
        times = [moment for moment in dues if moment is not None]
        return max(0.0, min(times) - now) if times else None

    def _step(self, seconds: float | None) -> None:
        """Take the messages that are there, waiting up to `seconds` for the first; then do what is due."""
        problem = ""
        try:
            message = self._inbox.get(timeout=seconds)
            # Not endlessly: files settle and are labelled while thousands more arrive.
            for _ in range(10_000):
                problem = self._guarded(partial(self._take, message)) or problem
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass
        notify("WATCHDOG=1")
        self._say(self._guarded(self._folders.do_due) or self._guarded(self._look_for_others) or problem)

    def _guarded(self, what: Callable[[], None]) -> str:
        """Do something; what went wrong, or an empty text. A fault in one folder must not end the service."""
        try:
            what()
        except StoreError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - it is logged and told
            _LOG.exception(events.FAILED(part="noticing"))
            return f"{type(error).__name__}: {error}"
        return ""

    def _look_for_others(self) -> None:
        """Look what other services of the library do and leave."""
        if self._own.look_at is not None and self._own.look_at <= self._clock.monotonic():
            self._own.look(self._folders)

    def _take(self, message: WatchEvent | _Do) -> None:
        if isinstance(message, _Do):
            message.what()
        else:
            self._folders.on_event(message)

    def rescan(self) -> None:
        """Scan every root for what the watcher missed."""
        self._folders.rescan()
        self._queued()
        self._keywords.look_for_strays()

    def _queued(self) -> None:
        """Photos may have been queued, or moved away from their sidecars."""
        self._labelling.wake()
        self._keywords.wake()
        self._headers.wake()

    def upkeep(self) -> None:
        """Drop what is not needed any longer, and back the database up; of several services, one does."""
        if not self._own.is_scheduler:
            return
        try:
            done = tidy(self._store, self._settings, self._labelling.model, self._clock)
        except StoreError as error:
            _LOG.warning(events.UPKEEP_FAILED(why=str(error)))
            return
        dropped = {"dropped_photos": done.dropped_photos, "dropped_features": done.dropped_features}
        _LOG.info(events.UPKEEP(**dropped, backup=str(done.backup)))

    # --- telling others ---------------------------------------------------------------------------------

    # What other processes ask, by `control`: called from its thread, so these only leave messages.

    def scan(self, folders: Sequence[str]) -> list[str]:
        """Scan folders, new roots among them; returns them as people are shown them. Raises UsageError."""
        roots = (None if folders else self._own.wanted()) or resolve_roots(self._store, folders, self._clock)
        for root in roots:
            self._inbox.put(_Do(partial(self._own.want, root, self._folders)))
        return [shown_path(root.path) for root in roots]

    def accept_missing(self) -> list[str]:
        """Take what is missing from held folders as gone; returns these."""
        self._inbox.put(_Do(self._folders.accept_missing))
        return self._folders.held()

    def reload(self) -> None:
        """Read the settings again."""
        self._inbox.put(_Do(self._reload))

    def relabel(self) -> None:
        """Read the settings again, because rules were changed; the new workers find what is due."""
        ask_for(self._settings.data_dir)
        self.reload()

    def wake(self) -> None:
        """Look for what was queued or forgotten."""
        self._inbox.put(_Do(self._look_up))

    def _look_up(self) -> None:
        self._folders.drop_forgotten()
        self._fetching.wake()
        self._labelling.wake()
        self._keywords.wake()
        self._headers.wake()

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            if problem:
                _LOG.warning(events.WAITING(why=problem))
            self._problem = problem

    def _line(self) -> str:
        return (
            self._problem
            or self._labelling.problem
            or f"{count(self._labelling.labelled, 'photo')} labelled since the start"
        )

    def state(self) -> ServiceState:
        """What `tagger status`, /healthz and /metrics tell of the running service; asks no database."""
        workers = (self._labelling, self._keywords, self._relabelling, self._headers)
        problems = (self._problem, *(worker.problem for worker in workers))
        return ServiceState(
            pid=os.getpid(),
            started_at=int(self._started),
            problems=[text for text in problems if text],
            settling=self._folders.settling,
            folders=self._folders.states(),
            labelling=self._labelling.state(),
            keywords=self._keywords.state(),
            relabelling=self._relabelling.state(),
            fetching=self._fetching.state(),
            work_window=self._settings.service.work_window,
            window_changes_at=self._window.next_change(self._clock.now()),
            next=self._scheduler.next_times(),
            hooks=self._hooks.state(),
            is_scheduler=self._own.is_scheduler,
            standing_by=self._own.standing_by(),
        )

    def _health(self, address: str) -> Health | None:
        if not address:
            return None
        # Imported where it is wanted: a web server and Prometheus' client are a megabyte.
        from tagger.service import health

        return health.serve(address, self.state, self._counts, self._nodes)

    def _nodes(self) -> list[RunNode]:
        with self._store.read() as session:
            return nodes_at_work(session, self._clock.now())

    def _counts(self) -> QueueCounts:
        with self._store.read() as session:
            return jobs.counts(session, kind=JobKind.LABEL)
