"""Why a photo has its labels: from its stored features, or from a fresh look where the library has none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError, TaggerError, UsageError
from tagger.core.linear_heads import TaughtHeads, unit
from tagger.core.paths import shown_path
from tagger.core.photo import Label
from tagger.inference import protocol
from tagger.inference.head import Head
from tagger.inference.protocol import Answer, Request
from tagger.inference.selection import ChosenModel, choose_model, open_classifier
from tagger.inference.worker_client import ChildDiedError, Classifier
from tagger.judge import policy_for, stored_judge
from tagger.labels.policy import Policy, Verdict, top_classes
from tagger.store import records
from tagger.store.models import all_models
from tagger.store.records import PhotoRecord
from tagger.store.session import open_store
from tagger.store.taught_labels import TaughtBook

Fetching = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the policy makes of one photo. `fresh`: the photo was looked at just now.

    `top`: the likeliest classes as (WordNet id, name, probability), before any policy. `labels`: what the policy gives.
    """

    fresh: bool
    model_id: str
    architecture: str
    top: list[tuple[str, str, float]]
    verdicts: list[Verdict]
    labels: tuple[Label, ...]


def explain(settings: Settings, path: str, fetching: Fetching) -> Explanation:
    """Explain the photo at an absolute path. Raises ModelError, or UsageError where it cannot be looked at."""
    known = _from_library(settings, path)
    if known is not None:
        return known
    with Looker(settings, fetching) as looker:
        return looker.look(path)


def explain_stored(session: Session, settings: Settings, record: PhotoRecord) -> Explanation | None:
    """Explain a photo of the library from its stored features; None where it has none. Raises ConfigError."""
    known = stored_judge(session, settings, record)
    if known is None:
        return None
    judge, features = known
    taught, _ = judge.book.heads(session, judge.model)
    about = judge.model.model_id, judge.model.architecture
    return _explained(judge.policy, judge.head, features, about, taught, fresh=False)


class Looker:
    """Looks at photos one by one, in a child process that starts with the first. May be used from several threads."""

    def __init__(self, settings: Settings, fetching: Fetching, clock: Clock | None = None) -> None:
        # A person who shows a file means it as it is now, however new it is.
        intake = settings.intake.model_copy(update={"settle_seconds": 0.0})
        self._settings = settings.model_copy(update={"intake": intake})
        self._fetching = fetching
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._open: tuple[ChosenModel, Classifier, Head] | None = None
        self._last_used = self._clock.monotonic()

    def __enter__(self) -> Looker:
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
            chosen, classifier, head = self._opened()
            try:
                classifier.start()
                classifier.submit([Request(0, path, None, (), name)])
                answers: list[Answer] | None = None
                while answers is None:
                    answers = classifier.answers(1.0)
            except ChildDiedError as died:
                shown = shown_path(name or path)
                raise TaggerError(
                    f"The process that looked at {shown} {died.how}.", f"See {classifier.log_file}"
                ) from died
            finally:
                self._last_used = self._clock.monotonic()
        [answer] = answers
        if answer.verdict is not protocol.Verdict.FEATURES:
            raise UsageError(f"{shown_path(name or path)} cannot be labelled: {answer.reason}.")
        features = np.frombuffer(answer.features, "<f4")[np.newaxis]
        policy = policy_for(self._settings, chosen.architecture.name)
        taught = _taught(self._settings, chosen.model_id)
        about = chosen.model_id, chosen.architecture.name
        return _explained(policy, head, features, about, taught, fresh=True)

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

    def _opened(self) -> tuple[ChosenModel, Classifier, Head]:
        if self._open is None:
            chosen = choose_model(self._settings, self._fetching)
            classifier = open_classifier(self._settings, chosen, self._clock)
            try:
                classifier.start()
                self._open = chosen, classifier, classifier.head()
            except BaseException:
                classifier.close()
                raise
        return self._open


def _explained(
    policy: Policy,
    head: Head,
    features: NDArray[np.floating],
    about: tuple[str, str],
    taught: TaughtHeads,
    *,
    fresh: bool,
) -> Explanation:
    """features: (1, features). `about`: ModelId and architecture."""
    scores = head.scores(features)
    [labels] = taught.added(features, policy.labels_for(scores))
    verdicts = [*_taught_verdicts(taught, features), *policy.explain(scores[0])]
    return Explanation(fresh, *about, top_classes(scores[0], policy.taxonomy), verdicts, labels)


def _taught_verdicts(taught: TaughtHeads, features: NDArray[np.floating]) -> list[Verdict]:
    found = []
    for head in taught.heads:
        score = float(head.scores(unit(features))[0])
        shown = score >= head.threshold
        why = (
            f"{'shown' if shown else 'left out'}: {score:.2f} {'reaches' if shown else 'is below'} {head.threshold:.2g}"
        )
        why += ", taught by you"
        found.append(Verdict(head.key, head.name, score, head.threshold, "taught", shown, shown, why, ()))
    return sorted(found, key=lambda verdict: -verdict.probability)


def _taught(settings: Settings, model_id: str) -> TaughtHeads:
    """What was taught on the features of a model; nothing where there is no library."""
    try:
        with open_store(settings) as store, store.read() as session:
            model = next((one for one in all_models(session).values() if one.model_id == model_id), None)
            return TaughtHeads(()) if model is None else TaughtBook().heads(session, model)[0]
    except NoLibraryError:
        return TaughtHeads(())


def _from_library(settings: Settings, path: str) -> Explanation | None:
    try:
        with open_store(settings) as store, store.read() as session:
            record = records.find_photo(session, path)
            return None if record is None else explain_stored(session, settings, record)
    except NoLibraryError:
        return None
