"""The thread that tells hooks of photos that were labelled, beside the labelling, which never waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tagger.core import events
from tagger.core.local_zone import LocalZone
from tagger.core.numbers import count
from tagger.core.progress import StopCheck
from tagger.service.hooks import HookError, StoppedError, delivery, send, shown_hook
from tagger.service.state import HookState
from tagger.service.work_window import Window
from tagger.service.workers.base import Worker
from tagger.store.deliveries import arrived, drop_other_hooks, next_delivery, waiting_for
from tagger.store.library import Library

_LOG = logging.getLogger("tagger")
_FIRST_WAIT, _LAST_WAIT = 5.0, 600.0
# How long the thread of a command may take to let go of a hook.
_END_SECONDS = 5.0


@dataclass(slots=True)
class _Hook:
    """How it goes with a hook. `due`: when it is told next, by the monotonic clock; None: nothing waits."""

    name: str
    due: float | None
    wait: float
    problem: str = ""


def tell_next(library: Library, hook: str, stop: StopCheck) -> int:
    """Tell a hook of the photos of one delivery; returns how many, 0 if none waits. Raises HookError, StoreError."""
    settings = library.settings.hooks
    with library.store.write(durable=True) as session:
        found = next_delivery(session, hook, settings.photos)
    if found is None:
        return 0
    number, photos = found
    sent = delivery(library, number, photos)
    if sent.photos:
        send(settings, hook, sent, stop)
        _LOG.info(events.HOOK_TOLD(hook=shown_hook(settings, hook), photos=sent.photos))
    with library.store.write(durable=True) as session:
        arrived(session, hook, number)
    return len(photos)


class HookWorker(Worker):
    """Tells the hooks that are set, each in its own time; what one does not take is tried again with growing pauses."""

    told = 0

    def __init__(self, library: Library, window: Window, owner: str, changed: Callable[[], None]) -> None:
        super().__init__("hooks", library, window, owner, changed)
        now = self._clock.monotonic()
        # What an earlier process left is told at once.
        self._hooks = [_Hook(name, now, _FIRST_WAIT) for name in self._settings.hooks.names]

    def state(self) -> HookState:
        """For `tagger status`."""
        return HookState(self.told, tuple(hook.problem for hook in self._hooks if hook.problem))

    def _work(self) -> None:
        with self._store.read() as session:
            waits = any(waiting_for(session, name)[0] for name in ("labelled", "command"))
        if waits:
            with self._store.write() as session:
                drop_other_hooks(session, self._settings.hooks.names)
        while not self._stopping.is_set():
            self._wake.clear()
            now = self._clock.monotonic()
            for hook in self._hooks:
                self._look(hook, now)
                if hook.due is not None and hook.due <= now and not self._stopping.is_set():
                    self._tell(hook)
            now = self._clock.monotonic()
            self._sleep(*(None if hook.due is None else max(0.0, hook.due - now) for hook in self._hooks))

    def _look(self, hook: _Hook, now: float) -> None:
        """When a hook that is well is told next: soon, at once where enough photos wait, or not at all."""
        if hook.problem:
            return
        with self._store.read() as session:
            number, begun = waiting_for(session, hook.name)
        if not number:
            hook.due = None
        elif begun or number >= self._settings.hooks.photos:
            hook.due = now
        elif hook.due is None:
            hook.due = now + self._settings.hooks.seconds

    def _tell(self, hook: _Hook) -> None:
        try:
            self.told += tell_next(self._library, hook.name, self._stopping.is_set)
        except StoppedError:
            return
        except HookError as error:
            where = shown_hook(self._settings.hooks, hook.name)
            hook.due = self._clock.monotonic() + hook.wait
            _LOG.warning(events.HOOK_FAILED(hook=where, why=error.message, seconds=hook.wait))
            hook.problem = f"{where}: {error.message}"
            hook.wait = min(2 * hook.wait, _LAST_WAIT)
        else:
            hook.problem, hook.wait, hook.due = "", _FIRST_WAIT, None
            # There may be more.
            self._wake.set()


@contextmanager
def telling(library: Library, owner: str) -> Iterator[Callable[[], None]]:
    """Tell hooks beside a command's work; `wake` what this gives when photos were labelled."""
    if not library.settings.hooks.names:
        yield lambda: None
        return
    worker = HookWorker(library, Window("", LocalZone()), owner, lambda: None)
    worker.start()
    try:
        yield worker.wake
    finally:
        worker.stop(_END_SECONDS)


def tell_rest(library: Library, stop: StopCheck) -> list[str]:
    """Tell hooks of all that waits, at the end of a command; returns why which could not be told, as sentences.

    Each hook is given up at its first fault; the next command or the service goes on.
    """
    faults = []
    for name in library.settings.hooks.names:
        try:
            while not stop() and tell_next(library, name, stop):
                pass
        except StoppedError:
            break
        except HookError as error:
            with library.store.read() as session:
                number, _ = waiting_for(session, name)
            told = count(number, "photo")
            faults.append(f"{shown_hook(library.settings.hooks, name)} is yet to be told of {told}: {error.message}.")
    return faults
