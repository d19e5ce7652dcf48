"""Roots: the folders of the library."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path, stored_path
from tagger.store.places import Root as Root
from tagger.store.places import places_in
from tagger.store.tables import MountRow, RootRow


def all_roots(session: Session) -> list[Root]:
    """All roots, by path."""
    rows = session.scalars(select(RootRow).order_by(RootRow.path))
    return [Root(row.id, disk_path(row.path), row.scanned_at) for row in rows]


def add_root(session: Session, path: str, now: float) -> Root:
    """The root with a path; inserted if it is new."""
    row = session.scalar(select(RootRow).where(RootRow.path == stored_path(path)))
    if row is None:
        row = RootRow(path=stored_path(path), added_at=int(now), scanned_at=None)
        session.add(row)
        session.flush()
    return Root(row.id, path, row.scanned_at)


def places_of(session: Session, path: str) -> list[tuple[Root, str]]:
    """Where an absolute path is in the library, as `places_in` tells it."""
    return places_in(all_roots(session), path)


def root_of(session: Session, path: str) -> tuple[Root, str] | None:
    """The root that contains an absolute path, by any of its names, and the path relative to it ("" for the root)."""
    return next(iter(places_of(session, path)), None)


def remove_root(session: Session, root_id: int) -> None:
    """Delete a root with everything recorded about its photos; files are not touched."""
    session.execute(delete(RootRow).where(RootRow.id == root_id))


def mark_scanned(session: Session, root_id: int, now: float) -> None:
    """Record when the root was last scanned."""
    session.execute(update(RootRow).where(RootRow.id == root_id).values(scanned_at=int(now)))


def recorded_mounts(session: Session, root_id: int) -> list[str]:
    """The mount points below a root that are remembered, relative to it."""
    rows = session.scalars(select(MountRow.path).where(MountRow.root_id == root_id).order_by(MountRow.path))
    return [disk_path(path) for path in rows]


def record_mounts(session: Session, root_id: int, paths: Sequence[str]) -> None:
    """Remember these mount points below a root, and no others."""
    if sorted(paths) == recorded_mounts(session, root_id):
        return
    session.execute(delete(MountRow).where(MountRow.root_id == root_id))
    rows = [{"root_id": root_id, "path": stored_path(path)} for path in paths]
    if rows:
        session.execute(insert(MountRow), rows)
