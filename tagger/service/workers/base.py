"""A thread of the service for one kind of work. It waits, backs off when something is wrong, and says what."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from tagger.core import events
from tagger.core.errors import ModelError, TaggerError
from tagger.core.photo import JobKind
from tagger.service.work_window import Window
from tagger.store import jobs
from tagger.store.library import Library

_FIRST_WAIT, _LAST_WAIT = 5.0, 60.0
# How long to wait before asking for weights again that could not be had.
_MODEL_WAIT = 900.0
_LOG = logging.getLogger("tagger")


class Worker(ABC):
    """Runs `_work` in a thread of its own from `start` to `stop`. `wake` it when something was queued.

    `owner`: of the leases. `changed`: called when there is news for people. `problem`: what it waits for; empty when
    all is well.
    """

    def __init__(
        self,
        name: str,
        library: Library,
        window: Window,
        owner: str,
        changed: Callable[[], None],
    ) -> None:
        self._name = name
        self._library = library
        self._store = library.store
        self._settings = library.settings
        self._clock = library.clock
        self._window = window
        self._owner = owner
        self._changed = changed
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.problem = ""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Something was queued, or a problem may be over."""
        self._wake.set()

    def stop(self, seconds: float) -> bool:
        """Finish the batch in work and end; False if that took longer than `seconds`."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @abstractmethod
    def _work(self) -> None:
        """Work until told to stop. Raises TaggerError when something is wrong that may be cured."""

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._work()
                wait = _FIRST_WAIT
            except TaggerError as error:
                self._note(error.message, str(error))
                # A locked database or a full disk may be over at any moment; weights are put there by a person.
                pause = _MODEL_WAIT if isinstance(error, ModelError) else wait
                wait = min(2 * wait, _LAST_WAIT)
                self._sleep(pause)
            except Exception as error:  # noqa: BLE001 - the service must live; the fault is logged and told
                _LOG.exception(events.FAILED(part=self._name))
                self._note(f"{type(error).__name__}: {error}", "")
                wait = min(2 * wait, _LAST_WAIT)
                self._sleep(wait)

    def _sleep(self, *limits: float | None) -> None:
        """Wait until woken, at most for the shortest of some numbers of seconds (None is no limit)."""
        self._wake.wait(min((limit for limit in limits if limit is not None), default=None))

    def _until(self, due: int | None) -> float | None:
        """Seconds until the next job is due; a moment at least, because somebody may hold it."""
        return None if due is None else max(0.05, due - self._clock.now())

    def _up_to(self) -> int:
        """The last priority that may be worked on at the moment: by day the archive may have to wait."""
        return jobs.PRIORITY_STALE if self._window.is_open(self._clock.now()) else jobs.PRIORITY_NEW

    def _until_window(self, kind: JobKind) -> float | None:
        """Seconds until the window opens for work that waits for it; None if none does."""
        now = self._clock.now()
        if self._window.is_open(now):
            return None
        change = self._window.next_change(now)
        with self._store.read() as session:
            waiting = jobs.next_due(session, self._library.here(), kind=kind, now=now)
        return None if change is None or waiting is None else change - now + 0.01

    def _note(self, problem: str, whole: str = "") -> None:
        if problem != self.problem:
            if problem:
                _LOG.warning(events.WAITING(why=whole or problem))
            else:
                _LOG.info(events.GOING_ON())
            self.problem = problem
            self._changed()
