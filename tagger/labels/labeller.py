"""From features to labels: the model's last layer, the label policy, and the taught classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import ConfigError, ModelError
from tagger.core.evidence import Evidence
from tagger.core.photo import Label
from tagger.inference.head import Head, head_file
from tagger.inference.lookup import architecture
from tagger.inference.registry import BUILT_IN, Architecture, views_of_revision
from tagger.inference.witnesses import stored_witnesses
from tagger.labels import taxonomy
from tagger.labels.learned import learned_thresholds, less_shown
from tagger.labels.policy import Policy
from tagger.store.evidence import evidence_of
from tagger.store.features import reusable_features, to_matrix
from tagger.store.models import Model, all_models
from tagger.store.records import PhotoRecord
from tagger.store.taught_labels import TaughtHeadsCache


@dataclass(frozen=True, slots=True)
class Labeller:
    """Derives the labels of photos from their features, for the pipeline, `relabel` and corrections alike.

    Labels that another process teaches meanwhile count from the next call on.
    """

    model: Model
    head: Head
    policy: Policy
    taught_heads: TaughtHeadsCache = field(default_factory=TaughtHeadsCache)

    def labels_for(
        self, session: Session, features: NDArray[np.floating], evidence: Sequence[Evidence]
    ) -> list[tuple[Label, ...]]:
        """Features (photos, features) of any float type and other evidence -> each photo's labels in rank order."""
        if not len(features):
            return []
        taught, _ = self.taught_heads.heads(session, self.model)
        given = self.policy.labels_for(self.head.scores(features), self.with_words(features, evidence))
        learned = learned_thresholds(session, self.policy.settings)
        return taught.added(features, [less_shown(labels, learned) for labels in given])

    def with_words(self, features: NDArray[np.floating], evidence: Sequence[Evidence]) -> list[Evidence]:
        """The evidence with the features that everyday words are read from, where they are the classifier's own."""
        if self.model.architecture != BUILT_IN:
            return list(evidence)
        rows = features.astype(np.float32)
        return [replace(one, words=row) for one, row in zip(evidence, rows, strict=True)]

    def taught_keys(self, session: Session) -> frozenset[str]:
        """The keys of the taught labels that it decides about."""
        return frozenset(head.key for head in self.taught_heads.heads(session, self.model)[0].heads)

    def taught(self, session: Session) -> tuple[int, ...]:
        """The row ids of the taught labels that it decides about."""
        return self.taught_heads.heads(session, self.model)[1]


def policy_for(settings: Settings, model: Model | None = None) -> Policy:
    """The label policy for the classes and the show threshold of a model; None: of the configured one.

    Raises ConfigError if a rule makes no sense, ModelError if a trained model is missing.
    """
    named = _architecture(settings, model)
    threshold = show_threshold(settings, model, named)
    # Check the rules against the common labels, whatever the model.
    usual = Policy.from_settings(settings.labels, taxonomy.load(), threshold)
    if named.network is None:
        return usual
    return Policy.from_settings(settings.labels, taxonomy.of_classes(named.network.classes), threshold)


def faults_of_settings(settings: Settings) -> str:
    """What makes no sense in the settings of model and labels, as sentences; empty if all does."""
    try:
        policy_for(settings)
    except (ConfigError, ModelError) as error:
        return str(error)
    return ""


def show_threshold(settings: Settings, model: Model | None = None, named: Architecture | None = None) -> float:
    """The probability that shows a label: of the settings, else what was measured for the model (None: the configured).

    `named`: the model's architecture, if it is known. Raises ModelError if a trained model is missing.
    """
    if settings.labels.show_threshold is not None:
        return settings.labels.show_threshold
    named = named or _architecture(settings, model)
    views = named.views(settings.model.views) if model is None else views_of_revision(model.preprocessing)
    return named.show_threshold(views)


def _architecture(settings: Settings, model: Model | None) -> Architecture:
    return architecture(settings.model.name if model is None else model.architecture, settings.data_dir)


def stored_labeller(
    session: Session, settings: Settings, record: PhotoRecord
) -> tuple[Labeller, NDArray[np.float16], list[Evidence]] | None:
    """A labeller for a photo of the library, its stored features, float16 (1, features), and its other evidence.

    None if the photo has no stored features, or the model's last layer is not in its file.
    """
    if record.labelled_by is None:
        return None
    model = all_models(session)[record.labelled_by]
    vector = reusable_features(session, [record.id], model).get(record.id)
    if vector is None:
        return None
    try:
        head = Head.load(head_file(settings.data_dir, model.model_id))
        policy = policy_for(settings, model)
    except ModelError:
        return None
    evidence = evidence_of(session, [record.id], stored_witnesses(session, settings, model))
    return Labeller(model, head, policy), to_matrix([vector]), evidence
