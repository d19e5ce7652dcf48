"""An open library as one value: what nearly all work on it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.store.session import Store, open_store


def everywhere() -> None:
    """All roots."""
    return


@dataclass(frozen=True, slots=True)
class Library:
    """A library's database, its settings, and the clock its times are told by.

    `here`: the roots that are this process's to work on; None for all. Files of others may be out of this machine's
    reach, so that they are not there says nothing.
    """

    store: Store
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    here: Callable[[], tuple[int, ...] | None] = everywhere


@contextmanager
def open_library(settings: Settings, clock: Clock | None = None, *, create: bool = False) -> Iterator[Library]:
    """Open a library and close it at the end of the block. Raises StoreError as `open_store` does."""
    with open_store(settings, create=create) as store:
        yield Library(store, settings, clock or SystemClock())
