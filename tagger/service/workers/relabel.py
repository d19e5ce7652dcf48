"""The service's thread that relabels the library after its rules were changed."""

from __future__ import annotations

import logging

from tagger.core import events
from tagger.core.progress import Callbacks
from tagger.labels.relabel_request import is_due, relabel_due
from tagger.search.catch_up import catch_up
from tagger.service.state import RelabelState
from tagger.service.workers.base import Worker

_LOG = logging.getLogger("tagger")


class RelabelWorker(Worker):
    """Relabels when it is due, by the settings that labelling works with, too."""

    progress: tuple[int, int] | None = None

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            if not is_due(self._settings.data_dir):
                self._note("")
                self._sleep()
                continue
            try:
                done = relabel_due(self._library, Callbacks(self._report, stop=self._stopping.is_set))
            finally:
                self.progress = None
            for model, reason in done.skipped.items():
                _LOG.warning(events.NOT_RELABELLED(model=str(model), why=reason))
            _LOG.info(events.RELABELLED(photos=done.done, changed=done.changed))
            catch_up(self._library, Callbacks(stop=self._stopping.is_set))
            self._changed()

    def _report(self, done: int, total: int) -> None:
        self.progress = done, total

    def state(self) -> RelabelState:
        """For `tagger status` and the web page."""
        done, total = self.progress or (0, 0)
        return RelabelState(running=self.progress is not None, done=done, total=total, problem=self.problem)
