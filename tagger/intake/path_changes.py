"""Updating the database for single paths that a watcher reported: files that settled, and paths that disappeared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint
from tagger.intake.reconcile import check_root, too_many_gone
from tagger.intake.walk import ScanProblem, SeenFile, is_picture, stat_paths
from tagger.store.library import Library
from tagger.store.photos import (
    KnownPhoto,
    add_photos,
    change_photos,
    count_missing_since,
    fail_photo,
    known_at,
    last_photo_id,
    match_moves,
    match_returned,
    photos_back,
    photos_gone,
    present_below,
    present_count,
    stored_fingerprint,
)
from tagger.store.roots import Root

# The brake counts all photos of a root that went missing within this time: deleting a large tree takes a while.
_BRAKE_SECONDS = 3600


@dataclass(slots=True)
class PathChanges:
    """How many photos changed, by kind. `held`: why no photo was marked as gone; then the root must be scanned."""

    new: int = 0
    changed: int = 0
    moved: int = 0
    back: int = 0
    gone: int = 0
    held: str = ""
    problems: list[ScanProblem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.moved or self.back or self.gone)


def apply_path_changes(library: Library, root: Root, settled: Sequence[str], gone: Sequence[str]) -> PathChanges:
    """Record files that settled, and paths (files or folders) that disappeared. All paths are relative to the root."""
    return _PathUpdate(library, root).run(settled, gone)


class _PathUpdate:
    """One update of one root, in one transaction."""

    def __init__(self, library: Library, root: Root) -> None:
        self._store = library.store
        self._intake = library.settings.intake
        self._clock = library.clock
        self._root = root
        self._changes = PathChanges()

    def run(self, settled: Sequence[str], gone: Sequence[str]) -> PathChanges:
        changes, root = self._changes, self._root
        found = stat_paths(root.path, dict.fromkeys(settled), self._intake, changes.problems.append)
        with self._store.write() as session:
            lost = self._really_gone(session, [*gone, *(path for path, file in found.items() if file is None)])
            seen = {path: file for path, file in found.items() if file is not None}
            known = known_at(session, root.id, list(seen))
            new = [file for path, file in seen.items() if path not in known and self._is_photo(file)]
            last_id = last_photo_id(session)
            files = [(file.path, file.fingerprint) for file in new]
            ids = add_photos(session, root.id, files, self._clock.now(), 0.0)
            changes.new = len(new)
            self._note_known(session, seen, known)
            faults = [(known[path].id, file) for path, file in seen.items() if path in known]
            for photo_id, file in [*zip(ids, new, strict=True), *faults]:
                if file.fault is not None:
                    fail_photo(session, photo_id, file.fault)
            if lost:
                moved = match_moves(session, [photo.id for photo in lost], last_id)
                changes.moved = len(moved)
                changes.new -= len(moved)
                self._note_gone(session, [photo.id for photo in lost if photo.id not in moved])
            else:
                # The folder that they were moved from may have been reported earlier.
                returned = match_returned(session, ids)
                changes.moved += returned
                changes.new -= returned
        return changes

    def _is_photo(self, file: SeenFile) -> bool:
        return file.named or is_picture(self._root.path, file, self._changes.problems)

    def _note_known(self, session: Session, seen: dict[str, SeenFile], known: dict[str, KnownPhoto]) -> None:
        changed: list[tuple[int, Fingerprint]] = []
        back: list[tuple[int, Fingerprint]] = []
        for path, photo in known.items():
            now = seen[path].fingerprint
            if not stored_fingerprint(now).matches(photo.fingerprint):
                changed.append((photo.id, now))
            elif photo.missing:
                back.append((photo.id, now))
        change_photos(session, changed, self._clock.now(), 0.0)
        photos_back(session, back)
        self._changes.changed, self._changes.back = len(changed), len(back)

    def _really_gone(self, session: Session, paths: Sequence[str]) -> list[KnownPhoto]:
        """The known photos at or below the given paths whose file does not exist."""
        candidates: dict[str, None] = {}
        for path in paths:
            candidates[path] = None
            candidates |= dict.fromkeys(present_below(session, self._root.id, path))
        known = known_at(session, self._root.id, list(candidates))
        return [
            photo
            for path, photo in known.items()
            if not photo.missing and not os.path.lexists(os.path.join(self._root.path, path))
        ]

    def _note_gone(self, session: Session, gone: Sequence[int]) -> None:
        if not gone:
            return
        recent = count_missing_since(session, self._root.id, self._clock.now() - _BRAKE_SECONDS)
        present = present_count(session, self._root.id)
        reason = check_root(self._root.path, present)
        if reason is None and too_many_gone(present + recent, len(gone) + recent, self._intake):
            reason = f"{len(gone) + recent:,} of its {present + recent:,} photos are gone at once; is a disk missing?"
        if reason is not None:
            self._changes.held = reason
            return
        photos_gone(session, gone, self._clock.now())
        self._changes.gone = len(gone)
