"""The service's thread that writes keywords, where the owner asks for it: the second kind of job."""

from __future__ import annotations

import logging

from tagger.core import events
from tagger.core.photo import JobKind
from tagger.core.progress import Callbacks
from tagger.keywords.failures import told_together
from tagger.keywords.from_labels import settings_digest
from tagger.keywords.runs import write_due
from tagger.keywords.strays import unsettle_strays
from tagger.keywords.write import Written
from tagger.keywords.write_lock import write_lock
from tagger.service.state import KeywordState
from tagger.service.workers.base import Worker
from tagger.store import jobs, ledger

_LOG = logging.getLogger("tagger")


class KeywordWorker(Worker):
    """Writes what is queued, whenever it is woken. With keywords off it has nothing to do."""

    written = 0
    failed = 0
    _look_for_strays = True

    def look_for_strays(self) -> None:
        """Sidecars may be away from their photos: look for them, then wake."""
        self._look_for_strays = True
        self.wake()

    def _work(self) -> None:
        if self._settings.keywords.mode == "off":
            self._sleep()
            return
        first = True
        while not self._stopping.is_set():
            self._wake.clear()
            self._queue()
            with self._store.read() as session:
                due = jobs.next_due(
                    session, self._library.here(), self._up_to(), kind=JobKind.KEYWORDS, now=self._clock.now()
                )
            if first or (due is not None and due <= self._clock.now()):
                # What an earlier process left is settled at the start, also where nothing is queued.
                with write_lock(self._library, "run") as (owner, _):
                    self._write(owner)
                self._note("")
                first = False
                continue
            self._sleep(self._until(due), self._until_window(JobKind.KEYWORDS))

    def _queue(self) -> None:
        """Queue what is not settled: after other settings, after a photo was moved or its sidecar deleted."""
        if self._look_for_strays:
            self._look_for_strays = False
            unsettle_strays(self._library)
        with self._store.write() as session:
            queued = ledger.enqueue_unsettled(session, settings_digest(self._settings))
        if queued:
            _LOG.info(events.KEYWORDS_DUE(photos=queued))

    def _write(self, owner: str) -> None:
        before = (self.written, self.failed)
        done = Written()

        def on_progress(_done: int, _total: int) -> None:
            self.written, self.failed = before[0] + done.files, before[1] + done.failed
            self._changed()

        write_due(self._library, owner, done, Callbacks(on_progress, stop=self._stopping.is_set), self._up_to)
        if done.files or done.failed:
            told = {"files": done.files, "sidecars": done.sidecars, "bytes": done.bytes, "failed": done.failed}
            _LOG.info(events.KEYWORDS(**told, run=done.run))
            for failure in told_together(done.failures):
                _LOG.warning(events.KEYWORDS_FAILED(why=failure))

    def state(self) -> KeywordState:
        """For `tagger status` and health."""
        return KeywordState(
            mode=self._settings.keywords.mode,
            problem=self.problem,
            written=self.written,
            failed=self.failed,
        )
