"""What the API says and takes of work that takes long: keywords written and undone, labels taught, duplicates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tagger.web.problems import Problem
from tagger.web.schemas_photos import Name, RequestBody
from tagger.web.selection import Selection

PhotoIds = Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=10_000)]


class FileChange(BaseModel):
    """A file with the keywords that it gets and loses."""

    path: str
    add: list[str]
    remove: list[str]


class Failure(BaseModel):
    """A photo that failed, and why."""

    path: str
    reason: str


class WrittenOut(BaseModel):
    """Keywords that were written, or would be. `bytes`: in `files` that change, of which some are `sidecars`.

    `unchanged`: photos that need nothing; `stale`: that changed since they were labelled; `later`: that changed at this
    moment. `added`, `removed`: keywords by field. `files_listed`: the first 100 files of a preview. `by`: who writes:
    this server, in a `run` that can be taken back, or the service, which was told.
    """

    kind: Literal["written"] = "written"
    by: Literal["server", "service"]
    run: int | None
    photos: int
    files: int
    sidecars: int
    bytes: int
    unchanged: int
    stale: int
    later: int
    failed: int
    added: dict[str, int]
    removed: dict[str, int]
    failures: list[Failure]
    files_listed: list[FileChange]


class UndoneOut(BaseModel):
    """Keywords that were taken back, or would be. `exact`: files restored byte for byte; `absent`: photos not there."""

    kind: Literal["undone"] = "undone"
    files: int
    exact: int
    bytes: int
    absent: int
    removed: dict[str, int]
    failures: list[Failure]
    files_listed: list[FileChange]


class ToLookAt(BaseModel):
    """A photo that a person should look at, with the label's probability."""

    photo: int
    probability: float


class CurvePoint(BaseModel):
    """A threshold that a label might have: of the photos above it the share of right ones, and what share is found."""

    threshold: float
    precision: float
    recall: float


class LessonOut(BaseModel):
    """A label that was taught, or what teaching it would come to. `kept`: it is stored; `on`: and given to photos.

    `yes`, `no`, `sampled`: examples. `precision`: the share of right ones of the `photos` of `library` that would get
    it; `recall`: the share of those that show it that is found. `refused`: why it could not be learned; `must_look`:
    why a person must look at `to_look_at` first. `changed`: photos that got or lost it. `curve`: from the highest
    threshold on.
    """

    kind: Literal["lesson"] = "lesson"
    key: str
    name: str
    kept: bool
    on: bool
    changed: int
    yes: int
    no: int
    sampled: int
    precision: float
    recall: float
    threshold: float
    photos: int
    library: int
    refused: str
    must_look: str
    to_look_at: list[ToLookAt]
    curve: list[CurvePoint]


class SwitchedOut(BaseModel):
    """A taught label that was switched on or off. `changed`: photos that got or lost it."""

    kind: Literal["switched"] = "switched"
    key: str
    on: bool
    changed: int


class DuplicateOut(BaseModel):
    """A photo of a group. `same_bytes`: another of the group is the very same file."""

    id: int
    path: str
    bytes: int
    width: int | None
    height: int | None
    format: str | None
    taken: str | None
    same_bytes: bool


class GroupOut(BaseModel):
    """Photos that look nearly the same. `similarity`: the least of the pairs that make it a group, 0 to 1."""

    similarity: float
    photos: list[DuplicateOut]


class DuplicatesOut(BaseModel):
    """Groups of near-duplicates, the largest first. `groups`: how many there are; `listed`: the first 500 of them."""

    kind: Literal["duplicates"] = "duplicates"
    groups: int
    photos: int
    listed: list[GroupOut]


class TaskOut(BaseModel):
    """Work that was started. `done` of `total`: how far it is. `result`: when it is done; `problem`: when it failed."""

    id: int
    what: str
    state: Literal["waiting", "running", "done", "failed"]
    done: int
    total: int
    result: Annotated[
        WrittenOut | UndoneOut | LessonOut | SwitchedOut | DuplicatesOut | None, Field(discriminator="kind")
    ]
    problem: Problem | None


class KeywordsIn(RequestBody):
    """Which photos' keywords are to be written; null: of all whose keywords are not up to date."""

    which: Selection | None = None


class UndoIn(RequestBody):
    """Which keywords of tagger's to take back: what a `run` wrote, a `label`, those in some photos, or `everything`."""

    run: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    label: Name | None = None
    which: Selection | None = None
    everything: bool = False


class RunOut(BaseModel):
    """A run that wrote keywords or took them back. Times: seconds since the epoch, UTC. `files`: how many it wrote."""

    id: int
    command: str
    started_at: int
    files: int
    failed: int
    outcome: str | None


class WriteOut(BaseModel):
    """One write to a photo's file or its sidecar. `size_before`: null where tagger made the file, `size_after` as well.

    `added`, `removed`: keywords with the field that they are in. `reason`: why not into the photo itself.
    """

    run: int
    command: str
    written_at: int
    target: str
    path: str
    size_before: int | None
    size_after: int | None
    added: list[tuple[str, str]]
    removed: list[tuple[str, str]]
    reason: str | None


class LessonIn(RequestBody):
    """A label to teach: photos that show it (`yes`), and some that do not. `precision`: the share of right ones wanted.

    What a person said of the label counts as well. `on`: give it to photos at once, if it is good enough; `looked`: a
    person looked at its photos, and they are right.
    """

    name: Name
    yes: PhotoIds
    no: PhotoIds = []
    precision: Annotated[float, Field(ge=0.05, le=1)] = 0.9
    on: bool = False
    looked: bool = False


class SwitchIn(RequestBody):
    """Whether a taught label is on. `looked`: a person looked at its photos, and they are right."""

    on: bool
    looked: bool = False


class PhotosIn(RequestBody):
    """Photos of the library."""

    photos: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(min_length=1, max_length=1000)]


class TriedOut(BaseModel):
    """How sure a taught label is of a photo; null where the photo cannot be looked at. `yes`: it would get it."""

    photo: int
    probability: float | None
    yes: bool


class TaughtOut(BaseModel):
    """A taught label. `photos`: that have it; `usable`: it is taught for the library's model; else `refused` says why.

    `precision`, `recall`, `yes`, `no`, `sampled`, `curve`, `threshold`: as of a lesson; `to_look_at`: photos that a
    person should look at. `learned_at`: seconds since the epoch, UTC; null if never. `since_yes`, `since_no`: photos
    that a person gave it, or took it from, since then, of which it has yet to learn.
    """

    key: str
    name: str
    on: bool
    photos: int
    wanted: float
    usable: bool
    precision: float
    recall: float
    yes: int
    no: int
    sampled: int
    refused: str
    must_look: str
    to_look_at: int
    threshold: float
    curve: list[CurvePoint]
    learned_at: int | None
    since_yes: int
    since_no: int
