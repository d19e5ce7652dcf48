"""The roots of the running service: watch or poll them, scan them, and record files once they settle.

Everything here belongs to one thread, the service's loop. Other threads may call `state` and `held` only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from tagger.core import events
from tagger.core.config import IntakeSettings, Settings
from tagger.core.errors import StoreError
from tagger.core.paths import is_object, shown_path
from tagger.core.photo import Fingerprint
from tagger.core.progress import StopCheck
from tagger.intake.gone import is_back, release_unseen
from tagger.intake.path_changes import apply_path_changes
from tagger.intake.scan import ScanCallbacks, scan_roots
from tagger.intake.settle import Settler, Stamp
from tagger.intake.walk import walk
from tagger.intake.watch import CannotWatchError, EventKind, Watch, WatchEvent, why_not_native
from tagger.store.library import Library
from tagger.store.roots import Root, all_roots
from tagger.system.filesystem import identity_of

# Paths that disappear are recorded together, so that a deleted tree is one change: after this long without another
# path, or this long after the first one. Files must settle meanwhile, because they may be what moved.
_QUIET_SECONDS, _MAX_WAIT_SECONDS = 1.0, 5.0
# While the brake holds photos of a root, it is looked after this long whether they turned up.
_RELEASE_SECONDS = 10.0
# A missing folder or a locked database is tried again after this long.
_RETRY_SECONDS = 30.0
# What no event tells (something mounted, a link that leads elsewhere) is looked for this often.
_LOOK_SECONDS = 10.0
_LOG = logging.getLogger("tagger")

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class FolderState:
    """How a root is, for people: how changes are noticed, and since when it is scanned (seconds since the epoch).

    `watches`: of the kernel. `polled`: folders in it of which the kernel does not tell, with the reasons.
    `held`: why no photo is marked as gone; empty where none is held back.
    """

    path: str
    watching: Literal["native", "polling"]
    why_polling: str
    watches: int
    held: str
    scanned_at: float | None
    polled: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _RootState:
    """The state of one root. `held`: why no photo is marked as gone; `polling`: why the root is not watched.

    `by_link`: a link leads to it, and no event tells where links lead. `away`: folders below it whose disks are away.
    `release_at`: when to look whether what is held has turned up. `gone`: paths that disappeared, and when. Times are
    monotonic seconds.
    """

    root: Root
    watch: Watch | None = None
    polling: str = ""
    held: str = ""
    braked: bool = False
    identity: tuple[int, int] | None = None
    by_link: bool = False
    scan_at: float | None = None
    accept_missing: bool = False
    scanned_at: float | None = None
    away: list[str] = field(default_factory=list)
    release_at: float | None = None
    look_at: float | None = None
    gone: dict[str, float] = field(default_factory=dict)
    not_pictures: dict[str, Fingerprint] = field(default_factory=dict)


class FolderMonitor:
    """Watches, polls and scans the roots of the service.

    The watchers call `post` from their own threads; the service's loop must pass each event to `on_event`. `on_queued`
    is called when photos may have been queued. `stop` ends a scan early.
    """

    def __init__(
        self, library: Library, post: Callable[[WatchEvent], None], on_queued: Callable[[], None], stop: StopCheck
    ) -> None:
        self._library = library
        self._store = library.store
        self._clock = library.clock
        self._post = post
        self._on_queued = on_queued
        self._stop = stop
        self._roots: dict[int, _RootState] = {}
        self._settler: Settler[Key] = Settler(self._intake.settle_seconds)

    @property
    def _intake(self) -> IntakeSettings:
        return self._library.settings.intake

    # --- called by the service's loop -------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When to call `do_due` next, in monotonic seconds; None if nothing is due."""
        times = [state.scan_at for state in self._roots.values() if state.scan_at is not None]
        times += [state.look_at for state in self._roots.values() if state.look_at is not None]
        times += [state.release_at for state in self._roots.values() if state.release_at is not None]
        times += [self._gone_due(state) for state in self._roots.values() if state.gone]
        check = self._settler.next_check()
        return min([*times, *([] if check is None else [check])], default=None)

    def do_due(self) -> None:
        """Record settled and deleted files, and scan the roots that are due. Raises StoreError."""
        now = self._clock.monotonic()
        self._check_settled(now)
        for state in list(self._roots.values()):
            if state.gone and self._gone_due(state) <= now:
                self._note(state, [], list(state.gone))
            if state.look_at is not None and state.look_at <= now:
                self._look(state)
            if state.release_at is not None and state.release_at <= now:
                self._release(state)
            if state.scan_at is not None and state.scan_at <= now:
                self._scan(state)

    def on_event(self, event: WatchEvent) -> None:
        """Handle an event of a watcher."""
        state = next((state for state in self._roots.values() if state.root.path == event.root), None)
        if state is None:
            return
        now = self._clock.monotonic()
        match event.what:
            case EventKind.FILE:
                self._settler.notice((state.root.id, event.path), now)
                self._poll_later(state)
            case EventKind.FOLDER:
                for file in walk(state.root.path, self._intake, lambda _: None, below=event.path):
                    self._settler.notice((state.root.id, file.path), now)
                self._poll_later(state)
            case EventKind.GONE:
                self._settler.forget((state.root.id, event.path))
                state.gone[event.path] = now
            case EventKind.LOST:
                _LOG.warning(events.LOOKED_AGAIN(folder=state.root.path, why=event.path))
                self._watch(state)
                state.scan_at = now

    def add_root(self, root: Root) -> None:
        """Watch a root and schedule a scan; repeats both for a root added before."""
        state = self._roots.setdefault(root.id, _RootState(root))
        self._watch(state)
        state.scan_at = self._clock.monotonic()

    def drop_root(self, root: Root) -> None:
        """Stop watching a root."""
        if root.id in self._roots:
            self._forget(self._roots[root.id])

    def apply_settings(self, settings: Settings) -> None:
        """Replace the settings. If those of intake changed, watch and scan every root again."""
        changed = settings.intake != self._intake
        self._library = replace(self._library, settings=settings)
        if changed:
            self._settler = Settler(settings.intake.settle_seconds)
            for state in self._roots.values():
                self._watch(state)
            self.rescan()

    def rescan(self) -> None:
        """Schedule a scan of every root."""
        for state in self._roots.values():
            state.scan_at = self._clock.monotonic()

    def accept_missing(self) -> None:
        """Mark the missing photos of held roots as gone after all, because a person confirmed it."""
        for state in self._roots.values():
            if state.held:
                state.accept_missing = True
                state.scan_at = self._clock.monotonic()

    def drop_forgotten(self) -> None:
        """Stop watching roots that were removed from the library."""
        with self._store.read() as session:
            known = {root.id for root in all_roots(session)}
        for state in [state for state in self._roots.values() if state.root.id not in known]:
            _LOG.info(events.FORGOTTEN(folder=state.root.path))
            self._forget(state)

    def close(self) -> None:
        """Stop watching."""
        for state in self._roots.values():
            if state.watch is not None:
                state.watch.close()

    def held(self) -> list[str]:
        """Roots where no photo is marked as gone, for people."""
        return [shown_path(state.root.path) for state in list(self._roots.values()) if state.held]

    def states(self) -> list[FolderState]:
        """The state of each root, for people. Does not use the database."""
        return [
            FolderState(
                path=shown_path(state.root.path),
                watching="polling" if state.watch is None else "native",
                why_polling=state.polling,
                watches=0 if state.watch is None else len(state.watch),
                polled={} if state.watch is None else _shown(state.watch.polled),
                held=state.held,
                scanned_at=state.scanned_at,
            )
            for state in list(self._roots.values())
        ]

    @property
    def settling(self) -> int:
        """The number of files that have not settled yet."""
        return len(self._settler)

    # --- one root at a time -----------------------------------------------------------------------------

    def _check_settled(self, now: float) -> None:
        settled, gone = self._settler.check(now, self._stamp)
        for root_id in {root_id for root_id, _ in (*settled, *gone)}:
            state = self._roots.get(root_id)
            if state is not None:
                lost = [path for number, path in gone if number == root_id]
                # What disappeared later may be what has not settled yet.
                lost += [path for path, when in state.gone.items() if now - when >= self._intake.settle_seconds]
                self._note(state, [path for number, path in settled if number == root_id], lost)

    def _stamp(self, key: Key) -> Stamp | None:
        state = self._roots.get(key[0])
        if state is None:
            return None
        try:
            where = os.path.join(state.root.path, key[1])
            # A link settles when the file behind it stands still; one that leads nowhere is told as such.
            found = os.stat(where) if self._intake.follow_symlinks and os.path.exists(where) else os.lstat(where)
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _gone_due(self, state: _RootState) -> float:
        """When to record the paths that disappeared."""
        times = state.gone.values()
        return min(max(times) + _QUIET_SECONDS, min(times) + _MAX_WAIT_SECONDS) + self._intake.settle_seconds

    def _note(self, state: _RootState, settled: Sequence[str], gone: Sequence[str]) -> None:
        """Record settled and deleted paths. If the database fails, keep them for the next attempt."""
        for path in gone:
            state.gone.pop(path, None)
        try:
            noted = apply_path_changes(self._library, state.root, settled, gone)
        except StoreError:
            again = self._clock.monotonic()
            for path in settled:
                self._settler.notice((state.root.id, path), again)
            # Not immediately: the disk is full, or another process holds the database.
            state.gone |= dict.fromkeys(gone, again + _MAX_WAIT_SECONDS)
            raise
        if noted.held and not state.held:
            state.scan_at = self._clock.monotonic()
        if noted.moved and state.braked:
            state.release_at = self._clock.monotonic()
        for problem in noted.problems:
            _LOG.warning(events.UNREADABLE(folder=state.root.path, why=str(problem)))
        if noted:
            changes = {"new": noted.new, "changed": noted.changed, "moved": noted.moved, "back": noted.back}
            _LOG.info(events.NOTICED(folder=state.root.path, **changes, gone=noted.gone))
        self._on_queued()

    def _release(self, state: _RootState) -> None:
        """Look whether the photos that are held have turned up, or their disks."""
        state.release_at = self._clock.monotonic() + _RELEASE_SECONDS
        if any(is_back(os.path.join(state.root.path, folder)) for folder in state.away):
            state.scan_at = self._clock.monotonic()
        if not state.braked:
            return
        resolved = release_unseen(self._library, state.root)
        if resolved.held:
            state.held = resolved.held
        elif not state.away:
            _LOG.info(events.RELEASED(folder=state.root.path, gone=resolved.gone))
            state.held, state.braked, state.release_at = "", False, None
        else:
            state.scan_at = self._clock.monotonic()

    def _watch(self, state: _RootState) -> None:
        """(Re)start the watch of a root. If it cannot be watched, record why; the root is polled instead."""
        if state.watch is not None:
            state.watch.close()
            state.watch = None
        state.look_at = None
        if is_object(state.root.path):
            state.polling = "object storage does not tell of changes, so it is looked through by service.rescan only"
            return
        before = state.polling
        state.identity = identity_of(state.root.path)
        state.by_link = os.path.realpath(state.root.path) != state.root.path
        state.polling = why_not_native(state.root.path, self._intake.watch) if self._intake.watch == "polling" else ""
        if not state.polling:
            try:
                state.watch = Watch(state.root.path, self._intake, self._post)
            except CannotWatchError as error:
                state.polling = error.reason
        if state.watch is not None and not len(state.watch):
            state.polling = state.watch.polled.get("", "it is not there")
            state.watch.close()
            state.watch = None
        if state.watch is not None:
            state.look_at = self._clock.monotonic() + _LOOK_SECONDS
        if state.polling and state.polling != before and state.identity is not None:
            _LOG.warning(events.POLLED(folder=state.root.path, why=state.polling))

    def _poll_later(self, state: _RootState) -> None:
        """Schedule a scan for what the kernel does not tell of."""
        # Listing object storage costs money.
        if is_object(state.root.path):
            return
        if state.scan_at is None and (state.polling or (state.watch is not None and state.watch.polled)):
            state.scan_at = self._clock.monotonic() + self._intake.poll_seconds

    def _retried(self, state: _RootState) -> bool:
        """Watch what could not be watched before. False if the whole watch must be set again."""
        try:
            if state.watch is not None:
                state.watch.retry()
        except CannotWatchError:
            return False
        return state.watch is None or len(state.watch) > 0

    def _look(self, state: _RootState) -> None:
        """Notice what no event tells: mounts, a root that is a link and leads elsewhere."""
        state.look_at = self._clock.monotonic() + _LOOK_SECONDS
        why = "" if state.watch is None else state.watch.outdated()
        if state.by_link and state.identity != identity_of(state.root.path):
            why = "another folder is there now"
        if why:
            _LOG.warning(events.LOOKED_AGAIN(folder=state.root.path, why=why))
            self._watch(state)
            state.scan_at = self._clock.monotonic()

    def _scan(self, state: _RootState) -> None:
        """Scan a root. First restart its watch if another file system may have been mounted there."""
        now = self._clock.monotonic()
        state.scan_at = now + _RETRY_SECONDS  # in case this fails
        if state.identity != identity_of(state.root.path) or not self._retried(state):
            self._watch(state)
        with self._store.read() as session:
            root = next((root for root in all_roots(session) if root.id == state.root.id), None)
        if root is None:
            self._forget(state)
            return
        state.root = root
        result = scan_roots(
            self._library,
            [root],
            ScanCallbacks(
                on_unsettled=lambda root, path: self._settler.notice((root.id, path), self._clock.monotonic()),
                stop=self._stop,
                not_pictures=state.not_pictures,
            ),
            accept_missing=state.accept_missing,
        )
        state.accept_missing = False
        held = result.held_back.get(root.path, "")
        if held and held != state.held:
            _LOG.warning(events.HELD(folder=root.path, why=held))
        elif state.held and not held:
            _LOG.info(events.RELEASED(folder=root.path, gone=result.gone))
        state.held = held
        state.braked = root.path in result.braked
        state.away = result.away.get(root.path, [])
        state.release_at = now + _RELEASE_SECONDS if state.braked or state.away else None
        state.scanned_at = self._clock.now()
        state.scan_at = None
        if held and state.release_at is None:
            # It is missing and may be mounted at any moment, without an event.
            state.scan_at = now + min(_RETRY_SECONDS, self._intake.poll_seconds)
        else:
            self._poll_later(state)
        if state.identity != identity_of(root.path):
            # It was mounted between the attempt to watch it and the scan, so there is no watch on it yet.
            state.scan_at = now + _QUIET_SECONDS
        if result.new or result.changed or result.moved or result.back or result.gone:
            changes = {"new": result.new, "changed": result.changed, "moved": result.moved, "back": result.back}
            _LOG.info(events.LOOKED_THROUGH(folder=root.path, **changes, gone=result.gone))
        self._on_queued()

    def _forget(self, state: _RootState) -> None:
        if state.watch is not None:
            state.watch.close()
        del self._roots[state.root.id]


def _shown(polled: dict[str, str]) -> dict[str, str]:
    return {shown_path(path or "."): why for path, why in sorted(polled.items())}
