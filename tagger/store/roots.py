"""Roots: the folders of the library."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path, stored_path
from tagger.store.tables import MountRow, RootRow


@dataclass(frozen=True, slots=True)
class Root:
    """A folder tree of the library; `path` as the operating system spells it."""

    id: int
    path: str
    scanned_at: int | None


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
    """Where an absolute path is in the library: roots, and the path relative to each ("" for the root itself).

    First by the name as it is; then without links on the way; then where the path itself leads. Of nested roots, the
    inner one.
    """
    roots = sorted(all_roots(session), key=lambda root: len(root.path), reverse=True)
    found = [place for root in roots if (place := _inside(root, root.path, path))]
    parent, name = os.path.split(path)
    on_the_way = os.path.join(os.path.realpath(parent), name)
    real_roots = [(root, os.path.realpath(root.path)) for root in roots]
    for real in dict.fromkeys((on_the_way, os.path.realpath(path))):
        found += [place for root, at in real_roots if (place := _inside(root, at, real))]
    return list(dict.fromkeys(found))


def _inside(root: Root, folder: str, path: str) -> tuple[Root, str] | None:
    if path == folder:
        return root, ""
    prefix = folder.rstrip("/") + "/"
    return (root, path[len(prefix) :]) if path.startswith(prefix) else None


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
