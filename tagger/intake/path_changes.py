"""Telling the database about single paths that a watcher noticed: what is there now, and what went away."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.photo import Fingerprint
from tagger.intake.reconcile import check_root, too_many_gone
from tagger.intake.walk import ScanProblem, SeenFile, holds_picture, stat_paths
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
from tagger.store.session import Store

# Photos that went missing within this time count together for the brake: a tree is not deleted in one moment.
_BURST_SECONDS = 3600


@dataclass(slots=True)
class PathChanges:
    """What came of some paths. `held`: why nothing was taken as gone; then the root must be looked through."""

    new: int = 0
    changed: int = 0
    moved: int = 0
    back: int = 0
    gone: int = 0
    held: str = ""
    problems: list[ScanProblem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.moved or self.back or self.gone)


def apply_path_changes(
    store: Store, settings: Settings, root: Root, settled: Sequence[str], gone: Sequence[str], clock: Clock
) -> PathChanges:
    """Note files that stand still now, and paths (files or folders) that went away. All relative to the root."""
    noted = PathChanges()
    looked = stat_paths(root.path, dict.fromkeys(settled), settings.intake, noted.problems.append)
    with store.write() as session:
        lost = _really_gone(session, root, [*gone, *(path for path, file in looked.items() if file is None)])
        seen = {path: file for path, file in looked.items() if file is not None}
        known = known_at(session, root.id, list(seen))
        new = [file for path, file in seen.items() if path not in known and _is_photo(root, file, noted)]
        last_id = last_photo_id(session)
        files = [(file.path, file.fingerprint) for file in new]
        ids = add_photos(session, root.id, files, clock.now(), 0.0)
        noted.new = len(new)
        _note_known(session, seen, known, noted, clock)
        faults = [(known[path].id, file) for path, file in seen.items() if path in known]
        for photo_id, file in [*zip(ids, new, strict=True), *faults]:
            if file.fault is not None:
                fail_photo(session, photo_id, file.fault)
        if lost:
            moved = match_moves(session, [photo.id for photo in lost], last_id)
            noted.moved = len(moved)
            noted.new -= len(moved)
            _note_gone(session, settings, root, [photo.id for photo in lost if photo.id not in moved], noted, clock)
        else:
            # The folder that they came from was noticed before.
            returned = match_returned(session, ids)
            noted.moved += returned
            noted.new -= returned
    return noted


def _is_photo(root: Root, file: SeenFile, noted: PathChanges) -> bool:
    if file.named:
        return True
    try:
        return holds_picture(os.path.join(root.path, file.path))
    except OSError as error:
        noted.problems.append(ScanProblem(file.path, error.strerror or str(error)))
        return False


def _note_known(
    session: Session, seen: dict[str, SeenFile], known: dict[str, KnownPhoto], noted: PathChanges, clock: Clock
) -> None:
    changed: list[tuple[int, Fingerprint]] = []
    back: list[tuple[int, Fingerprint]] = []
    for path, photo in known.items():
        now = seen[path].fingerprint
        if not stored_fingerprint(now).matches(photo.fingerprint):
            changed.append((photo.id, now))
        elif photo.missing:
            back.append((photo.id, now))
    change_photos(session, changed, clock.now(), 0.0)
    photos_back(session, back)
    noted.changed, noted.back = len(changed), len(back)


def _really_gone(session: Session, root: Root, paths: Sequence[str]) -> list[KnownPhoto]:
    """The known photos at or below some paths whose file is not there."""
    candidates: dict[str, None] = {}
    for path in paths:
        candidates[path] = None
        candidates |= dict.fromkeys(present_below(session, root.id, path))
    known = known_at(session, root.id, list(candidates))
    return [
        photo
        for path, photo in known.items()
        if not photo.missing and not os.path.lexists(os.path.join(root.path, path))
    ]


def _note_gone(
    session: Session, settings: Settings, root: Root, gone: Sequence[int], noted: PathChanges, clock: Clock
) -> None:
    if not gone:
        return
    recent = count_missing_since(session, root.id, clock.now() - _BURST_SECONDS)
    present = present_count(session, root.id)
    reason = check_root(root.path, present)
    if reason is None and too_many_gone(present + recent, len(gone) + recent, settings.intake):
        reason = f"{len(gone) + recent:,} of its {present + recent:,} photos are gone at once; is a disk missing?"
    if reason is not None:
        noted.held = reason
        return
    photos_gone(session, gone, clock.now())
    noted.gone = len(gone)
