"""Heartbeats: renewing the leases of claimed jobs while they are in work, however long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import TypeVar

from tagger.store import jobs
from tagger.store.library import Library

# Two heartbeats may fail (a locked database) before a lease expires.
RENEW_SECONDS = jobs.LEASE_SECONDS / 3
_TICK = 1.0

T = TypeVar("T")


class Heartbeat:
    """Renews the leases of one owner's jobs. For one thread; create it when the jobs are claimed."""

    def __init__(self, library: Library, owner: str) -> None:
        self._library = library
        self._owner = owner
        self._renewed = library.clock.now()

    def beat(self, job_ids: Sequence[int]) -> None:
        """Renew the leases of jobs if it is time to. Call this often. Raises StoreError."""
        now = self._library.clock.now()
        # A clock that was set back must not stop the heartbeat.
        if 0 <= now - self._renewed < RENEW_SECONDS:
            return
        if job_ids:
            with self._library.store.write() as session:
                jobs.renew_leases(session, job_ids, self._owner, now)
        self._renewed = now

    def wait(self, future: Future[T], job_ids: Sequence[int]) -> T:
        """Wait for a future, renewing the leases of jobs meanwhile; its result."""
        while not wait([future], timeout=_TICK).done:
            self.beat(job_ids)
        return future.result()
