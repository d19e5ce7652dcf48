"""The roots of one service, where several share a library in PostgreSQL: each is watched by one of them at a time.

A service that is told to watch what another one watches stands by, and takes over when that ends, however it ends. All
that needs the files of a root (scans, labels, headers, keywords, and what is taken as gone) is done by the service that
watches it. What concerns the whole library is done by whichever has the duty of the scheduler.
"""

from __future__ import annotations

import logging

from tagger.core import events
from tagger.core.clock import Clock
from tagger.core.paths import shown_path
from tagger.intake.monitor import FolderMonitor
from tagger.store.duties import Duties, is_shared
from tagger.store.roots import Root, all_roots
from tagger.store.session import Store

# Services look this often whether another one ended.
_LOOK_SECONDS = 15.0
_SCHEDULER = "scheduler"
_LOG = logging.getLogger("tagger")


class OwnRoots:
    """What this service watches. For the service's loop; other threads may call `here` and `standing_by`.

    `is_scheduler`: whether the upkeep of the library is this service's. `look_at`: when to call `look`, in monotonic
    seconds; None: never, because no other service can be.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._shared = is_shared(store)
        self._duties = Duties(store)
        self._wanted: dict[int, Root] = {}
        self._watched: frozenset[int] = frozenset()
        self.is_scheduler = not self._shared
        self.look_at = clock.monotonic() if self._shared else None

    def here(self) -> tuple[int, ...] | None:
        """The roots that this service watches; None for all of the library."""
        return tuple(sorted(self._watched)) if self._shared else None

    def standing_by(self) -> list[str]:
        """The roots that another service watches, for people."""
        if not self._shared:
            return []
        return [shown_path(root.path) for root in list(self._wanted.values()) if root.id not in self._watched]

    def wanted(self) -> list[Root] | None:
        """The roots that this service was told to watch; None: whatever the library has."""
        return list(self._wanted.values()) if self._shared else None

    def want(self, root: Root, monitor: FolderMonitor) -> None:
        """Watch a root, or stand by; one that is watched already is scanned again."""
        known = root.id in self._wanted
        self._wanted[root.id] = root
        if self._duties.hold(_watching(root)):
            self._watched |= {root.id}
            monitor.add_root(root)
        elif not known:
            _LOG.warning(events.STANDS_BY(folder=root.path))

    def look(self, monitor: FolderMonitor) -> None:
        """Take over what nobody watches any longer, and leave what another service watches now. Raises StoreError."""
        if not self._shared:
            return
        self.look_at = self._clock.monotonic() + _LOOK_SECONDS
        self.is_scheduler = self._duties.hold(_SCHEDULER)
        with self._store.read() as session:
            known = {root.id for root in all_roots(session)}
        self._wanted = {number: root for number, root in self._wanted.items() if number in known}
        for root in self._wanted.values():
            mine = self._duties.hold(_watching(root))
            if mine and root.id not in self._watched:
                _LOG.info(events.TAKEN_OVER(folder=root.path))
                self._watched |= {root.id}
                monitor.add_root(root)
            elif not mine and root.id in self._watched:
                # The server was restarted, and another service was quicker.
                _LOG.warning(events.STANDS_BY(folder=root.path))
                self._watched -= {root.id}
                monitor.drop_root(root)
        if not self._watched <= known:
            self._watched &= known
            monitor.drop_forgotten()

    def close(self) -> None:
        """Leave all to others."""
        self._duties.close()


def _watching(root: Root) -> str:
    return f"watching root {root.id}"
