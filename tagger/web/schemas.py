"""What the API takes and gives, as pydantic models; the OpenAPI description is made of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tagger.core.config import Share
from tagger.core.paths import shown_path
from tagger.core.photo import Label
from tagger.labels.explain import Explanation
from tagger.search.run import FoundPhoto
from tagger.store.records import PhotoStory

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(max_length=50)]


class TakenOut(BaseModel):
    """What a request may say. A key that is not known is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LabelOut(BaseModel):
    """A label of a photo. `confidence`: 0 to 1. `origin`: model, hierarchy, taught or person."""

    key: str
    name: str
    confidence: float
    rank: int
    origin: str
    shown: bool

    @classmethod
    def of(cls, label: Label) -> LabelOut:
        """From the domain's value."""
        return cls(
            key=label.key,
            name=label.name,
            confidence=round(label.confidence, 4),
            rank=label.rank,
            origin=label.origin.name.lower(),
            shown=label.shown,
        )


class Matched(BaseModel):
    """A label that a search matched, with its confidence."""

    name: str
    confidence: float


class PhotoOut(BaseModel):
    """A photo in a list. `picture`: where its small copy is, relative to the API's root."""

    id: int
    path: str
    taken: str | None
    labels: list[Matched]
    picture: str

    @classmethod
    def of(cls, found: FoundPhoto) -> PhotoOut:
        """From a search's result."""
        return cls(
            id=found.photo_id,
            path=shown_path(found.path.absolute),
            taken=found.taken,
            labels=[Matched(name=name, confidence=round(share, 4)) for name, share in found.labels],
            picture=f"photos/{found.photo_id}/picture?v={found.version}",
        )


class Unknown(BaseModel):
    """A word that no photo has. `known`: it is a label all the same. `near`: labels like it."""

    text: str
    known: bool
    near: list[str]


class SearchOut(BaseModel):
    """A page of results. `next`: what to pass as `after` for the next page; null on the last."""

    photos: list[PhotoOut]
    next: str | None
    unknown: list[Unknown]


class Suggestion(BaseModel):
    """A label for what was typed, with the number of photos that show it."""

    name: str
    photos: int


class ModelOut(BaseModel):
    """A model that labelled photos."""

    id: str
    architecture: str


class PhotoDetail(BaseModel):
    """Everything known of one photo. `removed`: labels that a person took away. Times: seconds since the epoch, UTC."""

    id: int
    path: str
    state: str
    error: str | None
    format: str | None
    width: int | None
    height: int | None
    taken: str | None
    bytes: int
    added_at: int
    labelled_at: int | None
    missing_since: int | None
    model: ModelOut | None
    labels: list[LabelOut]
    removed: list[str]
    copies: list[int]

    @classmethod
    def of(cls, story: PhotoStory) -> PhotoDetail:
        """From the domain's value."""
        record, model = story.record, story.model
        return cls(
            id=record.id,
            path=shown_path(record.path.absolute),
            state=record.state,
            error=record.error,
            format=record.format,
            width=record.width,
            height=record.height,
            taken=record.taken,
            bytes=record.fingerprint.size,
            added_at=record.added_at,
            labelled_at=record.labelled_at,
            missing_since=record.missing_since,
            model=None if model is None else ModelOut(id=model.model_id, architecture=model.architecture),
            labels=[LabelOut.of(label) for label in story.labels],
            removed=story.removed,
            copies=[copy.id for copy in story.copies],
        )


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


