"""Why a photo has its labels: from its stored features, or from a fresh look where the library has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.chosen_model import choose_model, open_classifier, stored_scores
from tagger.config import Settings
from tagger.errors import NoLibraryError, TaggerError, UsageError
from tagger.labels import taxonomy
from tagger.labels.policy import Policy, Verdict, top_classes
from tagger.photo import shown_path
from tagger.store import records
from tagger.store.session import open_store
from tagger.vision import protocol
from tagger.vision.classifier import ChildDiedError
from tagger.vision.protocol import Request

Fetching = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the policy makes of one photo. `fresh`: the photo was looked at just now.

    `top`: the likeliest classes as (WordNet id, name, probability), before any policy.
    """

    path: str
    fresh: bool
    model_id: str
    architecture: str
    top: list[tuple[str, str, float]]
    verdicts: list[Verdict]


def explain(settings: Settings, path: str, fetching: Fetching) -> Explanation:
    """Explain the photo at an absolute path. Raises ModelError, or UsageError where it cannot be looked at."""
    policy = Policy.from_settings(settings.labels, taxonomy.load())
    known = _from_library(settings, path)
    if known is None:
        scores, model_id, name = _fresh_look(settings, path, fetching)
    else:
        scores, model_id, name = known
    return Explanation(
        path, known is None, model_id, name, top_classes(scores, policy.taxonomy), policy.explain(scores)
    )


def _from_library(settings: Settings, path: str) -> tuple[NDArray[np.float32], str, str] | None:
    """Scores from stored features, with the model that made them; None where the library has none."""
    try:
        with open_store(settings) as store, store.read() as session:
            record = records.find_photo(session, path)
            known = None if record is None else stored_scores(session, settings, record)
    except NoLibraryError:
        return None
    if known is None:
        return None
    scores, model = known
    return scores, model.model_id, model.architecture


def _fresh_look(settings: Settings, path: str, fetching: Fetching) -> tuple[NDArray[np.float32], str, str]:
    chosen = choose_model(settings, fetching)
    # A person who names a file means it as it is now, however new it is.
    at_once = settings.model_copy(update={"intake": settings.intake.model_copy(update={"settle_seconds": 0.0})})
    with open_classifier(at_once, chosen) as classifier:
        head = classifier.head()
        classifier.start()
        try:
            classifier.submit([Request(0, path, None, ())])
            answers = None
            while answers is None:
                answers = classifier.answers(1.0)
        except ChildDiedError as died:
            raise TaggerError(
                f"The process that looked at {shown_path(path)} {died.how}.", f"See {classifier.log_file}"
            ) from died
    [answer] = answers
    if answer.verdict is not protocol.Verdict.FEATURES:
        raise UsageError(f"{shown_path(path)} cannot be labelled: {answer.reason}.")
    [scores] = head.scores(np.frombuffer(answer.features, "<f4")[np.newaxis])
    return scores, chosen.model_id, chosen.architecture.name
