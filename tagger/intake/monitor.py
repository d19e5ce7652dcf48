"""The folders of the running service: watched or polled, looked through, what arrives in them settled and noted.

Everything here is for one thread, the service's loop; only `state` and `held` may be asked from others.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.core.paths import shown_path
from tagger.intake.path_changes import apply_path_changes
from tagger.intake.scan import scan_roots
from tagger.intake.settle import Settler, Stamp
from tagger.intake.walk import walk
from tagger.intake.watch import CannotWatchError, EventKind, Watch, WatchEvent, why_not_native
from tagger.store.roots import Root, all_roots
from tagger.store.session import Store

# Paths that went away are noted together, when nothing more went away for so long: a whole tree at a time.
_QUIET_SECONDS, _BURST_SECONDS = 1.0, 5.0
# A folder that is not there, a locked database: tried again after so many seconds.
_AGAIN_SECONDS = 30.0
_LOG = logging.getLogger("tagger")

Key = tuple[int, str]


@dataclass(slots=True)
class _RootState:
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


class FolderMonitor:
    """The roots of the service. `tell` is called by the watchers, from their threads, with what happened, which comes
    back by `take`; `changed` when photos may have been queued; `stop` tells whether to leave off."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        tell: Callable[[WatchEvent], None],
        changed: Callable[[], None],
        stop: Callable[[], bool],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._changed = changed
        self._stop = stop
        self._trees: dict[int, _RootState] = {}
        self._settler: Settler[Key] = Settler(settings.intake.settle_seconds)

    # --- what the loop asks for -------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """The monotonic moment at which something is due; None if nothing is."""
        times = [tree.scan_at for tree in self._trees.values() if tree.scan_at is not None]
        times += [
            min(tree.gone_last + _QUIET_SECONDS, tree.gone_first + _BURST_SECONDS)
            for tree in self._trees.values()
            if tree.gone
        ]
        check = self._settler.next_check()
        return min([*times, *([] if check is None else [check])], default=None)

    def do_due(self) -> None:
        """Note what settled and what went away, and look through what it is time for. Raises StoreError."""
        now = self._clock.monotonic()
        self._check_settled(now)
        for tree in list(self._trees.values()):
            if tree.gone and (now - tree.gone_last >= _QUIET_SECONDS or now - tree.gone_first >= _BURST_SECONDS):
                self._note(tree, [])
            if tree.scan_at is not None and tree.scan_at <= now:
                self._scan(tree)

    def on_event(self, event: WatchEvent) -> None:
        """Remember something that a watcher told."""
        tree = next((tree for tree in self._trees.values() if tree.root.path == event.root), None)
        if tree is None:
            return
        now = self._clock.monotonic()
        match event.what:
            case EventKind.FILE:
                self._settler.notice((tree.root.id, event.path), now)
            case EventKind.FOLDER:
                for file in walk(tree.root.path, self._settings.intake, lambda _: None, below=event.path):
                    self._settler.notice((tree.root.id, file.path), now)
            case EventKind.GONE:
                self._settler.forget((tree.root.id, event.path))
                tree.gone_first = now if not tree.gone else tree.gone_first
                tree.gone_last = now
                tree.gone[event.path] = None
            case EventKind.LOST:
                _LOG.warning("folder=%s events were missed (%s); looking through it", tree.root.path, event.path)
                self._watch(tree)
                tree.scan_at = now

    def add_root(self, root: Root) -> None:
        """Watch a root and look through it, also if it is known."""
        tree = self._trees.setdefault(root.id, _RootState(root))
        self._watch(tree)
        tree.scan_at = self._clock.monotonic()

    def apply_settings(self, settings: Settings) -> None:
        """Go on with other settings."""
        watching = settings.intake != self._settings.intake
        self._settings = settings
        if watching:
            self._settler = Settler(settings.intake.settle_seconds)
            for tree in self._trees.values():
                self._watch(tree)
            self.rescan()

    def rescan(self) -> None:
        """Look through every root next."""
        for tree in self._trees.values():
            tree.scan_at = self._clock.monotonic()

    def accept_missing(self) -> None:
        """Somebody confirmed that what is held is really gone."""
        for tree in self._trees.values():
            if tree.held:
                tree.accept_missing = True
                tree.scan_at = self._clock.monotonic()

    def drop_forgotten(self) -> None:
        """Leave alone the roots that are not in the library any more."""
        with self._store.read() as session:
            known = {root.id for root in all_roots(session)}
        for tree in [tree for tree in self._trees.values() if tree.root.id not in known]:
            _LOG.info("folder=%s was forgotten", tree.root.path)
            self._forget(tree)

    def close(self) -> None:
        """Watch no longer."""
        for tree in self._trees.values():
            if tree.watch is not None:
                tree.watch.close()

    def held(self) -> list[str]:
        """The roots of which nothing is taken as gone, for people."""
        return [shown_path(tree.root.path) for tree in list(self._trees.values()) if tree.held]

    def state(self) -> dict[str, Any]:
        """For `tagger status`: how many files settle, and how each root is. JSON-able; asks no database."""
        return {
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
                for tree in list(self._trees.values())
            ],
        }

    # --- what happens in them ---------------------------------------------------------------------------

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
            found = os.lstat(os.path.join(tree.root.path, key[1]))
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _note(self, tree: _RootState, settled: Sequence[str]) -> None:
        """Tell the database of paths that settled and that went away. If that fails they are noticed again."""
        gone, tree.gone = list(tree.gone), {}
        try:
            noted = apply_path_changes(self._store, self._settings, tree.root, settled, gone, self._clock)
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
        self._changed()

    def _watch(self, tree: _RootState) -> None:
        """Watch a root anew, or find out why that cannot be done; then it is looked through by the clock."""
        if tree.watch is not None:
            tree.watch.close()
            tree.watch = None
        before = tree.polling
        tree.identity = _identity(tree.root.path)
        tree.polling = why_not_native(tree.root.path, self._settings.intake.watch)
        if not tree.polling:
            try:
                tree.watch = Watch(tree.root.path, self._settings.intake, self._tell)
            except CannotWatchError as error:
                tree.polling = error.reason
        if tree.polling and tree.polling != before:
            _LOG.warning("folder=%s is polled: %s", tree.root.path, tree.polling)

    def _scan(self, tree: _RootState) -> None:
        """Look through a root. A watch that may watch another file system by now is made anew first."""
        now = self._clock.monotonic()
        tree.scan_at = now + _AGAIN_SECONDS  # if this fails
        if tree.identity != _identity(tree.root.path) or (tree.watch is not None and not len(tree.watch)):
            self._watch(tree)
        with self._store.read() as session:
            root = next((root for root in all_roots(session) if root.id == tree.root.id), None)
        if root is None:
            self._forget(tree)
            return
        tree.root = root
        result = scan_roots(
            self._store,
            self._settings,
            [root],
            self._clock,
            stop=self._stop,
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
        if tree.watch is not None and tree.identity != _identity(root.path):
            # It came back between the attempt to watch it and the look through it: nobody would tell of it.
            tree.scan_at = now + _QUIET_SECONDS
        if result.new or result.changed or result.moved or result.back or result.gone:
            _LOG.info(
                "looked through folder=%s new=%d changed=%d moved=%d back=%d gone=%d",
                *(root.path, result.new, result.changed, result.moved, result.back, result.gone),
            )
        self._changed()

    def _forget(self, tree: _RootState) -> None:
        if tree.watch is not None:
            tree.watch.close()
        del self._trees[tree.root.id]


def _identity(path: str) -> tuple[int, int] | None:
    """Which folder is there: device and inode; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
