"""`tagger run`: watches the folders, queues what settles, labels it, and reminds itself of the rest by the clock.

One thread, this module's loop, decides everything: it takes messages from an inbox (the watchers, the scheduler,
signals and other processes only leave messages there) and does one thing after another. Labelling runs beside it in
`tagger.labelling`, and the database is between them.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

from tagger import control, health
from tagger.arrivals import note_paths
from tagger.clock import Clock, SystemClock
from tagger.config import Settings
from tagger.errors import StoreError, TaggerError, UsageError
from tagger.intake.discover import walk
from tagger.intake.settle import Settler, Stamp
from tagger.intake.watch import CannotWatchError, Happening, Watch, What, why_not_native
from tagger.keywording import KeywordWriting
from tagger.labelling import Labelling
from tagger.photo import shown_path
from tagger.scan import resolve_roots, scan_roots
from tagger.schedule import Scheduler, Window, local_zone
from tagger.store import jobs, library
from tagger.store.library import Root
from tagger.store.lock import work_lock, worker_name
from tagger.store.session import open_store
from tagger.upkeep import tidy

# Paths that went away are noted together, when nothing more went away for so long: a whole tree at a time.
_QUIET_SECONDS, _BURST_SECONDS = 1.0, 5.0
# A folder that is not there, a locked database: tried again after so many seconds.
_AGAIN_SECONDS = 30.0
_LOG = logging.getLogger("tagger")

Key = tuple[int, str]


@dataclass(slots=True)
class _Tree:
    """What the service knows of one root. `held`: why nothing is taken as gone; `polling`: why it is not watched."""

    root: Root
    watch: Watch | None = None
    polling: str = ""
    held: str = ""
    identity: tuple[int, int] | None = None
    scan_at: float | None = None
    accept_missing: bool = False
    scanned_at: float | None = None
    gone: dict[str, None] = field(default_factory=dict)
    gone_first: float = 0.0
    gone_last: float = 0.0


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
        self._inbox: queue.SimpleQueue[Happening | _Do] = queue.SimpleQueue()
        self._trees: dict[int, _Tree] = {}
        self._settler: Settler[Key] = Settler(self._settings.intake.settle_seconds)
        self._stopping = False
        self._problem = ""
        self._zone = local_zone()
        self._scheduler = Scheduler(self._zone)
        self._window = Window(self._settings.service.work_window, self._zone)
        self._started = self._clock.now()

    # --- from start to stop -----------------------------------------------------------------------------

    def run(self, folders: Sequence[str]) -> bool:
        """Work until SIGTERM or Ctrl-C. Returns whether the batches in hand could be finished in time."""
        settings = self._settings
        self._set_schedule(settings)
        with open_store(settings, create=True) as store, work_lock(settings.data_dir, "run"):
            self._store = store
            self._owner = worker_name(settings.data_dir)
            with store.write() as session:
                jobs.take_back(session, self._owner)
            resolve_roots(store, folders, self._clock)
            with store.read() as session:
                roots = library.roots(session)
            if not roots:
                raise UsageError("The library has no folders yet.", "Name one: tagger run ~/Photos")
            self._new_threads()
            listener = control.Listener(settings.data_dir, self._answer)
            web = health.serve(settings.service.health, self._state_with_jobs) if settings.service.health else None
            for kind in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(kind, self._on_signal)
            try:
                self._start_threads()
                for root in roots:
                    self._begin(root)
                self._scheduler.start()
                _notify("READY=1")
                _LOG.info("ready folders=%d", len(roots))
                self._loop()
                return self._end()
            finally:
                self._scheduler.stop()
                listener.close()
                if web is not None:
                    web.close()
                for tree in self._trees.values():
                    if tree.watch is not None:
                        tree.watch.close()

    def _end(self) -> bool:
        _notify("STOPPING=1")
        _LOG.info("stopping after the photos in hand")
        finished = self._stop_threads()
        if not finished:
            _LOG.warning("the photos in hand took too long; the next start goes on with them")
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

    def _new_threads(self) -> None:
        parts = (self._store, self._settings, self._window, self._owner, self._clock)
        self._labelling = Labelling(*parts, self._labelled)
        self._keywords = KeywordWriting("keywords", *parts, self._told)

    def _start_threads(self) -> None:
        self._labelling.start()
        self._keywords.start()

    def _stop_threads(self) -> bool:
        # Both finish at the same time: the second was told when the first began to.
        self._keywords.stop(0)
        return self._labelling.stop(self._settings.service.stop_seconds) and self._keywords.stop(
            self._settings.service.stop_seconds
        )

    def _labelled(self) -> None:
        self._told()
        # What was labelled may have keywords to be written.
        self._keywords.wake()

    def _told(self) -> None:
        _notify(f"STATUS={self._line()}")

    def _set_schedule(self, settings: Settings) -> None:
        reminders = {"rescan": (settings.service.rescan, self._rescan), "upkeep": (settings.service.upkeep, self._tidy)}
        for name, (text, what) in reminders.items():
            self._scheduler.set(name, text, f"service.{name}", partial(self._inbox.put, _Do(what)))

    def _reload(self) -> None:
        try:
            settings = self._load()
            window = Window(settings.service.work_window, self._zone)
            self._set_schedule(settings)
        except TaggerError as error:
            _LOG.error("the new settings are refused, going on with the old ones: %s", error)
            return
        watching = settings.intake != self._settings.intake
        while not self._stop_threads() and not self._stopping:
            _LOG.warning("the new settings wait for the photos in hand")
        self._settings, self._window = settings, window
        self._new_threads()
        self._start_threads()
        if watching:
            self._settler = Settler(settings.intake.settle_seconds)
            for tree in self._trees.values():
                self._watch(tree)
                tree.scan_at = self._clock.monotonic()
        _LOG.info("settings reloaded")

    # --- the loop ---------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while not self._stopping:
            self._step(self._wait())

    def _wait(self) -> float | None:
        """Seconds until something is due without a message; None if nothing is."""
        now = self._clock.monotonic()
        times = [tree.scan_at for tree in self._trees.values() if tree.scan_at is not None]
        times += [
            min(tree.gone_last + _QUIET_SECONDS, tree.gone_first + _BURST_SECONDS)
            for tree in self._trees.values()
            if tree.gone
        ]
        check = self._settler.next_check()
        if check is not None:
            times.append(check)
        beat = _watchdog_seconds()
        if beat is not None:
            times.append(now + beat)
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
        _notify("WATCHDOG=1")
        self._say(self._guarded(self._do_due) or problem)

    def _guarded(self, what: Callable[[], None]) -> str:
        """Do something; what went wrong, or an empty text. A fault in one folder must not end the service."""
        try:
            what()
        except StoreError as error:
            return error.message
        except Exception as error:  # noqa: BLE001 - it is logged and told
            _LOG.exception("noticing failed")
            return f"{type(error).__name__}: {error}"
        return ""

    def _do_due(self) -> None:
        now = self._clock.monotonic()
        self._check_settled(now)
        for tree in list(self._trees.values()):
            if tree.gone and (now - tree.gone_last >= _QUIET_SECONDS or now - tree.gone_first >= _BURST_SECONDS):
                self._note(tree, [])
            if tree.scan_at is not None and tree.scan_at <= now:
                self._scan(tree)

    def _take(self, message: Happening | _Do) -> None:
        if isinstance(message, _Do):
            message.what()
            return
        tree = next((tree for tree in self._trees.values() if tree.root.path == message.root), None)
        if tree is None:
            return
        now = self._clock.monotonic()
        match message.what:
            case What.FILE:
                self._settler.notice((tree.root.id, message.path), now)
            case What.FOLDER:
                for file in walk(tree.root.path, self._settings.intake, lambda _: None, below=message.path):
                    self._settler.notice((tree.root.id, file.path), now)
            case What.GONE:
                self._settler.forget((tree.root.id, message.path))
                tree.gone_first = now if not tree.gone else tree.gone_first
                tree.gone_last = now
                tree.gone[message.path] = None
            case What.LOST:
                _LOG.warning("folder=%s events were missed (%s); looking through it", tree.root.path, message.path)
                self._watch(tree)
                tree.scan_at = now

    def _check_settled(self, now: float) -> None:
        settled, gone = self._settler.check(now, self._stamp)
        for root_id in {root_id for root_id, _ in (*settled, *gone)}:
            tree = self._trees.get(root_id)
            if tree is not None:
                for key in gone:
                    if key[0] == root_id:
                        tree.gone[key[1]] = None
                self._note(tree, [path for number, path in settled if number == root_id])

    def _stamp(self, key: Key) -> Stamp | None:
        tree = self._trees.get(key[0])
        if tree is None:
            return None
        try:
            found = os.lstat(os.path.join(tree.root.path, key[1]))  # noqa: PTH118 - str with surrogates
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _note(self, tree: _Tree, settled: Sequence[str]) -> None:
        """Tell the database of paths that settled and that went away. If that fails they are noticed again."""
        gone, tree.gone = list(tree.gone), {}
        try:
            noted = note_paths(self._store, self._settings, tree.root, settled, gone, self._clock)
        except StoreError:
            again = self._clock.monotonic()
            for path in settled:
                self._settler.notice((tree.root.id, path), again)
            tree.gone |= dict.fromkeys(gone)
            # Not at once: the disk is full, or somebody holds the database.
            tree.gone_first = tree.gone_last = again + _BURST_SECONDS
            raise
        if noted.held:
            tree.scan_at = self._clock.monotonic()
        for problem in noted.problems:
            _LOG.warning("cannot be looked at: folder=%s %s", tree.root.path, problem)
        if noted:
            _LOG.info(
                "noticed folder=%s new=%d changed=%d moved=%d back=%d gone=%d",
                *(tree.root.path, noted.new, noted.changed, noted.moved, noted.back, noted.gone),
            )
        self._labelling.wake()

    # --- roots ------------------------------------------------------------------------------------------

    def _begin(self, root: Root) -> None:
        tree = self._trees.setdefault(root.id, _Tree(root))
        self._watch(tree)
        tree.scan_at = self._clock.monotonic()

    def _watch(self, tree: _Tree) -> None:
        """Watch a root anew, or find out why that cannot be done; then it is looked through by the clock."""
        if tree.watch is not None:
            tree.watch.close()
            tree.watch = None
        before = tree.polling
        tree.identity = _identity(tree.root.path)
        tree.polling = why_not_native(tree.root.path, self._settings.intake.watch)
        if not tree.polling:
            try:
                tree.watch = Watch(tree.root.path, self._settings.intake, self._inbox.put)
            except CannotWatchError as error:
                tree.polling = error.reason
        if tree.polling and tree.polling != before:
            _LOG.warning("folder=%s is polled: %s", tree.root.path, tree.polling)

    def _scan(self, tree: _Tree) -> None:
        """Look through a root. A watch that may watch another file system by now is made anew first."""
        now = self._clock.monotonic()
        tree.scan_at = now + _AGAIN_SECONDS  # if this fails
        if tree.identity != _identity(tree.root.path) or (tree.watch is not None and not len(tree.watch)):
            self._watch(tree)
        with self._store.read() as session:
            root = next((root for root in library.roots(session) if root.id == tree.root.id), None)
        if root is None:
            self._forget(tree)
            return
        tree.root = root
        result = scan_roots(
            self._store,
            self._settings,
            [root],
            self._clock,
            stop=lambda: self._stopping,
            accept_missing=tree.accept_missing,
            unsettled=lambda root, path: self._settler.notice((root.id, path), self._clock.monotonic()),
        )
        tree.accept_missing = False
        held = result.held_back.get(root.path, "")
        if held and held != tree.held:
            _LOG.warning("folder=%s is left alone: %s", root.path, held)
        elif tree.held and not held:
            _LOG.info("folder=%s is as it was again", root.path)
        tree.held = held
        tree.scanned_at = self._clock.now()
        tree.scan_at = None
        if held and root.path not in result.braked:
            # It is not there: it may come back at any moment, and nobody tells.
            tree.scan_at = now + min(_AGAIN_SECONDS, self._settings.intake.poll_seconds)
        elif tree.polling:
            tree.scan_at = now + self._settings.intake.poll_seconds
        if result.new or result.changed or result.moved or result.back or result.gone:
            _LOG.info(
                "looked through folder=%s new=%d changed=%d moved=%d back=%d gone=%d",
                *(root.path, result.new, result.changed, result.moved, result.back, result.gone),
            )
        self._labelling.wake()

    def _forget(self, tree: _Tree) -> None:
        if tree.watch is not None:
            tree.watch.close()
        del self._trees[tree.root.id]

    def _rescan(self) -> None:
        for tree in self._trees.values():
            tree.scan_at = self._clock.monotonic()
        self._labelling.wake()

    def _tidy(self) -> None:
        try:
            done = tidy(self._store, self._settings, self._labelling.model, self._clock)
        except StoreError as error:
            _LOG.warning("upkeep: %s", error)
            return
        _LOG.info(
            "upkeep dropped_photos=%d dropped_features=%d backup=%s",
            *(done.dropped_photos, done.dropped_features, done.backup),
        )

    # --- telling others ---------------------------------------------------------------------------------

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """What other processes ask; called from the listener's thread, so it only leaves messages."""
        match question.get("ask"):
            case "status":
                return self.state()
            case "scan":
                roots = resolve_roots(self._store, question.get("folders", ()), self._clock)
                for root in roots:
                    self._inbox.put(_Do(partial(self._begin, root)))
                return {"folders": [shown_path(root.path) for root in roots]}
            case "accept missing":
                self._inbox.put(_Do(self._accept_missing))
                return {"folders": [shown_path(tree.root.path) for tree in self._trees.values() if tree.held]}
            case "reload":
                self._inbox.put(_Do(self._reload))
                return {}
            case "wake":
                # Photos or keywords were queued, or folders forgotten.
                self._inbox.put(_Do(self._look_up))
                return {}
        raise UsageError(f"The service does not know {question!r}; it may be of another version.")

    def _look_up(self) -> None:
        with self._store.read() as session:
            known = {root.id for root in library.roots(session)}
        for tree in [tree for tree in self._trees.values() if tree.root.id not in known]:
            _LOG.info("folder=%s was forgotten", tree.root.path)
            self._forget(tree)
        self._labelling.wake()
        self._keywords.wake()

    def _accept_missing(self) -> None:
        for tree in self._trees.values():
            if tree.held:
                tree.accept_missing = True
                tree.scan_at = self._clock.monotonic()

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            if problem:
                _LOG.warning("waiting: %s", problem)
            self._problem = problem

    def _line(self) -> str:
        return (
            self._problem or self._labelling.problem or f"{self._labelling.labelled:,} photos labelled since the start"
        )

    def state(self) -> dict[str, Any]:
        """What `tagger status`, /healthz and /metrics tell of the running service. JSON-able; asks no database."""
        now = self._clock.now()
        trees = list(self._trees.values())
        return {
            "pid": os.getpid(),
            "started_at": int(self._started),
            "problems": [text for text in (self._problem, self._labelling.problem, self._keywords.problem) if text],
            "settling": len(self._settler),
            "folders": [
                {
                    "path": shown_path(tree.root.path),
                    "watching": "polling" if tree.watch is None else "native",
                    "why_polling": tree.polling,
                    "watches": 0 if tree.watch is None else len(tree.watch),
                    "held": tree.held,
                    "scanned_at": tree.scanned_at,
                }
                for tree in trees
            ],
            "labelling": self._labelling.state(),
            "keywords": self._keywords.state(),
            "work_window": self._settings.service.work_window,
            "window_changes_at": self._window.next_change(now),
            "next": self._scheduler.next_times(),
        }

    def _state_with_jobs(self) -> dict[str, Any]:
        with self._store.read() as session:
            counts = jobs.counts(session)
        return self.state() | {"jobs": {"queued": counts.queued, "leased": counts.leased, "failed": counts.failed}}


def _identity(path: str) -> tuple[int, int] | None:
    """Which folder is there: device and inode; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - str with surrogates
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _watchdog_seconds() -> float | None:
    """How often systemd wants a sign of life, halved (sd_watchdog_enabled(3)); None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdigit() and os.environ.get("NOTIFY_SOCKET") else None


def _notify(text: str) -> None:
    """Tell systemd (sd_notify(3)): a datagram to $NOTIFY_SOCKET; nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        _LOG.debug("sd_notify: %s", error)