class WhyOut(BaseModel):
    """Why a photo has its labels. `fresh`: it was looked at just now."""

    model: ModelOut
    fresh: bool
    labels: list[LabelOut]
    classes: list[ClassOut]
    verdicts: list[VerdictOut]

    @classmethod
    def of(cls, found: Explanation) -> WhyOut:
        """From the domain's value."""
        return cls(
            model=ModelOut(id=found.model_id, architecture=found.architecture),
            fresh=found.fresh,
            labels=[LabelOut.of(label) for label in found.labels],
            classes=[ClassOut(wnid=wnid, name=name, probability=round(share, 4)) for wnid, name, share in found.top],
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


class Corrections(TakenOut):
    """What a person says of a photo's labels, by name or key; `add` also takes words of their own."""

    remove: Names = []
    confirm: Names = []
    add: Names = []
    undo: Names = []


class LabelsOut(BaseModel):
    """A photo's labels after a correction."""

    labels: list[LabelOut]
    removed: list[str]


class LabelCountOut(BaseModel):
    """A label of the library. `shown`, `stored`: photos that show it, and that have it at all."""

    key: str
    name: str
    shown: int
    stored: int


class BranchOut(BaseModel):
    """A label in the hierarchy, with what lies below it."""

    key: str
    name: str
    shown: int
    below: list[BranchOut]


class RulesIn(TakenOut):
    """Rules for one label, as [labels] of the settings has them; null leaves a rule as it is.

    `rename`: another name, "" for its own again. `merge_into`: count it under another label, "" for not.
    `silence`: never show it. `threshold`: -1 for the general one.
    """

    rename: Annotated[str, StringConstraints(max_length=200)] | None = None
    merge_into: Annotated[str, StringConstraints(max_length=200)] | None = None
    silence: bool | None = None
    threshold: Share | Literal[-1] | None = None


class Change(BaseModel):
    """A photo that would show other labels."""

    photo: PhotoOut
    lost: list[str]
    gained: list[str]


class PreviewOut(BaseModel):
    """What rules would change. `compared` of `photos` were looked at; `changed` of those would show other labels."""

    photos: int
    compared: int
    changed: int
    gained: list[Suggestion]
    lost: list[Suggestion]
    examples: list[Change]


class RulesOut(BaseModel):
    """The rules of one label as they are. `fixed`: a source outranks what is set here."""

    key: str
    name: str
    shown: int
    rename: str
    merge_into: str
    silence: bool
    threshold: float
    general_threshold: float
    fixed: str


class AppliedOut(BaseModel):
    """What becomes of changed rules. `by`: who applies them to the library: the service, or this server."""

    rules: RulesOut
    by: str


class Question(BaseModel):
    """An uncertain label of a photo: is it right?"""

    photo: PhotoOut
    key: str
    name: str
    confidence: float
    shown: bool


class ReviewOut(BaseModel):
    """Some uncertain labels, the most uncertain first."""

    questions: list[Question]


class FailedOut(BaseModel):
    """A photo that could not be labelled, or whose keywords could not be written, and why."""

    id: int
    path: str
    kind: str
    reason: str


class FailedPage(BaseModel):
    """A page of dead letters."""

    failed: list[FailedOut]
    next: str | None


class RetryIn(TakenOut):
    """Which dead letters to queue again; without ids, all."""

    photos: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=1000)] | None = None


class RetryOut(BaseModel):
    """How many photos were queued again, and whether a running service was told."""

    queued: int
    service: bool


class UploadOut(BaseModel):
    """What became of one uploaded photo: its labels, or why it has none."""

    name: str
    why: WhyOut | None
    error: str


class FolderOut(BaseModel):
    """A folder. `watching`: native, polling, or "" without a service. `held`: why nothing counts as gone."""

    path: str
    scanned_at: int | None
    watching: str
    why_polling: str
    held: str


class SpeedOut(BaseModel):
    """How fast photos were labelled up to a time."""

    at: int
    photos_per_second: float


class StatusOut(BaseModel):
    """What is going on. Times: seconds since the epoch, UTC. `finished_at`: when the queue will be empty, if it moves.

    `at_work`: who works on the library; `problems`: what the service waits for; `speed`: the last hour.
    """

    photos: int
    labelled: int
    missing: int
    queued: int
    failed: int
    keywords_queued: int
    keywords_mode: str
    models: dict[str, int]
    folders: list[FolderOut]
    at_work: str
    service: bool
    problems: list[str]
    photos_per_second: float
    finished_at: int | None
    window: str
    next_runs: dict[str, int]
    relabelling: bool
    speed: list[SpeedOut]


class ModelState(BaseModel):
    """Whether the model is loaded; while its weights are fetched, how many bytes of how many are here."""

    ready: bool
    fetched_bytes: int
    total_bytes: int | None


class ClassifyOut(BaseModel):
    """The answers to an upload, in its order."""

    photos: list[UploadOut]
