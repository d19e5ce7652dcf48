"""How far each machine of a cluster is with a run: its workers count in the transactions that store what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from tagger.store.jobs import LEASE_SECONDS
from tagger.store.tables import RunNodeRow, RunRow

# One that was not heard of for so long does not count for the speed.
_SILENT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class RunNode:
    """A machine of a run. Times: seconds since the epoch. `labelled`: photos; `is_alive`: stored results just now."""

    node: str
    started_at: int
    seen_at: int
    labelled: int
    is_alive: bool

    @property
    def photos_per_second(self) -> float:
        """Its speed since it began, or 0 if it has stopped."""
        return self.labelled / max(1, self.seen_at - self.started_at) if self.is_alive else 0.0


def start_node(session: Session, run_id: int, node: str, now: float) -> None:
    """Note that a machine takes part in a run, once however many workers it has. The library is in PostgreSQL."""
    row = {"run_id": run_id, "node": node[:64], "started_at": int(now), "seen_at": int(now), "labelled": 0}
    session.execute(postgresql.insert(RunNodeRow).values(row).on_conflict_do_nothing())


def count_node(session: Session, run_id: int, node: str, labelled: int, now: float) -> None:
    """Add to the photos that a machine labelled."""
    which = (RunNodeRow.run_id == run_id, RunNodeRow.node == node[:64])
    values = {"labelled": RunNodeRow.labelled + labelled, "seen_at": int(now)}
    session.execute(update(RunNodeRow).where(*which).values(values))


def nodes_at_work(session: Session, now: float) -> list[RunNode]:
    """The machines of the runs that go on, by name; a run whose command was killed goes on until its leases end."""
    rows = session.scalars(
        select(RunNodeRow)
        .join(RunRow, RunRow.id == RunNodeRow.run_id)
        .where(RunRow.outcome.is_(None), RunNodeRow.seen_at > now - LEASE_SECONDS)
        .order_by(RunNodeRow.node)
    )
    return [
        RunNode(row.node, row.started_at, row.seen_at, row.labelled, row.seen_at > now - _SILENT_SECONDS)
        for row in rows
    ]


def speed_of(nodes: Sequence[RunNode]) -> float:
    """The photos a second of all of them."""
    return sum(node.photos_per_second for node in nodes)
