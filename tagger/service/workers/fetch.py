"""The service's thread that fetches the wanted model's weights, again and again until they are here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tagger.core import events
from tagger.core.errors import ModelError
from tagger.inference.download import ensure_weights
from tagger.inference.selection import LocatedModel, locate_model, why_not_tensorflow
from tagger.inference.weights import weights_url
from tagger.service.state import FetchState
from tagger.service.work_window import Window
from tagger.service.workers.base import Worker
from tagger.store.library import Library

_LOG = logging.getLogger("tagger")
# From one try to the next: twice as long each time, a day at most.
_FIRST_PAUSE, _LAST_PAUSE = 60.0, 86400.0
# A person may put the file into its place at any time.
_LOOK_SECONDS = 30.0
_LOG_SHARE = 0.1
# So long labelling waits for a download.
_PATIENCE_SECONDS = 30.0


class _StopError(Exception):
    """The service stops in the middle of a download, which goes on at the next start."""


class FetchWorker(Worker):
    """Fetches the weights when the first photo needs them. `arrived` is called when they come after all."""

    def __init__(
        self, library: Library, window: Window, owner: str, changed: Callable[[], None], arrived: Callable[[], None]
    ) -> None:
        super().__init__("fetching", library, window, owner, changed)
        self._arrived = arrived
        self._wanted = threading.Event()
        self._tried = threading.Event()
        self._why = ""
        self._next_try: float | None = None
        self._share = 0.0
        self._began = 0.0

    def wait_for_first_try(self, stopping: threading.Event) -> None:
        """Have the weights fetched if they are not here; returns when they are, or when that failed or takes long."""
        self._wanted.set()
        self.wake()
        while not self._tried.is_set() and not stopping.is_set():
            self._tried.wait(0.1)

    def _work(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            self._wake.clear()
            if not self._wanted.is_set():
                self._sleep()
                continue
            located = self._located()
            if located is None or not (located.is_here or self._can_be_fetched(located)):
                # Only a person can help.
                self._why = "they cannot be used" if located is None else "they are not fetched"
                self._next_try = None
                self._tried.set()
                self._sleep(_LOOK_SECONDS)
                continue
            if located.is_here:
                if self._tried.is_set() and self._why:
                    _LOG.info(events.FETCHED(model=located.architecture.name))
                    self._arrived()
                self._why, self._next_try = "", None
                self._tried.set()
                self._sleep()
                continue
            now = self._clock.now()
            if self._next_try is None or now >= self._next_try:
                if self._fetch(located):
                    continue
                self._next_try = now + pause
                pause = min(2 * pause, _LAST_PAUSE)
            self._tried.set()
            self._sleep(_LOOK_SECONDS, max(0.0, self._next_try - now))

    def _located(self) -> LocatedModel | None:
        """The wanted model, or None where something is wrong with it that fetching does not cure."""
        try:
            return locate_model(self._settings)
        except ModelError:
            return None

    def _can_be_fetched(self, located: LocatedModel) -> bool:
        address = weights_url(self._settings, located.architecture)
        return bool(address) and self._settings.model.fetch == "auto" and why_not_tensorflow() is None

    def _fetch(self, located: LocatedModel) -> bool:
        """Try once; returns whether the weights are here."""
        self._share, self._began = 0.0, self._clock.monotonic()
        try:
            ensure_weights(self._settings, located.architecture, self._report)
        except ModelError as error:
            if error.message != self._why:
                _LOG.warning(events.NOT_FETCHED(why=str(error.message)))
            self._why = error.message
            self._changed()
            return False
        except _StopError:
            return False
        return True

    def _report(self, done: int, total: int | None) -> None:
        if self._stopping.is_set():
            raise _StopError
        if self._clock.monotonic() - self._began > _PATIENCE_SECONDS and not self._tried.is_set():
            # A slow line: photos need not wait for it.
            self._why = "they are being fetched"
            self._tried.set()
        if total and done / total >= self._share + _LOG_SHARE:
            self._share = done / total
            _LOG.info(events.FETCHING(percent=100 * self._share, megabytes=total / 1e6))

    def state(self) -> FetchState:
        """For `tagger status`."""
        return FetchState(problem=self._why, next_try_at=self._next_try)
