"""What the API says of a classification: classes, candidates and why, uploads, the model's state."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from tagger.core.boxes import Box
from tagger.core.languages import ENGLISH
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.explain import Explanation
from tagger.labels.languages import Language
from tagger.web.schemas_photos import LabelOut, Matched, ModelOut, NamedLabel, naming
from tagger.web.words import Words


class ClassOut(NamedLabel):
    """One of the network's own classes."""

    probability: float


class VerdictOut(NamedLabel):
    """What the policy says of one candidate. `why`: in words. `classes`: the likeliest that it sums."""

    probability: float
    threshold: float
    origin: str
    stored: bool
    shown: bool
    why: str
    classes: list[Matched]


class BoxOut(NamedLabel):
    """Something that the detector found; where it is not `sure`, a guess.

    The edges are shares, 0 to 1, of the upright picture's width and height.
    """

    score: float
    sure: bool
    left: float
    top: float
    right: float
    bottom: float


class WhyOut(BaseModel):
    """Why a photo has its labels. `fresh`: it was looked at just now.

    `boxes`: people and things, the surest first; null where nothing has looked for them. `kinds`: what the file tells,
    which as labels is `kind_labels`.
    """

    model: ModelOut
    fresh: bool
    labels: list[LabelOut]
    classes: list[ClassOut]
    boxes: list[BoxOut] | None
    kinds: list[str]
    kind_labels: list[NamedLabel]
    verdicts: list[VerdictOut]

    @classmethod
    def of(cls, stored: Explanation, spoken: Language, words: Words) -> WhyOut:
        """From the domain's value, with the labels' names in a language, and why in the page's words."""

        def named(key: str, english: str, **more: object) -> dict[str, object]:
            return {**naming(key, english, spoken), **more}

        def why(reason: str) -> str:
            # A sentence is of one language: English names in an English one, whatever labels are called beside it.
            if isinstance(reason, Sentence) and spoken.code == words.code:
                return reason.named(spoken.name_of)
            return reason

        def summed(classes: Sequence[tuple[str, float]]) -> list[Matched]:
            pairs = [(_key_of(name), name, round(share, 4)) for name, share in classes]
            return [Matched.model_validate(named(key, name, confidence=share)) for key, name, share in pairs]

        return cls(
            model=ModelOut(id=stored.model_id, architecture=stored.architecture),
            fresh=stored.fresh,
            labels=[LabelOut.of(label, spoken) for label in stored.labels],
            classes=[
                ClassOut.model_validate(named(key, name, probability=round(share, 4)))
                for key, name, share in stored.top
            ],
            boxes=None
            if stored.boxes is None
            else [BoxOut.model_validate(_box(box, spoken, words)) for box in stored.boxes],
            kinds=list(stored.kinds),
            kind_labels=[NamedLabel.model_validate(named(_key_of(kind), kind)) for kind in stored.kinds],
            verdicts=[
                VerdictOut.model_validate(
                    named(
                        one.key,
                        one.name,
                        probability=round(one.probability, 4),
                        threshold=one.threshold,
                        origin=one.origin,
                        stored=one.stored,
                        shown=one.shown,
                        why=words.plain(why(one.why)),
                        classes=summed(one.classes),
                    )
                )
                for one in stored.candidates
            ],
        )


def _key_of(name: str) -> str:
    """The key of the label that has an English name; empty if it is none, or not one alone."""
    return taxonomy.load().label_named(name) or ""


def _box(box: Box, spoken: Language, words: Words) -> dict[str, object]:
    key = _key_of(box.name)
    # What is no label has its name in the page's catalogues.
    told = words.plain(box.name)
    name = told if told != box.name or spoken.code == ENGLISH else spoken.names.get(key, box.name)
    edges = {edge: round(getattr(box, edge), 3) for edge in ("left", "top", "right", "bottom")}
    score = {"score": round(box.score, 3), "sure": box.is_sure}
    return {**naming(key, box.name, spoken), "name": name, **score, **edges}


class UploadOut(BaseModel):
    """What became of one uploaded photo: its labels, or why it has none."""

    name: str
    why: WhyOut | None
    error: str


class ModelState(BaseModel):
    """Whether the model is loaded; while its weights are fetched, how many bytes of how many are here."""

    ready: bool
    fetched_bytes: int
    total_bytes: int | None


class ClassifyOut(BaseModel):
    """The answers to an upload, in its order."""

    photos: list[UploadOut]
