"""Runs: what each backfill, relabel or retry did and how long it took."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tagger.store.looks import Model
from tagger.store.tables import (
    RunRow,
)


@dataclass(frozen=True, slots=True)
class Run:
    """One backfill, relabel or retry. `seconds` by a monotonic clock; `outcome` None while it runs."""

    id: int
    command: str
    model: int | None
    started_at: int
    seconds: float | None
    labelled: int
    classified: int
    failed: int
    outcome: str | None


def start_run(session: Session, command: str, model: Model | None, now: float) -> int:
    """Begin a run; one that an earlier process left open is closed as killed."""
    session.execute(update(RunRow).where(RunRow.outcome.is_(None)).values(outcome="killed", ended_at=int(now)))
    row = RunRow(
        command=command,
        model_id=None if model is None else model.id,
        started_at=int(now),
        labelled=0,
        classified=0,
        failed=0,
    )
    session.add(row)
    session.flush()
    return row.id


def count_run(session: Session, run_id: int, *, labelled: int, classified: int, failed: int) -> None:
    """Add to a run's counts: photos labelled, photos that went through the network, photos failed."""
    session.execute(
        update(RunRow)
        .where(RunRow.id == run_id)
        .values(
            labelled=RunRow.labelled + labelled,
            classified=RunRow.classified + classified,
            failed=RunRow.failed + failed,
        )
    )


def end_run(session: Session, run_id: int, outcome: str, seconds: float, now: float) -> None:
    """Close a run: `done`, `interrupted` or `failed`."""
    session.execute(
        update(RunRow).where(RunRow.id == run_id).values(outcome=outcome, seconds=seconds, ended_at=int(now))
    )


def last_runs(session: Session, limit: int = 5) -> list[Run]:
    """The newest runs."""
    rows = session.scalars(select(RunRow).order_by(RunRow.id.desc()).limit(limit))
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
        )
        for row in rows
    ]
