"""The service's thread that reads headers and sidecars of labelled photos, when nothing else is due."""

from __future__ import annotations

import logging

from tagger.core import events
from tagger.core.photo import JobKind
from tagger.imaging.metadata import places
from tagger.pipeline.header_fields import read_headers_due
from tagger.service.workers.base import Worker
from tagger.store import jobs

_LOG = logging.getLogger("tagger")


class HeaderWorker(Worker):
    """Reads what is due, whenever it is woken. New photos come first, and the archive's hours are kept."""

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            if not self._is_busy():
                done = read_headers_due(self._library, lambda: self._stopping.is_set() or self._is_busy())
                # An idle service is small.
                places.forget()
                if done:
                    _LOG.info(events.HEADERS_READ(photos=done))
                    self._changed()
                self._note("")
            # Whatever was labelled wakes it, so that an idle service looks at nothing.
            self._sleep(self._until_open())

    def _is_busy(self) -> bool:
        """Whether photos are to be labelled now, or this is not the hour for old ones."""
        now = self._clock.now()
        if not self._window.is_open(now):
            return True
        with self._store.read() as session:
            due = jobs.next_due(session, self._library.here(), self._up_to(), kind=JobKind.LABEL, now=now)
        return due is not None and due <= now

    def _until_open(self) -> float | None:
        """Seconds until the window opens; None if it is open, or never does."""
        now = self._clock.now()
        change = None if self._window.is_open(now) else self._window.next_change(now)
        return None if change is None else change - now + 0.01
