"""What the API says of a classification: classes, candidates and why, uploads, the model's state."""

from __future__ import annotations

from pydantic import BaseModel

from tagger.core.boxes import Box
from tagger.labels.explain import Explanation
from tagger.labels.languages import Language
from tagger.web.schemas_photos import LabelOut, Matched, ModelOut


class ClassOut(BaseModel):
    """One of the network's own classes."""

    wnid: str
    name: str
    probability: float


class VerdictOut(BaseModel):
    """What the policy says of one candidate. `why`: in words. `classes`: the likeliest that it sums."""

    key: str
    name: str
    probability: float
    threshold: float
    origin: str
    stored: bool
    shown: bool
    why: str
    classes: list[Matched]


class BoxOut(BaseModel):
    """Something that the detector found; where it is not `sure`, a guess.

    The edges are shares, 0 to 1, of the upright picture's width and height.
    """

    name: str
    score: float
    sure: bool
    left: float
    top: float
    right: float
    bottom: float


class WhyOut(BaseModel):
    """Why a photo has its labels. `fresh`: it was looked at just now.

    `boxes`: people and things, the surest first; null where nothing has looked for them. `kinds`: what the file tells.
    """

    model: ModelOut
    fresh: bool
    labels: list[LabelOut]
    classes: list[ClassOut]
    boxes: list[BoxOut] | None
    kinds: list[str]
    verdicts: list[VerdictOut]

    @classmethod
    def of(cls, stored: Explanation, spoken: Language) -> WhyOut:
        """From the domain's value, with the labels' names in a language."""
        found = stored.named(spoken)
        return cls(
            model=ModelOut(id=found.model_id, architecture=found.architecture),
            fresh=found.fresh,
            labels=[LabelOut.of(label, spoken) for label in stored.labels],
            classes=[ClassOut(wnid=wnid, name=name, probability=round(share, 4)) for wnid, name, share in found.top],
            boxes=None if found.boxes is None else [_box(box) for box in found.boxes],
            kinds=list(found.kinds),
            verdicts=[
                VerdictOut(
                    key=one.key,
                    name=one.name,
                    probability=round(one.probability, 4),
                    threshold=one.threshold,
                    origin=one.origin,
                    stored=one.stored,
                    shown=one.shown,
                    why=one.why,
                    classes=[Matched(name=name, confidence=round(share, 4)) for name, share in one.classes],
                )
                for one in found.candidates
            ],
        )


def _box(box: Box) -> BoxOut:
    left, top, right, bottom = (round(edge, 3) for edge in (box.left, box.top, box.right, box.bottom))
    score = round(box.score, 3)
    return BoxOut(name=box.name, score=score, sure=box.is_sure, left=left, top=top, right=right, bottom=bottom)


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
