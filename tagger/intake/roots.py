"""Resolve the folders that a command names to roots of the library."""

from __future__ import annotations

import os
from collections.abc import Iterable

from tagger.core.clock import Clock
from tagger.core.errors import UsageError
from tagger.core.os_words import why
from tagger.core.paths import is_object, shown_path
from tagger.store.roots import Root, add_root, all_roots, root_of
from tagger.store.session import Store
from tagger.system import objects


def resolve_roots(store: Store, folders: Iterable[str], clock: Clock) -> list[Root]:
    """Return the roots of absolute folders, adding new ones. A folder inside a root stands for that root.

    Without folders: all roots. Raises UsageError for a path that is not a folder, for a folder that contains a root,
    and for another link to a root; the physical path of a root that is a link stands for it.
    """
    folders = list(folders)
    for folder in filter(is_object, folders):
        if not objects.split(folder)[0]:
            raise UsageError(f"{folder} names no bucket.", "Name one, as in: tagger backfill s3://bucket/folder")
        with store.read() as session:
            is_new = root_of(session, folder) is None
            _refuse_wider(all_roots(session), folder)
        if is_new:
            # It may take long, and no transaction waits meanwhile.
            _check_storage(folder)
    with store.write() as session:
        found: dict[int, Root] = {}
        for folder in folders:
            if is_object(folder):
                known = root_of(session, folder)
                root = add_root(session, folder, clock.now()) if known is None else known[0]
                found[root.id] = root
                continue
            if not os.path.isdir(folder):
                known = root_of(session, folder)
                if known is not None and known[1] == "":
                    found[known[0].id] = known[0]
                    continue
                what = "is a file, not a folder" if os.path.exists(folder) else "does not exist"
                raise UsageError(f"{shown_path(folder)} {what}.", "Name the folder that holds your photos.")
            inside = root_of(session, folder)
            if inside is None or not _is_name_of(folder, inside[0]):
                inside = None
                _refuse_overlap(all_roots(session), folder)
            root = inside[0] if inside is not None else add_root(session, folder, clock.now())
            found[root.id] = root
        return list(found.values()) or all_roots(session)


def _check_storage(folder: str) -> None:
    """Raise UsageError where there is nothing at an address in object storage, or it cannot be read."""
    shown = shown_path(folder)
    if not objects.is_installed():
        raise UsageError(
            f"{shown} is in object storage, and what reads that is not installed.",
            "Install it with: pip install 'tagger-photos[s3]'",
        )
    try:
        there = objects.has_objects(folder)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {why(error)}.", "See [storage] in: tagger config") from error
    if not there:
        raise UsageError(f"There is nothing in {shown}.", "Name the folder of the bucket that holds your photos.")


def _is_name_of(folder: str, root: Root) -> bool:
    """Whether a folder is named as the root is, or by its physical path."""
    return folder == os.path.realpath(folder) or f"{folder}/".startswith(root.path.rstrip("/") + "/")


def _refuse_overlap(roots: Iterable[Root], folder: str) -> None:
    roots = [root for root in roots if not is_object(root.path)]
    _refuse_wider(roots, folder)
    real = os.path.realpath(folder)
    for root in roots:
        other = os.path.realpath(root.path)
        if real == other or real.startswith(other + "/") or other.startswith(real.rstrip("/") + "/"):
            raise UsageError(
                f"{shown_path(folder)} leads to the same photos as {shown_path(root.path)} of the library.",
                f"Name it as the library does: {shown_path(root.path)}",
            )


def _refuse_wider(roots: Iterable[Root], folder: str) -> None:
    for root in roots:
        if root.path.startswith(folder.rstrip("/") + "/"):
            raise UsageError(
                f"{shown_path(folder)} contains {shown_path(root.path)}, which is a folder of the library already.",
                "Its photos are known, and new ones in it are found by: tagger backfill\n"
                "Other folders can be added beside it. To have the wider folder instead: tagger forget "
                f"{shown_path(root.path)}\nand then tagger backfill {shown_path(folder)}. The files stay; the photos "
                "are looked at again, and what you corrected by hand is lost.",
            )
