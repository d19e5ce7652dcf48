"""From class probabilities to labels: which are stored, and which are shown.

Raw top-k is mostly silly. A label is *shown* when its probability passes its threshold, where a parent's
probability is the sum of its classes' ("it is some dog"), most specific first. The top-k classes above a minimum
confidence are *stored* beside them and can be searched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tagger.core.config import LabelSettings
from tagger.core.errors import ConfigError
from tagger.core.evidence import NO_EVIDENCE, Evidence
from tagger.core.names import folded
from tagger.core.photo import Label, Origin
from tagger.core.sentences import Sentence
from tagger.labels.combine import Claim, Witnesses, spoken_words, witness_labels
from tagger.labels.taxonomy import Taxonomy, load
from tagger.labels.whys import compared, fate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RULE_PREFIX = "rule:"
# The least probability with which the classifier's word counts for or against another witness.
_LEAST_SAID = 0.05
# What boxes and words say less surely than this is not even stored.
_LEAST_STORED = 0.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may become a label: a class, a hypernym, or the result of a merge rule.

    `classes`: the indexes of the network's outputs whose probabilities it sums. `merged_into`: the name of the
    label that a rule shows instead. `fixed`: the settings give its threshold, for every witness.
    """

    key: str
    name: str
    classes: tuple[int, ...]
    origin: Origin
    threshold: float
    silenced: bool = False
    merged_into: str | None = None
    renamed_from: str | None = None
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class CandidateReport:
    """The policy's decision about one candidate for one photo. JSON-able with `dataclasses.asdict`."""

    key: str
    name: str
    probability: float
    threshold: float
    origin: str
    stored: bool
    shown: bool
    why: str
    classes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one candidate for one photo, before it is written down."""

    candidate: Candidate
    confidence: float
    threshold: float
    origin: Origin
    stored: bool
    shown: bool
    why: str

    @property
    def width(self) -> int:
        """How much the label covers: how many classes lie under it."""
        return len(self.candidate.classes)


@dataclass(frozen=True)
class Policy:
    """The label policy of a configuration."""

    settings: LabelSettings
    taxonomy: Taxonomy
    candidates: tuple[Candidate, ...]

    @classmethod
    def from_settings(cls, settings: LabelSettings, taxonomy: Taxonomy, show_threshold: float = 0.60) -> Policy:
        """Build the policy. Raises ConfigError if a rule names a label that does not exist.

        `show_threshold`: of the model, where the settings give none.
        """
        general = show_threshold if settings.show_threshold is None else settings.show_threshold
        return cls(settings, taxonomy, tuple(_candidates(settings, taxonomy, general)))

    def labels_for(
        self, scores: NDArray[np.float32], evidence: Sequence[Evidence] | None = None
    ) -> list[tuple[Label, ...]]:
        """Class probabilities, float32 (photos, classes), and other evidence -> each photo's labels in rank order."""
        probabilities = self._probabilities(scores)
        stored = self._stored(scores, probabilities)
        known = evidence or [NO_EVIDENCE] * len(scores)
        rows = zip(probabilities, stored, known, spoken_words(known), strict=True)
        return [self._labels(row, keep, self._witnesses(row, one, words)) for row, keep, one, words in rows]

    def explain(
        self, scores: NDArray[np.float32], evidence: Evidence = NO_EVIDENCE, limit: int = 10
    ) -> list[CandidateReport]:
        """Why one photo has its labels, by every witness: those shown, then other likely ones. `scores`: (classes,)."""
        import numpy as np

        [probabilities] = self._probabilities(scores[np.newaxis])
        [stored] = self._stored(scores[np.newaxis], probabilities[np.newaxis])
        likely = np.argsort(-probabilities, kind="stable")[:limit]
        witnesses = self._witnesses(probabilities, evidence, spoken_words([evidence])[0])
        verdicts = self._verdicts(probabilities, stored, witnesses, [int(index) for index in likely])
        # As labels are shown: the narrowest first. Then the others, the likeliest first.
        verdicts.sort(key=lambda one: (not one.shown, one.width if one.shown else 0, -one.confidence))
        kept = [one for one in verdicts if one.stored]
        kept += [one for one in verdicts if not one.stored][:limit]
        return [self._report(verdict, scores) for verdict in kept]

    @cached_property
    def _matrix(self) -> NDArray[np.float32]:
        """float32 (classes, candidates): one where a candidate covers a class."""
        import numpy as np

        matrix = np.zeros((len(self.taxonomy.classes), len(self.candidates)), np.float32)
        for column, candidate in enumerate(self.candidates):
            matrix[list(candidate.classes), column] = 1
        return matrix

    def _probabilities(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (photos, candidates), clipped to 1, which sums of rounded numbers may exceed slightly."""
        import numpy as np

        if scores.shape[1] != len(self.taxonomy.classes):
            raise ValueError(f"{scores.shape[1]} scores for {len(self.taxonomy.classes)} classes")
        probabilities: NDArray[np.float32] = np.minimum(scores @ self._matrix, np.float32(1))
        return probabilities

    def _stored(self, scores: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """bool (photos, candidates): which become labels."""
        import numpy as np

        count = len(self.taxonomy.classes)
        passes = probabilities >= np.array([candidate.threshold for candidate in self.candidates], np.float32)
        mergeable = np.array([candidate.merged_into is not None for candidate in self.candidates])
        stored = passes & ~mergeable
        top = np.argsort(-scores, axis=1, kind="stable")[:, : self.settings.top_k]
        likely = np.zeros_like(scores, dtype=bool)
        np.put_along_axis(likely, top, np.take_along_axis(scores, top, 1) >= self.settings.min_confidence, 1)
        stored[:, :count] |= likely
        kept: NDArray[np.bool_] = stored & ~np.array([candidate.silenced for candidate in self.candidates])
        return kept

    def _labels(
        self, probabilities: NDArray[np.float32], stored: NDArray[np.bool_], witnesses: Witnesses | None
    ) -> tuple[Label, ...]:
        kept = [verdict for verdict in self._verdicts(probabilities, stored, witnesses) if verdict.stored]
        # Shown labels first, the most specific ones leading; then the others, the likeliest leading.
        kept.sort(key=lambda one: (not one.shown, one.width if one.shown else 0, -one.confidence, one.candidate.name))
        return tuple(
            Label(one.candidate.key, one.candidate.name, one.confidence, rank, one.origin, one.shown)
            for rank, one in enumerate(kept, 1)
        )

    def _witnesses(
        self, probabilities: NDArray[np.float32], evidence: Evidence, spoken: NDArray[np.float32] | None
    ) -> Witnesses | None:
        if evidence.tiny or (evidence.boxes is None and spoken is None and not evidence.kinds):
            return None
        likely = (probabilities >= _LEAST_SAID).nonzero()[0]
        classes = {self.candidates[index].key: float(probabilities[index]) for index in likely}
        return Witnesses(evidence, classes, spoken)

    def _verdicts(
        self,
        probabilities: NDArray[np.float32],
        stored: NDArray[np.bool_],
        witnesses: Witnesses | None,
        also: Sequence[int] = (),
    ) -> list[Verdict]:
        """The decision about each candidate that a witness of one photo speaks for; `also`: these, too."""
        found: dict[str, Verdict] = {}
        for index in dict.fromkeys([*also, *(int(index) for index in stored.nonzero()[0])]):
            verdict = self._by_classifier(self.candidates[index], float(probabilities[index]), bool(stored[index]))
            if witnesses is not None and verdict.shown and not verdict.candidate.fixed:
                doubt = witnesses.doubt(verdict.candidate.key, verdict.confidence)
                if doubt:
                    verdict = replace(verdict, shown=False, why=fate(shown=False, stored=True, why=doubt))
            found[verdict.candidate.key] = verdict
        for claim in witnesses.claims() if witnesses is not None else ():
            candidate = self._by_key.get(claim.key)
            if candidate is not None and candidate.merged_into is not None and not candidate.silenced:
                candidate = self._by_key[RULE_PREFIX + candidate.merged_into]
            if candidate is not None:
                verdict = self._by_claim(candidate, claim)
                before = found.get(candidate.key)
                found[candidate.key] = verdict if before is None else _both(before, verdict)
        return [one for one in found.values() if one.stored or one.why]

    @cached_property
    def _by_key(self) -> dict[str, Candidate]:
        return {candidate.key: candidate for candidate in self.candidates}

    def _by_classifier(self, candidate: Candidate, probability: float, stored: bool) -> Verdict:
        shown = stored and probability >= candidate.threshold and candidate.merged_into is None
        why = self._why(candidate, probability, stored, shown)
        return Verdict(candidate, probability, candidate.threshold, candidate.origin, stored, shown, why)

    def _by_claim(self, candidate: Candidate, claim: Claim) -> Verdict:
        """What becomes of a claim under the rules of the settings."""
        threshold = candidate.threshold if candidate.fixed else claim.threshold
        shown = not candidate.silenced and (claim.confidence >= threshold if candidate.fixed else claim.shown)
        stored = not candidate.silenced and (
            shown or claim.confidence >= max(_LEAST_STORED, self.settings.min_confidence)
        )
        rule = claim.rule
        if candidate.fixed:
            rule = Sentence(
                "{share} against {least} of labels.thresholds", share=f"{claim.confidence:.2f}", least=f"{threshold:g}"
            )
        if candidate.silenced:
            why: str = _SILENCED
        else:
            said = Sentence("{seen} {rule}", seen=claim.seen, rule=rule) if claim.seen and rule else claim.seen or rule
            why = fate(shown=shown, stored=stored, why=_renamed(said, candidate))
        return Verdict(candidate, claim.confidence, threshold, claim.origin, stored, shown, why)

    def _report(self, verdict: Verdict, scores: NDArray[np.float32]) -> CandidateReport:
        candidate, names = verdict.candidate, self.taxonomy.names
        parts = sorted(((float(scores[i]), i) for i in candidate.classes), reverse=True)[:5]
        return CandidateReport(
            candidate.key,
            candidate.name,
            verdict.confidence,
            verdict.threshold,
            verdict.origin.name.lower(),
            verdict.stored,
            verdict.shown,
            verdict.why,
            tuple((names[self.taxonomy.classes[i]], share) for share, i in parts),
        )

    def _why(self, candidate: Candidate, probability: float, stored: bool, shown: bool) -> str:
        if candidate.silenced:
            return _SILENCED
        if candidate.merged_into is not None:
            return Sentence("counted under {label} by labels.merge", label=candidate.merged_into)
        said = compared(f"{probability:.2f}", f"{candidate.threshold:g}", reached=shown)
        return fate(shown=shown, stored=stored, why=_renamed(said, candidate))


_SILENCED = Sentence("silenced by labels.silence")


def _renamed(why: str, candidate: Candidate) -> str:
    before = candidate.renamed_from
    return Sentence("{why}, renamed from {name}", why=why, name=before) if before else why


def _both(one: Verdict, other: Verdict) -> Verdict:
    """What two witnesses say of the same label together: shown if either shows it, by the surer of those that do."""
    first, second = (other, one) if (other.shown, other.confidence) > (one.shown, one.confidence) else (one, other)
    return replace(
        first,
        confidence=max(first.confidence, second.confidence),
        stored=first.stored or second.stored,
        why=Sentence("{one}; {other}", one=first.why, other=second.why) if first.why != second.why else first.why,
    )


def top_classes(scores: NDArray[np.float32], taxonomy: Taxonomy, top: int = 5) -> list[tuple[str, str, float]]:
    """The likeliest classes of one photo as (WordNet id, name, probability).

    Ties are ordered as `keras.applications`' decode_predictions orders them: by NumPy's argsort, reversed.
    """
    best = scores.argsort()[-top:][::-1]
    return [(taxonomy.classes[i], taxonomy.names[taxonomy.classes[i]], float(scores[i])) for i in best]


def _candidates(settings: LabelSettings, taxonomy: Taxonomy, general: float) -> Iterable[Candidate]:
    """Classes in the network's order, then hypernyms, then the results of `labels.merge`. `general`: the threshold.

    A hypernym that serves search only is a candidate where `labels.thresholds` or `labels.merge` name it.
    """
    _refuse_unknown(settings, taxonomy)
    named = {key for name in settings.thresholds for key in taxonomy.lookup(name)}
    named |= {key for parts in settings.merge.values() for name in parts for key in taxonomy.lookup(name)}
    keys = [*taxonomy.classes, *taxonomy.shown_hypernyms, *taxonomy.added, *sorted(taxonomy.search_only & named)]
    names = taxonomy.names
    if taxonomy.own:
        # Boxes, words and files speak beside a network with classes of the owner's own as well.
        names = {key: load().names[key] for key in witness_labels()} | names
        taken = {folded(name) for name in taxonomy.names.values()}
        keys += [key for key in witness_labels() if key not in keys and folded(names[key]) not in taken]
    merges = {folded(new) for new in settings.merge}
    of_merges = {folded(name): threshold for name, threshold in settings.thresholds.items()}
    silenced = {key for name in settings.silence for key in _named(taxonomy, keys, name)}
    thresholds = {
        key: threshold
        for name, threshold in settings.thresholds.items()
        if folded(name) not in merges
        for key in _named(taxonomy, keys, name)
    }
    renamed = {key: new for name, new in settings.rename.items() for key in _named(taxonomy, keys, name)}
    merged = {
        key: new for new, parts in settings.merge.items() for name in parts for key in _named(taxonomy, keys, name)
    }
    for position, key in enumerate(keys):
        name = names[key]
        yield Candidate(
            key,
            renamed.get(key, name),
            taxonomy.classes_under(key),
            Origin.MODEL if position < len(taxonomy.classes) else Origin.HIERARCHY,
            thresholds.get(key, general),
            key in silenced,
            merged.get(key),
            name if key in renamed else None,
            key in thresholds,
        )
    for new in settings.merge:
        covered = {index for key, name in merged.items() if name == new for index in taxonomy.classes_under(key)}
        threshold = of_merges.get(folded(new), general)
        yield Candidate(
            RULE_PREFIX + new, new, tuple(sorted(covered)), Origin.HIERARCHY, threshold, fixed=folded(new) in of_merges
        )


def _refuse_unknown(settings: LabelSettings, taxonomy: Taxonomy) -> None:
    """Raise a ConfigError that tells every label in the rules that does not exist."""
    if taxonomy.own:
        return
    keys = taxonomy.labels | taxonomy.search_only
    merges = {folded(new) for new in settings.merge}
    named = [("silence", name) for name in settings.silence]
    named += [("thresholds", name) for name in settings.thresholds if folded(name) not in merges]
    named += [("rename", name) for name in settings.rename]
    named += [(f"merge.{new}", name) for new, parts in settings.merge.items() for name in parts]
    unknown = [(rule, name) for rule, name in named if not _named(taxonomy, keys, name)]
    if unknown:
        near = {name: ", ".join(taxonomy.suggest(name)) or "see: tagger labels --all" for _, name in unknown}
        raise ConfigError(
            "\n".join(f"labels.{rule}: there is no label {name!r}." for rule, name in unknown),
            "\n".join(f"Near{'' if len(near) == 1 else ' ' + name}: {found}" for name, found in near.items()),
        )


def _named(taxonomy: Taxonomy, keys: Collection[str], name: str) -> list[str]:
    """The keys that a rule means by a name; of another network than that of the rules perhaps none."""
    return [key for key in dict.fromkeys((*taxonomy.lookup(name), *load().lookup(name))) if key in keys]
