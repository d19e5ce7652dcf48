"""Where a path is in the library: its root, and the path relative to it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from tagger.core.names import same
from tagger.core.paths import is_object


@dataclass(frozen=True, slots=True)
class Root:
    """A folder tree of the library; `path` as the operating system spells it."""

    id: int
    path: str
    scanned_at: int | None


def places_in(roots: Iterable[Root], path: str) -> list[tuple[Root, str]]:
    """Where an absolute path is: roots, and the path relative to each ("" for the root itself).

    First by the name as it is; then without links on the way; then where the path itself leads. Of nested roots, the
    inner one.
    """
    roots = sorted(roots, key=lambda root: len(root.path), reverse=True)
    found = [place for root in roots if (place := _inside(root, root.path, path))]
    if is_object(path):
        return found
    parent, name = os.path.split(path)
    on_the_way = os.path.join(os.path.realpath(parent), name)
    real_roots = [(root, os.path.realpath(root.path)) for root in roots]
    for real in dict.fromkeys((on_the_way, os.path.realpath(path))):
        found += [place for root, at in real_roots if (place := _inside(root, at, real))]
    return list(dict.fromkeys(found))


def photo_places(roots: Iterable[Root], path: str) -> list[tuple[Root, str]]:
    """Where the photo at an absolute path may be: as `places_in`, else in the root whose name a person takes for its.

    macOS writes é in two characters, keyboards in one.
    """
    roots = list(roots)
    found = places_in(roots, path)
    return found or [place for root in roots if (place := _inside_by_name(root, path))][:1]


def _inside(root: Root, folder: str, path: str) -> tuple[Root, str] | None:
    if path == folder:
        return root, ""
    prefix = folder.rstrip("/") + "/"
    return (root, path[len(prefix) :]) if path.startswith(prefix) else None


def _inside_by_name(root: Root, path: str) -> tuple[Root, str] | None:
    depth = root.path.count("/") + 1
    parts = path.split("/")
    return (root, "/".join(parts[depth:])) if same("/".join(parts[:depth]), root.path) else None
