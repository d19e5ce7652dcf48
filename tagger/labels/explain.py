"""Why a photo has its labels: from its stored features, or from a fresh look where the library has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError
from tagger.core.linear_heads import TaughtHeads, unit
from tagger.core.photo import Label
from tagger.inference.head import Head
from tagger.labels.labeller import stored_judge
from tagger.labels.policy import Policy, Verdict, top_classes
from tagger.store.models import all_models
from tagger.store.records import PhotoRecord
from tagger.store.session import open_store
from tagger.store.taught_labels import TaughtBook


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


def explain_stored(session: Session, settings: Settings, record: PhotoRecord) -> Explanation | None:
    """Explain a photo of the library from its stored features; None where it has none. Raises ConfigError."""
    known = stored_judge(session, settings, record)
    if known is None:
        return None
    judge, features = known
    taught, _ = judge.book.heads(session, judge.model)
    about = judge.model.model_id, judge.model.architecture
    return explain_features(judge.policy, judge.head, features, about, taught, fresh=False)


def explain_features(
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


def taught_heads(settings: Settings, model_id: str) -> TaughtHeads:
    """What was taught on the features of a model; nothing where there is no library."""
    try:
        with open_store(settings) as store, store.read() as session:
            model = next((one for one in all_models(session).values() if one.model_id == model_id), None)
            return TaughtHeads(()) if model is None else TaughtBook().heads(session, model)[0]
    except NoLibraryError:
        return TaughtHeads(())
