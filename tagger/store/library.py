"""An open library as one value: what nearly all work on it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.store.session import Store, open_store


@dataclass(frozen=True, slots=True)
class Library:
    """A library's database, its settings, and the clock its times are told by."""

    store: Store
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)


@contextmanager
def open_library(settings: Settings, clock: Clock | None = None, *, create: bool = False) -> Iterator[Library]:
    """Open a library and close it at the end of the block. Raises StoreError as `open_store` does."""
    with open_store(settings, create=create) as store:
        yield Library(store, settings, clock or SystemClock())
