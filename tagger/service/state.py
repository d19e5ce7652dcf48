"""What the running service says of itself, as values. `control` carries them between processes as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from tagger.intake.monitor import FolderState


@dataclass(frozen=True, slots=True)
class LabelState:
    """The label worker. `child`: the process id of the model's process, while there is one.

    `wanted`: the name of the model that is wanted, and `why` another one labels; both empty if it is the wanted one.
    Counts and `batch_seconds` are since the start of the service; `window_open`: whether the archive may be labelled.
    """

    model: str | None
    architecture: str | None
    wanted: str
    why: str
    problem: str
    photos_per_second: float
    labelled: int
    failed: int
    batches: int
    batch_seconds: float
    child: int | None
    child_starts: int
    window_open: bool


@dataclass(frozen=True, slots=True)
class KeywordState:
    """The keyword worker. `written`, `failed`: files since the start of the service."""

    mode: str
    problem: str
    written: int
    failed: int


@dataclass(frozen=True, slots=True)
class FetchState:
    """The fetch worker. `problem`: why the wanted model's weights are not here; empty if they are, or not needed yet.

    `next_try_at`: when they are fetched again, in seconds since the epoch.
    """

    problem: str
    next_try_at: float | None


@dataclass(frozen=True, slots=True)
class RelabelState:
    """The relabel worker; `done` of `total` photos, while it runs."""

    running: bool
    done: int
    total: int
    problem: str


@dataclass(frozen=True, slots=True)
class HookState:
    """What hooks.* were told since the start of the service, in photos; `problems`: why which could not be told."""

    told: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service. `problems`: what it waits for. `settling`: files that do not stand still yet.

    Times are seconds since the epoch. `window_changes_at`: when the work window opens or closes next; None without a
    window. `next`: when each scheduled job runs next. `is_scheduler`: whether the library's upkeep is this service's;
    `standing_by`: folders that another service watches, which this one takes over when that ends.
    """

    pid: int
    started_at: int
    problems: list[str]
    settling: int
    folders: list[FolderState]
    labelling: LabelState
    keywords: KeywordState
    relabelling: RelabelState
    fetching: FetchState
    work_window: str
    window_changes_at: float | None
    next: dict[str, float]
    # A receiver that is away does not make the service unwell.
    hooks: HookState = HookState()
    is_scheduler: bool = True
    standing_by: list[str] = field(default_factory=list)

    @property
    def reasons_unwell(self) -> list[str]:
        """Why the service is not well; empty if it is."""
        return [*self.problems, *(f"{folder.path}: {folder.held}" for folder in self.folders if folder.held)]
