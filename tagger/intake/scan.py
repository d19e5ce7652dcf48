"""Scanning the roots: find photos that are new, changed, moved or gone since the last scan, and update the database.

Files are compared by what `stat` returns. No file is opened, except files of no known extension that are not photos of
the library, of which the first bytes are read. Their times do not tell whether they are new: a folder that was moved in
brings old files, and clocks run ahead and are set back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tagger.core.config import IntakeSettings
from tagger.core.os_words import ObjectError, why
from tagger.core.paths import is_object
from tagger.core.photo import Fingerprint
from tagger.core.progress import StopCheck, never_stop
from tagger.core.sidecar_names import Folders, sidecar_version, sidecars_of
from tagger.intake.files_now import files_now
from tagger.intake.folder import ScanProblem, SeenFile
from tagger.intake.gone import away_folders, dead_roots, note_mounts, resolve_gone
from tagger.intake.object_walk import check_objects, is_picture_object, walk_objects
from tagger.intake.reconcile import KnownFile, PathState, below, check_root, reconcile
from tagger.intake.settle import is_fresh
from tagger.intake.walk import is_picture, walk
from tagger.store import jobs
from tagger.store.changed_places import follow_files
from tagger.store.fields import read_again
from tagger.store.library import Library
from tagger.store.moves import match_new
from tagger.store.photos import (
    add_photos,
    change_photos,
    fail_photo,
    known_photos,
    last_photo_id,
    photos_back,
    present_count,
)
from tagger.store.roots import Root, mark_scanned

_BATCH = 1000
# So many changed files are kept in memory, to find those that only changed places.
_CHANGED_AT_ONCE = 50_000
# The most files that are remembered as no pictures.
_MOST_REMEMBERED = 100_000


@dataclass(slots=True)
class ScanResult:
    """What a scan found. `sidecars`: photos whose sidecars changed, came or went.

    `held_back`: by path, the roots where no photo was marked as gone, with the reason: the root is missing, or too
    many of its photos are (these roots are in `braked`), or disks below it are away (these are in `away`, by root), or
    object storage could not be listed (these are in `unlisted`).
    """

    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    back: int = 0
    gone: int = 0
    sidecars: int = 0
    problems: list[ScanProblem] = field(default_factory=list)
    held_back: dict[str, str] = field(default_factory=dict)
    braked: set[str] = field(default_factory=set)
    away: dict[str, list[str]] = field(default_factory=dict)
    unlisted: set[str] = field(default_factory=set)


Walker = Callable[[str, IntakeSettings, Callable[[ScanProblem], None], list[str]], Iterator[SeenFile]]


def _ignore_seen(_seen: int) -> None:
    """The default of `ScanCallbacks.on_seen`."""


@dataclass(frozen=True, slots=True)
class ScanCallbacks:
    """The caller's side of a scan. Every part may be left out.

    `on_seen` gets the number of files seen so far. `on_unsettled` gets each file that changed a moment ago; such a file
    is then left out of the database. `stop` ends the scan early; then no photo is marked as gone. `not_pictures`: files
    of one root that were opened and are no pictures, remembered from scan to scan, by path. `walk` goes through a
    folder tree, as `tagger.intake.walk.walk` does.
    """

    on_seen: Callable[[int], None] = _ignore_seen
    on_unsettled: Callable[[Root, str], None] | None = None
    stop: StopCheck = never_stop
    not_pictures: dict[str, Fingerprint] | None = None
    walk: Walker = walk


_SILENT = ScanCallbacks()


def scan_roots(
    library: Library, roots: Iterable[Root], callbacks: ScanCallbacks = _SILENT, *, accept_missing: bool = False
) -> ScanResult:
    """Scan roots and update the database.

    `accept_missing` marks photos as gone even in a root where too many are.
    """
    result = ScanResult()
    for root in roots:
        if not callbacks.stop():
            _RootScan(library, root, callbacks, result).run(accept_missing)
    return result


class _RootScan:
    """One scan of one root. Changes are written to the database in batches."""

    def __init__(self, library: Library, root: Root, callbacks: ScanCallbacks, result: ScanResult) -> None:
        self._library = library
        self._store = library.store
        self._intake = library.settings.intake
        self._clock = library.clock
        self._root = root
        self._in_storage = is_object(root.path)
        # An object appears whole.
        self._settle = 0.0 if self._in_storage else self._intake.settle_seconds
        self._callbacks = callbacks
        self._result = result
        self._new: list[SeenFile] = []
        self._changed: dict[str, SeenFile] = {}
        self._back: list[tuple[int, Fingerprint]] = []
        self._last_id = 0
        self._gone: list[tuple[int, str]] = []
        self._other_sidecars: list[int] = []
        self._beside: tuple[str, Folders] = ("", Folders())

    def run(self, accept_missing: bool) -> None:
        started = self._clock.now()
        with self._store.read() as session:
            known = present_count(session, self._root.id)
            self._last_id = last_photo_id(session)
        check = check_objects if self._in_storage else check_root
        reason = check(self._root.path, known, accept_empty=accept_missing)
        if reason is not None:
            self._result.held_back[self._root.path] = reason
            return
        try:
            whole = self._compare()
        except ObjectError as error:
            # Of what was not listed nothing is known; what was is kept.
            self._flush()
            self._result.unlisted.add(self._root.path)
            self._result.held_back[self._root.path] = f"it could not be listed to its end: {why(error)}"
            return
        if not whole:
            return
        self._resolve_gone(accept_missing=accept_missing)
        with self._store.write() as session:
            mark_scanned(session, self._root.id, started)

    def _compare(self) -> bool:
        """Note how every file differs from what is known; False if stopped before the end."""
        unread: list[str] = []
        path, problem = self._root.path, self._result.problems.append
        if self._in_storage:
            seen = walk_objects(path, self._intake, problem)
        else:
            seen = self._callbacks.walk(path, self._intake, problem, unread)
        before = (
            KnownFile(photo.id, photo.path, photo.fingerprint, photo.missing, photo.unseen, photo.sidecar)
            for photo in known_photos(self._store, self._root.id)
        )
        for change, file, photo in reconcile(seen, before, below(unread)):
            self._note(change, file, photo)
            if max(len(self._new) + len(self._back), len(self._other_sidecars)) >= _BATCH:
                self._flush()
            if len(self._changed) >= _CHANGED_AT_ONCE:
                self._flush_changed()
            if self._callbacks.stop():
                self._flush()
                self._flush_changed()
                return False
        self._flush()
        self._flush_changed()
        return True

    def _note(self, change: PathState, file: SeenFile | None, photo: KnownFile | None) -> None:
        on_unsettled = None if self._in_storage else self._callbacks.on_unsettled
        if photo is not None and file is None:
            self._gone.append((photo.photo_id, photo.path))
        elif file is not None and on_unsettled is not None and change is not PathState.SAME and self._is_fresh(file):
            on_unsettled(self._root, file.path)
        elif file is not None and photo is None:
            if file.named or self._is_photo_inside(file):
                self._new.append(file)
                self._result.seen += 1
        elif file is not None and photo is not None:
            self._result.seen += 1
            if change is PathState.CHANGED:
                self._changed[file.path] = file
            elif change is PathState.BACK:
                self._back.append((photo.photo_id, file.fingerprint))
            # A changed photo is read with its sidecars when it is labelled again.
            if change is not PathState.CHANGED and self._sidecar_of(file) != photo.sidecar:
                self._other_sidecars.append(photo.photo_id)
        if self._result.seen % 1000 == 0:
            self._callbacks.on_seen(self._result.seen)

    def _sidecar_of(self, file: SeenFile) -> int | None:
        """The state of a photo's sidecars, from the listing that the walk made of its folder."""
        keywords = self._library.settings.keywords
        if self._in_storage or (file.beside is None and keywords.sidecar_folder is None):
            return None
        path = os.path.join(self._root.path, file.path)
        folder = os.path.dirname(path)
        if folder != self._beside[0]:
            self._beside = (folder, Folders())
            self._beside[1].learn(folder, file.beside or frozenset())
        return sidecar_version(sidecars_of(path, keywords, self._beside[1]))

    def _is_fresh(self, file: SeenFile) -> bool:
        return is_fresh(file.fingerprint, self._clock.now(), self._intake.settle_seconds)

    def _is_photo_inside(self, file: SeenFile) -> bool:
        """Whether a file of no known extension holds a picture."""
        known = self._callbacks.not_pictures
        if known is not None and known.get(file.path) == file.fingerprint:
            return False
        problems: list[ScanProblem] = []
        found = (is_picture_object if self._in_storage else is_picture)(self._root.path, file, problems)
        self._result.problems += problems
        if known is not None and not found and not problems and len(known) < _MOST_REMEMBERED:
            known[file.path] = file.fingerprint
        return found

    def _flush(self) -> None:
        if not (self._new or self._back or self._other_sidecars):
            return
        now, settle = self._clock.now(), self._settle
        with self._store.write() as session:
            files = [(file.path, file.fingerprint) for file in self._new]
            # The first scan finds the archive; later scans find new photos.
            priority = jobs.PRIORITY_NEW if self._root.scanned_at is not None else jobs.PRIORITY_ARCHIVE
            ids = add_photos(session, self._root.id, files, now, settle, priority)
            moved = match_new(session, ids, dead_roots(session, self._library.here()))
            photos_back(session, self._back)
            read_again(session, self._other_sidecars)
            for photo_id, file in zip(ids, self._new, strict=True):
                if file.fault is not None:
                    fail_photo(session, photo_id, file.fault)
        self._result.new += len(self._new) - moved
        self._result.moved += moved
        self._result.back += len(self._back)
        self._result.sidecars += len(self._other_sidecars)
        self._new, self._back, self._other_sidecars = [], [], []

    def _flush_changed(self) -> None:
        """Record changed files. All at once, because they may have changed places among themselves."""
        if not self._changed:
            return
        changed = {path: file.fingerprint for path, file in self._changed.items()}
        with self._store.write() as session:
            followed = follow_files(session, self._root.id, changed, files_now(self._root.path, self._intake))
            change_photos(session, followed.changed, self._clock.now(), self._settle)
            photos_back(session, followed.moved)
            for path, file in self._changed.items():
                if file.fault is not None:
                    fail_photo(session, followed.at[path], file.fault)
        left = {photo_id for photo_id, _ in followed.moved}
        self._gone = [(photo_id, path) for photo_id, path in self._gone if photo_id not in left]
        self._gone += [(photo_id, path) for path, photo_id in followed.at.items() if photo_id in followed.gone]
        self._result.changed += len(followed.changed)
        self._result.moved += len(followed.moved)
        self._changed = {}

    def _resolve_gone(self, *, accept_missing: bool) -> None:
        """Decide about each photo that is not at its path, and remember where other disks are mounted."""
        with self._store.write() as session:
            away = away_folders(session, self._root)
            gone = [photo_id for photo_id, path in self._gone if accept_missing or not away.hold(path)]
            resolved = resolve_gone(session, self._library, self._root, gone, accept=accept_missing)
            note_mounts(session, self._root, away)
        self._result.moved += len(resolved.moved)
        self._result.new -= sum(photo_id > self._last_id for photo_id in resolved.moved)
        self._result.gone += resolved.gone
        if away.found and not accept_missing:
            self._result.away[self._root.path] = sorted(away.found)
        if resolved.held:
            self._result.braked.add(self._root.path)
            self._result.held_back[self._root.path] = resolved.held
        elif away.found:
            self._result.held_back[self._root.path] = away.reason(len(self._gone) - len(gone))
