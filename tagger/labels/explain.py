"""Explains why a photo has its labels, from its features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.boxes import Box
from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError
from tagger.core.evidence import Evidence
from tagger.core.linear_heads import TaughtHeads, unit
from tagger.core.photo import Label
from tagger.core.sentences import Sentence
from tagger.labels.labeller import Labeller, stored_labeller
from tagger.labels.languages import Language
from tagger.labels.learned import Learned, explained, learned_thresholds, less_shown
from tagger.labels.policy import CandidateReport, top_classes
from tagger.labels.whys import compared, fate
from tagger.store.fields import StoredFields, stored_fields
from tagger.store.models import all_models
from tagger.store.records import PhotoRecord
from tagger.store.session import open_store
from tagger.store.taught_labels import TaughtHeadsCache


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one photo gets its labels. `fresh`: its features were extracted just now.

    `top`: the likeliest classes as (WordNet id, name, probability), before any policy. `labels`: the policy's result.
    `boxes`: what the detector found, the surest first; None where it has not looked. `kinds`: what the file tells.
    `fields`: what else it told when it was read for the library; None of a photo outside.
    `note`: why another model than the wanted one looked at it just now, as a sentence; empty if none did.
    """

    fresh: bool
    model_id: str
    architecture: str
    top: list[tuple[str, str, float]]
    candidates: list[CandidateReport]
    labels: tuple[Label, ...]
    boxes: tuple[Box, ...] | None
    kinds: tuple[str, ...]
    note: str = ""
    fields: StoredFields | None = None

    def named(self, spoken: Language) -> Explanation:
        """With the labels' names in a language."""
        return replace(
            self,
            top=[(key, spoken.name_of(key, name), share) for key, name, share in self.top],
            candidates=spoken.of(self.candidates),
            labels=tuple(spoken.of(self.labels)),
        )


def explain_stored(session: Session, settings: Settings, record: PhotoRecord) -> Explanation | None:
    """Explain a photo of the library from its stored features; None if it has none. Raises ConfigError."""
    known = stored_labeller(session, settings, record)
    if known is None:
        return None
    labeller, features, [evidence] = known
    taught, _ = labeller.taught_heads.heads(session, labeller.model)
    own = Own(taught, learned_thresholds(session, settings.labels))
    found = explain_features(labeller, own, features, evidence, fresh=False)
    return replace(found, fields=stored_fields(session, record.id))


@dataclass(frozen=True, slots=True)
class Own:
    """What the owner taught: labels, and by removing others again and again, how sure those must be."""

    taught: TaughtHeads
    learned: Mapping[str, Learned]


def explain_features(  # noqa: PLR0913 - who decides, what on, and how much is told
    labeller: Labeller,
    own: Own,
    features: NDArray[np.floating],
    evidence: Evidence,
    *,
    fresh: bool,
    top: int = 5,
) -> Explanation:
    """Explain a photo. `features`: (1, features) of any float type; `fresh`: extracted just now; `top`: classes."""
    policy, model = labeller.policy, labeller.model
    scores = labeller.head.scores(features)
    [evidence] = labeller.with_words(features, [evidence])
    if evidence.tiny:
        evidence = replace(evidence, boxes=(), kinds=())
    [given] = policy.labels_for(scores, [evidence])
    [labels] = own.taught.added(features, [less_shown(given, own.learned)])
    verdicts = explained(policy.explain(scores[0], evidence), own.learned)
    candidates = [*_taught_candidates(own.taught, features), *verdicts]
    return Explanation(
        fresh,
        model.model_id,
        model.architecture,
        top_classes(scores[0], policy.taxonomy, top),
        candidates,
        labels,
        evidence.boxes,
        evidence.kinds or (),
    )


def _taught_candidates(taught: TaughtHeads, features: NDArray[np.floating]) -> list[CandidateReport]:
    found = []
    for head in taught.heads:
        score = float(head.scores(unit(features))[0])
        shown = score >= head.threshold
        said = compared(f"{score:.2f}", f"{head.threshold:.2g}", reached=shown)
        why = fate(shown=shown, stored=False, why=Sentence("{why}, taught by you", why=said))
        found.append(CandidateReport(head.key, head.name, score, head.threshold, "taught", shown, shown, why, ()))
    return sorted(found, key=lambda candidate: -candidate.probability)


def own_labels(settings: Settings, model_id: str) -> Own:
    """What the owner taught on a model's features; nothing if there is no library."""
    try:
        with open_store(settings) as store, store.read() as session:
            model = next((one for one in all_models(session).values() if one.model_id == model_id), None)
            taught = TaughtHeads(()) if model is None else TaughtHeadsCache().heads(session, model)[0]
            return Own(taught, learned_thresholds(session, settings.labels))
    except NoLibraryError:
        return Own(TaughtHeads(()), {})
