"""Which near-duplicates a person decided to keep, and which not. Nothing is ever deleted.

A decision holds for a photo as it was looked at: where its content is another now, it is open again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from tagger.store import jobs
from tagger.store.tables import DuplicateChangeRow, DuplicateDecisionRow, PhotoRow

# So many batches can be taken back.
_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a photo. `instead`: the photo that is kept in its place, 0 for none; `hash`: its content."""

    keep: bool
    hash: str
    instead: int = 0


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions, by the photos' ids."""

    by_photo: Mapping[int, Decision]

    def of(self, photo_id: int, content_hash: str) -> bool | None:
        """Whether a photo is kept; None where that is open."""
        found = self.by_photo.get(photo_id)
        return None if found is None or found.hash != content_hash else found.keep


def read_decisions(session: Session) -> Decisions:
    """What was decided so far."""
    return Decisions({row.photo_id: _decision(row) for row in session.scalars(select(DuplicateDecisionRow))})


def decide(session: Session, said: Mapping[int, Decision | None]) -> int:
    """Keep decisions; None opens a photo again. Returns the number by which they can be taken back."""
    known = _decided(session, list(said))
    before = {photo: None if (old := known.get(photo)) is None else [old.keep, old.hash, old.instead] for photo in said}
    change = DuplicateChangeRow(before=json.dumps(before, separators=(",", ":")))
    session.add(change)
    session.flush()
    session.execute(delete(DuplicateChangeRow).where(DuplicateChangeRow.id <= change.id - _BATCHES))
    _replace(session, said)
    return change.id


def take_back(session: Session, number: int) -> int | None:
    """Make photos as they were before some decisions; returns how many, None if there were none."""
    change = session.get(DuplicateChangeRow, number)
    if change is None:
        return None
    before = {int(photo): None if old is None else Decision(*old) for photo, old in json.loads(change.before).items()}
    session.delete(change)
    _replace(session, before)
    return len(before)


def _decided(session: Session, photo_ids: Sequence[int]) -> dict[int, Decision]:
    found: dict[int, Decision] = {}
    for part in jobs.chunks(photo_ids):
        rows = session.scalars(select(DuplicateDecisionRow).where(DuplicateDecisionRow.photo_id.in_(part)))
        found |= {row.photo_id: _decision(row) for row in rows}
    return found


def _replace(session: Session, said: Mapping[int, Decision | None]) -> None:
    for part in jobs.chunks(list(said)):
        session.execute(delete(DuplicateDecisionRow).where(DuplicateDecisionRow.photo_id.in_(part)))
        # Those that were dropped from the library since have none.
        there = session.scalars(select(PhotoRow.id).where(PhotoRow.id.in_(part)))
        rows = [
            {"photo_id": photo, "keep": one.keep, "content": one.hash, "instead": one.instead}
            for photo in there
            if (one := said[photo]) is not None
        ]
        if rows:
            session.execute(insert(DuplicateDecisionRow), rows)


def _decision(row: DuplicateDecisionRow) -> Decision:
    return Decision(row.keep, row.content, row.instead)
