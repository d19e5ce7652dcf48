"""What the API says and takes of the work: status, dead letters, retries."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tagger.web.schemas_photos import RequestBody


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


class RetryIn(RequestBody):
    """Which dead letters to queue again: those of photos, or that have a reason; without either, all."""

    reason: Annotated[str, Field(max_length=10_000)] | None = None
    photos: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=1000)] | None = None


class RetryOut(BaseModel):
    """How many photos were queued again, and whether a running service was told."""

    queued: int
    service: bool


class FolderOut(BaseModel):
    """A folder. `watching`: native, polling, or "" without a service. `held`: why nothing counts as gone.

    `polled`: folders in it of which the kernel does not tell, with the reasons.
    """

    path: str
    scanned_at: int | None
    watching: str
    why_polling: str
    polled: dict[str, str]
    held: str


class NodeOut(BaseModel):
    """A machine of a cluster: photos labelled in this run, its speed (0: not heard of), when it stored results last."""

    node: str
    labelled: int
    photos_per_second: float
    seen_at: int


class SpeedOut(BaseModel):
    """How fast photos were labelled up to a time."""

    at: int
    photos_per_second: float


class HooksOut(BaseModel):
    """What other programs are told of photos. `waiting`: of how many photos each hook is yet to be told, by its name.

    `problems`: why which could not be told, in sentences; nothing is lost meanwhile.
    """

    waiting: dict[str, int]
    problems: list[str]


class ModelStatusOut(BaseModel):
    """Which model labels (`labels`, empty if none can), which is `wanted`, `why` they differ; `note` says it all."""

    labels: str
    wanted: str
    why: str
    note: str


class FailureOut(BaseModel):
    """Why some photos could not be labelled, or their keywords not be written (`kind`), and what helps."""

    kind: str
    reason: str
    photos: int
    cure: str


class RunOut(BaseModel):
    """The last run: which command, when it began, how it ended (null: it goes on), its photos and seconds."""

    command: str
    started_at: int
    outcome: str | None
    labelled: int
    failed: int
    seconds: float | None


class StatusOut(BaseModel):
    """What is going on. Times: seconds since the epoch, UTC. `finished_at`: when the queue will be empty, if it moves.

    `prepared`: photos that descriptions are compared with at once; `at_work`: who works on the library; `problems`:
    what the service waits for; `speed`: the last hour; `nodes`: the machines of a cluster that label now; `hooks`: a
    receiver that is away does not stop the service, so this is none of its `problems`.
    `failures`: the most frequent reasons. `window_opens_at`: when work may go on; null while it may. `backed_up_at`:
    when the library was copied last; `keeps_backups`: whether the service does that. `fetching_at`: when the wanted
    model is tried again.
    """

    photos: int
    labelled: int
    prepared: int
    missing: int
    queued: int
    failed: int
    keywords_queued: int
    keywords_mode: str
    model: ModelStatusOut
    models: dict[str, int]
    folders: list[FolderOut]
    at_work: str
    service: bool
    problems: list[str]
    hooks: HooksOut
    photos_per_second: float
    finished_at: int | None
    nodes: list[NodeOut]
    window: str
    next_runs: dict[str, int]
    relabelling: bool
    speed: list[SpeedOut]
    failures: list[FailureOut]
    last_run: RunOut | None
    window_opens_at: int | None
    backed_up_at: int | None
    keeps_backups: bool
    fetching_at: int | None
    version: str
