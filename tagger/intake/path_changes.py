"""Updating the database for single paths that a watcher reported: files that settled, and paths that disappeared."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint
from tagger.core.sidecar_names import is_sidecar, photos_beside, sidecar_version, sidecars_of
from tagger.intake.files_now import files_now
from tagger.intake.folder import ScanProblem, SeenFile
from tagger.intake.gone import away_folders, dead_roots, resolve_gone
from tagger.intake.reconcile import check_root
from tagger.intake.walk import is_picture, stat_paths
from tagger.store.changed_places import Followed, follow_files
from tagger.store.fields import read_again
from tagger.store.library import Library
from tagger.store.moves import match_new
from tagger.store.photos import (
    KnownPhoto,
    add_photos,
    change_photos,
    count_missing_since,
    fail_photo,
    known_at,
    photos_back,
    present_below,
    present_count,
    stored_fingerprint,
)
from tagger.store.roots import Root

# The brake counts all photos of a root that went missing within this time: deleting a large tree takes a while.
_BRAKE_SECONDS = 3600


@dataclass(slots=True)
class PathChanges:
    """How many photos changed, by kind; of `sidecars`, only these did.

    `held`: why no photo was marked as gone; then the root must be scanned.
    """

    new: int = 0
    changed: int = 0
    moved: int = 0
    back: int = 0
    gone: int = 0
    sidecars: int = 0
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
        self._library = library
        self._store = library.store
        self._intake = library.settings.intake
        self._clock = library.clock
        self._root = root
        self._changes = PathChanges()

    def run(self, settled: Sequence[str], gone: Sequence[str]) -> PathChanges:
        changes, root = self._changes, self._root
        sidecars = [path for path in (*settled, *gone) if is_sidecar(path)]
        settled = [path for path in settled if not is_sidecar(path)]
        found = stat_paths(root.path, dict.fromkeys(settled), self._intake, changes.problems.append)
        with self._store.write() as session:
            lost = self._really_gone(session, [*gone, *(path for path, file in found.items() if file is None)])
            seen = {path: file for path, file in found.items() if file is not None}
            known = known_at(session, root.id, list(seen))
            new = [file for path, file in seen.items() if path not in known and self._is_photo(file)]
            files = [(file.path, file.fingerprint) for file in new]
            ids = add_photos(session, root.id, files, self._clock.now(), 0.0)
            followed = self._note_known(session, seen, known)
            changed = [(photo_id, seen[path]) for path, photo_id in followed.at.items() if path in seen]
            for photo_id, file in [*zip(ids, new, strict=True), *changed]:
                if file.fault is not None:
                    fail_photo(session, photo_id, file.fault)
            # What they were moved from may have been noticed earlier, or is among what is lost now.
            matched = match_new(session, ids, dead_roots(session, self._library.here()))
            changes.moved += matched
            found_again = {photo_id for photo_id, _ in followed.moved}
            left = {photo.id for photo in lost if photo.id not in found_again} | set(followed.gone)
            moved = self._note_gone(session, sorted(left))
            changes.new = len(new) - matched - len({*moved} & {*ids})
            # Behind the photos, because both may have been moved.
            self._note_sidecars(session, sidecars)
        return changes

    def _is_photo(self, file: SeenFile) -> bool:
        return file.named or is_picture(self._root.path, file, self._changes.problems)

    def _note_known(self, session: Session, seen: dict[str, SeenFile], known: dict[str, KnownPhoto]) -> Followed:
        changed: dict[str, Fingerprint] = {}
        back: list[tuple[int, Fingerprint]] = []
        for path, photo in known.items():
            now = seen[path].fingerprint
            if not stored_fingerprint(now).matches(photo.fingerprint):
                changed[path] = now
            elif photo.missing or photo.unseen:
                back.append((photo.id, now))
        followed = follow_files(session, self._root.id, changed, files_now(self._root.path, self._intake))
        change_photos(session, followed.changed, self._clock.now(), 0.0)
        photos_back(session, [*back, *followed.moved])
        self._changes.changed, self._changes.back = len(followed.changed), len(back)
        self._changes.moved = len(followed.moved)
        return followed

    def _note_sidecars(self, session: Session, sidecars: Sequence[str]) -> None:
        """Have the fields of photos read again of which sidecars changed, came or went."""
        keywords, root = self._library.settings.keywords, self._root.path
        photos = {path: None for name in sidecars for path in photos_beside(os.path.join(root, name), keywords)}
        inside = [os.path.relpath(path, root) for path in photos if path.startswith(os.path.join(root, ""))]
        other = [
            photo.id
            for path, photo in known_at(session, self._root.id, inside).items()
            if sidecar_version(sidecars_of(os.path.join(root, path), keywords)) != photo.sidecar
        ]
        read_again(session, other)
        self._changes.sidecars = len(other)

    def _really_gone(self, session: Session, paths: Sequence[str]) -> list[KnownPhoto]:
        """The known photos at or below the given paths whose file does not exist."""
        candidates: dict[str, None] = {}
        for path in paths:
            candidates[path] = None
            candidates |= dict.fromkeys(present_below(session, self._root.id, path))
        if not candidates:
            return []
        away = away_folders(session, self._root)
        known = known_at(session, self._root.id, [path for path in candidates if not away.hold(path)])
        return [
            photo
            for path, photo in known.items()
            if not photo.missing and not os.path.lexists(os.path.join(self._root.path, path))
        ]

    def _note_gone(self, session: Session, gone: Sequence[int]) -> Sequence[int]:
        """Decide about photos whose files are gone; returns the ids of new ones that they turned out to be."""
        if not gone:
            return ()
        reason = check_root(self._root.path, present_count(session, self._root.id))
        if reason is not None:
            self._changes.held = reason
            return ()
        recent = count_missing_since(session, self._root.id, self._clock.now() - _BRAKE_SECONDS)
        resolved = resolve_gone(session, self._library, self._root, gone, recent)
        self._changes.moved += len(resolved.moved)
        self._changes.gone, self._changes.held = resolved.gone, resolved.held
        return resolved.moved
