"""Labels of single photo files: from the library if it has labelled the photo, else from the model."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import ModelError, NoLibraryError, UsageError
from tagger.core.paths import shown_path
from tagger.core.progress import OnDownload, ignore_download
from tagger.core.sentences import Sentence
from tagger.inference.head import Head
from tagger.inference.protocol import Outcome, Request
from tagger.inference.selection import choose_model, model_of_library, unrecorded
from tagger.inference.weights import ChosenModel
from tagger.inference.worker_client import WorkerClient
from tagger.labels.explain import Explanation, explain_features, explain_stored, own_labels
from tagger.labels.labeller import Labeller, policy_for
from tagger.pipeline.look import evidence_in, replies_to, run_requests
from tagger.store import records
from tagger.store.counts import main_model
from tagger.store.models import Model
from tagger.store.session import open_store


def explain(settings: Settings, path: str, labeller: OnDemandLabeller) -> Explanation:
    """Explain the photo at an absolute path. Raises ModelError, or UsageError if it cannot be read.

    `labeller` looks at it if the library does not know it.
    """
    return _from_library(settings, path) or labeller.explain(path)


class OnDemandLabeller:
    """Labels photo files one at a time, in a child process that the first one starts. Safe for several threads.

    By the model that labelled the library; without one, or if `configured`, by the one of the settings.
    """

    def __init__(
        self,
        settings: Settings,
        on_download: OnDownload = ignore_download,
        clock: Clock | None = None,
        *,
        configured: bool = False,
    ) -> None:
        self._settings = settings
        self._configured = configured
        self._on_download = on_download
        self._clock = clock or SystemClock()
        # Held while a photo is in the child, so that it is not ended meanwhile.
        self._lock = threading.Lock()
        self._open: tuple[ChosenModel, WorkerClient, Head] | None = None
        self._closed = False
        self._last_used = self._clock.monotonic()

    def __enter__(self) -> OnDemandLabeller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_ready(self) -> bool:
        """Whether the model is loaded, so that an answer takes only a moment."""
        return self._open is not None

    def explain(self, path: str, name: str = "") -> Explanation:
        """Explain the photo at a path. `name`: the file's name, if the path does not end with it.

        Raises ModelError, UsageError if the photo cannot be read, TaggerError if the child process died of it.
        """
        shown = shown_path(name or path)
        with self._lock:
            try:
                chosen, client, head = self._opened()
                # Whoever names a file means it as it is now, however recent its last change.
                [reply] = run_requests(client, [Request(0, path, name=name)], doing=f"looked at {shown}")
            finally:
                self._last_used = self._clock.monotonic()
                if self._closed:
                    self._end_child()
        if reply.outcome is not Outcome.FEATURES:
            raise UsageError(Sentence("{photo} cannot be labelled: {why}.", photo=shown, why=Sentence(reply.reason)))
        features = reply.vector[np.newaxis]
        own = own_labels(self._settings, chosen.model_id)
        model = unrecorded(chosen)
        labeller = Labeller(model, head, policy_for(self._settings, model))
        found = explain_features(labeller, own, features, evidence_in(reply), fresh=True)
        return replace(found, note=_note(chosen))

    def rest(self) -> None:
        """End the child if it has been idle for long; the next photo starts it again. Call this regularly."""
        if self._lock.acquire(blocking=False):
            try:
                if self._clock.monotonic() - self._last_used > self._settings.web.idle_seconds:
                    self._end_child()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the child. A thread that still uses this labeller gets its answer, and leaves no child behind."""
        with self._lock:
            self._closed = True
            self._end_child()

    def _end_child(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def _opened(self) -> tuple[ChosenModel, WorkerClient, Head]:
        if self._open is None:
            chosen = _model_for(self._settings, self._on_download, configured=self._configured)
            client = WorkerClient(self._settings, chosen, self._clock)
            try:
                client.start()
                self._open = chosen, client, client.head()
            except BaseException:
                client.close()
                raise
        return self._open


def _model_for(settings: Settings, on_download: OnDownload, *, configured: bool) -> ChosenModel:
    """The model that labelled the library; without one, or if `configured`, the one of the settings."""
    model = None if configured else _main_model(settings)
    if model is not None:
        try:
            return model_of_library(settings, model)
        except (UsageError, ModelError):
            # Any model tells more of a photo than none.
            return choose_model(settings, fetch=False)
    return choose_model(settings, on_download, fetch=configured)


def _note(chosen: ChosenModel) -> str:
    return chosen.substitute.note(chosen.architecture.name) if chosen.substitute is not None else ""


def _main_model(settings: Settings) -> Model | None:
    try:
        with open_store(settings) as store, store.read() as session:
            return main_model(session)
    except NoLibraryError:
        return None


@dataclass(frozen=True, slots=True)
class Classified:
    """What the model makes of one photo file; or `reason`, why it cannot be read."""

    path: str
    explanation: Explanation | None
    reason: str = ""


def classify(
    settings: Settings,
    paths: Sequence[str],
    top: int,
    on_download: OnDownload = ignore_download,
    *,
    configured: bool = False,
) -> Generator[Classified, None, None]:
    """Look at photos at absolute paths, now, whether a library knows them or not. Stores nothing.

    `top`: so many classes each. By the model that labelled the library; without one, or if `configured`, by the one of
    the settings. Raises ModelError, TaggerError if the child process dies.
    """
    chosen = _model_for(settings, on_download, configured=configured)
    own = own_labels(settings, chosen.model_id)
    model = unrecorded(chosen)
    policy = policy_for(settings, model)
    with WorkerClient(settings, chosen) as client:
        labeller = Labeller(model, client.head(), policy)
        for reply in replies_to(client, [Request(index, path) for index, path in enumerate(paths)]):
            path = paths[reply.job_id]
            if reply.outcome is Outcome.FEATURES:
                features = reply.vector[np.newaxis]
                known = explain_features(labeller, own, features, evidence_in(reply), fresh=True, top=top)
                yield Classified(path, replace(known, note=_note(chosen)))
            else:
                yield Classified(path, None, reply.reason)


def _from_library(settings: Settings, path: str) -> Explanation | None:
    try:
        with open_store(settings) as store, store.read() as session:
            record = records.find_photo(session, path)
            return None if record is None else explain_stored(session, settings, record)
    except NoLibraryError:
        return None
