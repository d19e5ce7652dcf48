"""Runs: what each backfill, relabel, write or undo did, and how long it took."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tagger.core.progress import StopCheck
from tagger.store.duties import Duties, nobodys
from tagger.store.library import Library
from tagger.store.models import Model
from tagger.store.tables import RunRow

# Runs that write keywords.
WRITE, UNDO = "write", "undo"
WRITING = (WRITE, UNDO)


@dataclass(frozen=True, slots=True)
class Run:
    """One backfill, relabel, write or undo. `seconds` by a monotonic clock; `outcome` None while it runs."""

    id: int
    command: str
    model: int | None
    started_at: int
    seconds: float | None
    labelled: int
    classified: int
    failed: int
    outcome: str | None
    written: int
    engine: str | None


@dataclass(slots=True)
class OpenRun:
    """A run that is being recorded. `seconds`: how long it took, by a monotonic clock; set when it ends."""

    id: int
    seconds: float = 0.0


@contextmanager
def recorded(library: Library, command: str, stop: StopCheck, model: Model | None = None) -> Iterator[OpenRun]:
    """Record the block as a run.

    It ends as `interrupted` if a person ended it, once (`stop()`) or at once; as `failed` if it raises; else as `done`.
    """
    # Others see by it that the run goes on.
    alive = Duties(library.store)
    with library.store.write() as session:
        run = OpenRun(start_run(session, command, model, library.clock.now()))
        alive.hold(_going_on(run.id))
    started = library.clock.monotonic()
    outcome = "failed"
    try:
        yield run
        outcome = "done"
    except (KeyboardInterrupt, SystemExit):
        outcome = "interrupted"
        raise
    finally:
        # What fails after somebody asked to stop, such as a child process that had the same Ctrl-C, was interrupted.
        outcome = "interrupted" if stop() else outcome
        run.seconds = library.clock.monotonic() - started
        with library.store.write() as session:
            end_run(session, run.id, outcome, run.seconds, library.clock.now())
        alive.close()


def start_run(session: Session, command: str, model: Model | None, now: float) -> int:
    """Start a run. Runs that processes left open which are no more are closed as killed."""
    # Labelling and writing keywords run side by side, each under its own lock.
    same = RunRow.command.in_(WRITING) if command in WRITING else RunRow.command.not_in(WRITING)
    left = session.scalars(select(RunRow.id).where(same, RunRow.outcome.is_(None))).all()
    if dead := nobodys(session, {_going_on(run_id): run_id for run_id in left}):
        session.execute(update(RunRow).where(RunRow.id.in_(dead)).values(outcome="killed", ended_at=int(now)))
    row = RunRow(
        command=command,
        model_id=None if model is None else model.id,
        started_at=int(now),
        labelled=0,
        classified=0,
        failed=0,
        written=0,
    )
    session.add(row)
    session.flush()
    return row.id


def _going_on(run_id: int) -> str:
    return f"run {run_id}"


def count_run(  # noqa: PLR0913 - one parameter a count
    session: Session,
    run_id: int,
    *,
    labelled: int = 0,
    classified: int = 0,
    failed: int = 0,
    written: int = 0,
    engine: str | None = None,
) -> None:
    """Add to a run's counts: photos labelled, through the network, failed; files with keywords written.

    `engine`: what ran the network, if anything did.
    """
    session.execute(
        update(RunRow)
        .where(RunRow.id == run_id)
        .values(
            labelled=RunRow.labelled + labelled,
            classified=RunRow.classified + classified,
            failed=RunRow.failed + failed,
            written=RunRow.written + written,
            **({} if engine is None else {"engine": engine[:64]}),
        )
    )


def end_run(session: Session, run_id: int, outcome: str, seconds: float, now: float) -> None:
    """Close a run: `done`, `interrupted` or `failed`."""
    session.execute(
        update(RunRow).where(RunRow.id == run_id).values(outcome=outcome, seconds=seconds, ended_at=int(now))
    )


def last_runs(session: Session, limit: int = 5, commands: Collection[str] = ()) -> list[Run]:
    """The newest runs. `commands`: of these alone."""
    newest = select(RunRow).order_by(RunRow.id.desc()).limit(limit)
    rows = session.scalars(newest.where(RunRow.command.in_(commands)) if commands else newest)
    return [
        Run(
            row.id,
            row.command,
            row.model_id,
            row.started_at,
            row.seconds,
            row.labelled,
            row.classified,
            row.failed,
            row.outcome,
            row.written,
            row.engine,
        )
        for row in rows
    ]
