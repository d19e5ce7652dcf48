"""What is worked out now and then, and told meanwhile as it was."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from tagger.core import events
from tagger.core.clock import Clock
from tagger.core.errors import TaggerError

_LOG = logging.getLogger("tagger")
# What takes no longer than this is worked out each time, but for these seconds; else beside.
_AT_ONCE, _BRIEFLY = 0.05, 1.0

_Value = TypeVar("_Value")


class Remembered(Generic[_Value]):
    """A value that stays for some seconds (`fresh`), then a new one is made beside whoever asks. Thread-safe."""

    def __init__(self, make: Callable[[], _Value], clock: Clock, fresh: float) -> None:
        self._make = make
        self._clock = clock
        self._fresh = fresh
        self._making = threading.Lock()
        self._known: tuple[float, _Value] | None = None
        self._took = 0.0

    def get(self) -> _Value:
        """The value; the first one is waited for. Raises what making it raises."""
        known = self._known
        age = 0.0 if known is None else self._clock.monotonic() - known[0]
        if known is None or (age > _BRIEFLY and self._took <= _AT_ONCE):
            return self._made(known)
        if age > self._fresh:
            self.renew()
        return known[1]

    def last(self) -> _Value | None:
        """The value as it was made last, without waiting for a new one; None while there is none yet."""
        known = self._known
        if known is None or self._clock.monotonic() - known[0] > self._fresh:
            self.renew()
        return None if known is None else known[1]

    def renew(self) -> None:
        """Have it made beside whoever asks, unless somebody does already."""
        if not self._making.locked():
            threading.Thread(target=self._renew, name="remember", daemon=True).start()

    def forget(self) -> None:
        """Have it made anew: whoever asks next waits for it, where that is quick."""
        known = self._known
        if known is not None:
            self._known = -self._fresh, known[1]

    def _made(self, known: tuple[float, _Value] | None) -> _Value:
        with self._making:
            # Another one may have made it meanwhile.
            if self._known is None or self._known is known:
                started = self._clock.monotonic()
                value = self._make()
                now = self._clock.monotonic()
                self._took = now - started
                self._known = now, value
                return value
            return self._known[1]

    def _renew(self) -> None:
        try:
            self._made(self._known)
        except (TaggerError, OSError) as error:
            # The library may be locked or gone; the old value stays.
            _LOG.debug(events.PAGE_WAITS(why=str(error)))


class RememberedFew(Generic[_Value]):
    """Values by what they are the answer to, the last ones that were asked for (`most`). Thread-safe."""

    def __init__(self, clock: Clock, fresh: float, most: int) -> None:
        self._clock, self._fresh, self._most = clock, fresh, most
        self._few: OrderedDict[Hashable, Remembered[_Value]] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of a key; the first one is waited for. Raises what making it raises."""
        with self._changing:
            one = self._few.setdefault(key, Remembered(make, self._clock, self._fresh))
            self._few.move_to_end(key)
            if len(self._few) > self._most:
                self._few.popitem(last=False)
        return one.get()

    def forget(self) -> None:
        """Have all of them made anew by who asks next."""
        with self._changing:
            self._few.clear()
