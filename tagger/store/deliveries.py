"""Photos that other programs are to be told of: which, and in which deliveries.

A row is written in the transaction that stores a photo's labels, so none is lost. Before anything is sent, a delivery
is given an identifier and keeps it until it has arrived: whoever gets it twice can tell.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tagger.store.jobs import chunks
from tagger.store.page_tables import DeliveryRow

# Not in a delivery yet.
_WAITING = ""


def queue_deliveries(session: Session, hooks: Collection[str], photo_ids: Sequence[int]) -> None:
    """Have hooks told of photos; once, where they wait already."""
    photos = dict.fromkeys(photo_ids)
    rows = [{"hook": hook, "batch": _WAITING, "photo_id": photo} for hook in hooks for photo in photos]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(DeliveryRow)
    # It changes nothing, but holds the row: a delivery that is made meanwhile waits for these labels.
    statement = statement.on_conflict_do_update(
        index_elements=["hook", "batch", "photo_id"], set_={"photo_id": statement.excluded.photo_id}
    )
    for part in range(0, len(rows), 500):
        session.execute(statement, rows[part : part + 500])


def next_delivery(session: Session, hook: str, most: int) -> tuple[str, list[int]] | None:
    """The delivery that has not arrived yet, else a new one of up to `most` photos: its identifier and its photos.

    None if no photo waits. Commit it before it is sent.
    """
    mine = DeliveryRow.hook == hook
    begun = session.scalar(select(func.min(DeliveryRow.batch)).where(mine, DeliveryRow.batch != _WAITING))
    if begun is not None:
        photos = select(DeliveryRow.photo_id).where(mine, DeliveryRow.batch == begun).order_by(DeliveryRow.photo_id)
        return begun, list(session.scalars(photos))
    waiting = mine & (DeliveryRow.batch == _WAITING)
    ids = list(session.scalars(select(DeliveryRow.photo_id).where(waiting).order_by(DeliveryRow.photo_id).limit(most)))
    if not ids:
        return None
    batch = f"msg_{uuid.uuid4().hex}"
    for part in chunks(ids):
        session.execute(update(DeliveryRow).where(waiting, DeliveryRow.photo_id.in_(part)).values(batch=batch))
    return batch, ids


def arrived(session: Session, hook: str, batch: str) -> None:
    """Forget a delivery that has arrived."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.hook == hook, DeliveryRow.batch == batch))


def waiting_for(session: Session, hook: str) -> tuple[int, bool]:
    """How many photos a hook has yet to be told of, and whether some are in a delivery that was begun."""
    mine = select(func.count(), func.max(DeliveryRow.batch)).where(DeliveryRow.hook == hook)
    number, last = session.execute(mine).one()
    return number, bool(last)


def drop_other_hooks(session: Session, hooks: Collection[str]) -> int:
    """Forget what hooks were to be told that are not set any more; returns how many rows."""
    result = session.execute(delete(DeliveryRow).where(DeliveryRow.hook.not_in(hooks)))
    return int(result.rowcount)  # type: ignore[attr-defined]
