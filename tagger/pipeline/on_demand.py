"""Labels of a person's own files, on demand: the library's answer where it knows the photo, else the model's."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError, TaggerError, UsageError
from tagger.core.paths import shown_path
from tagger.inference import protocol
from tagger.inference.head import Head
from tagger.inference.protocol import Reply, Request
from tagger.inference.selection import ChosenModel, choose_model, open_worker
from tagger.inference.worker_client import WorkerClient, WorkerDiedError
from tagger.labels.explain import Explanation, explain_features, explain_stored, taught_heads
from tagger.labels.labeller import policy_for
from tagger.store import records
from tagger.store.session import open_store

Fetching = Callable[[int, int | None], None]


def explain(settings: Settings, path: str, fetching: Fetching) -> Explanation:
    """Explain the photo at an absolute path. Raises ModelError, or UsageError where it cannot be looked at."""
    known = _from_library(settings, path)
    if known is not None:
        return known
    with OnDemandLabeller(settings, fetching) as looker:
        return looker.look(path)


class OnDemandLabeller:
    """Looks at photos one by one, in a child process that starts with the first. May be used from several threads."""

    def __init__(self, settings: Settings, fetching: Fetching, clock: Clock | None = None) -> None:
        # A person who shows a file means it as it is now, however new it is.
        intake = settings.intake.model_copy(update={"settle_seconds": 0.0})
        self._settings = settings.model_copy(update={"intake": intake})
        self._fetching = fetching
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._open: tuple[ChosenModel, WorkerClient, Head] | None = None
        self._last_used = self._clock.monotonic()

    def __enter__(self) -> OnDemandLabeller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_ready(self) -> bool:
        """Whether the model is loaded, so that an answer takes a moment only."""
        return self._open is not None

    def look(self, path: str, name: str = "") -> Explanation:
        """Explain the photo at a path. `name`: the file's name, where the path does not end with it.

        Raises ModelError, UsageError where it cannot be looked at, TaggerError where the child process died of it.
        """
        with self._lock:
            chosen, client, head = self._opened()
            try:
                client.start()
                client.submit([Request(0, path, None, (), name)])
                replies: list[Reply] | None = None
                while replies is None:
                    replies = client.replies(1.0)
            except WorkerDiedError as died:
                shown = shown_path(name or path)
                raise TaggerError(f"The process that looked at {shown} {died.how}.", f"See {client.log_file}") from died
            finally:
                self._last_used = self._clock.monotonic()
        [reply] = replies
        if reply.outcome is not protocol.Outcome.FEATURES:
            raise UsageError(f"{shown_path(name or path)} cannot be labelled: {reply.reason}.")
        features = reply.vector[np.newaxis]
        policy = policy_for(self._settings, chosen.architecture.name)
        taught = taught_heads(self._settings, chosen.model_id)
        about = chosen.model_id, chosen.architecture.name
        return explain_features(policy, head, features, about, taught, fresh=True)

    def rest(self) -> None:
        """End the child if there was nothing to do for a while. To be called now and then."""
        if self._open is not None and self._clock.monotonic() - self._last_used > self._settings.web.idle_seconds:
            self.close()

    def close(self) -> None:
        """End the child; the next look starts one again."""
        with self._lock:
            if self._open is not None:
                self._open[1].close()
                self._open = None

    def _opened(self) -> tuple[ChosenModel, WorkerClient, Head]:
        if self._open is None:
            chosen = choose_model(self._settings, self._fetching)
            client = open_worker(self._settings, chosen, self._clock)
            try:
                client.start()
                self._open = chosen, client, client.head()
            except BaseException:
                client.close()
                raise
        return self._open


def _from_library(settings: Settings, path: str) -> Explanation | None:
    try:
        with open_store(settings) as store, store.read() as session:
            record = records.find_photo(session, path)
            return None if record is None else explain_stored(session, settings, record)
    except NoLibraryError:
        return None
