"""Looking through the roots: what is new, changed, moved or gone since the last time, told to the database.

Files are compared by what `stat` says. None is opened here, but for a few bytes of new files whose name says
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.photo import Fingerprint
from tagger.intake.reconcile import KnownFile, PathState, below, check_root, reconcile, too_many_gone
from tagger.intake.walk import ScanProblem, SeenFile, holds_picture, walk
from tagger.store import jobs
from tagger.store.photos import (
    add_photos,
    change_photos,
    fail_photo,
    known_photos,
    last_photo_id,
    match_moves,
    photos_back,
    photos_gone,
    present_count,
)
from tagger.store.roots import Root, mark_scanned
from tagger.store.session import Store

_BATCH = 1000
# A file without a photo's name was sniffed by the last scan, unless it changed about when that began.
_MARGIN_SECONDS = 60


@dataclass(slots=True)
class ScanResult:
    """What a look through the roots found.

    `held_back`: roots that are not there, or of which too much is gone (`braked`), with the reason.
    """

    seen: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    back: int = 0
    gone: int = 0
    problems: list[ScanProblem] = field(default_factory=list)
    held_back: dict[str, str] = field(default_factory=dict)
    braked: set[str] = field(default_factory=set)


def scan_roots(
    store: Store,
    settings: Settings,
    roots: Iterable[Root],
    clock: Clock,
    *,
    stop: Callable[[], bool] = lambda: False,
    accept_missing: bool = False,
    report: Callable[[int], None] = lambda _: None,
    unsettled: Callable[[Root, str], None] | None = None,
) -> ScanResult:
    """Look through roots and tell the database what changed.

    `stop` ends it early, and then nothing is taken as gone. `accept_missing` overrides the brake for roots of which
    too much is gone. `report` is called with the number of files seen so far. `unsettled` is given the files that
    changed a moment ago, and the database is not told of them.
    """
    result = ScanResult()
    for root in roots:
        if not stop():
            _RootScan(store, settings, root, clock, result, report, unsettled).run(stop, accept_missing)
    return result


class _RootScan:
    """One look through one root; changes are written in batches as they are found."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        root: Root,
        clock: Clock,
        result: ScanResult,
        report: Callable[[int], None],
        unsettled: Callable[[Root, str], None] | None,
    ) -> None:
        self._unsettled = unsettled
        self._store = store
        self._settings = settings
        self._root = root
        self._clock = clock
        self._result = result
        self._report = report
        self._new: list[SeenFile] = []
        self._changed: list[tuple[int, SeenFile]] = []
        self._back: list[tuple[int, Fingerprint]] = []
        self._gone: list[int] = []

    def run(self, stop: Callable[[], bool], accept_missing: bool) -> None:
        started = self._clock.now()
        with self._store.read() as session:
            known = present_count(session, self._root.id)
            last_id = last_photo_id(session)
        reason = check_root(self._root.path, 0 if accept_missing else known)
        if reason is not None:
            self._result.held_back[self._root.path] = reason
            return
        unread: list[str] = []
        seen = walk(self._root.path, self._settings.intake, self._result.problems.append, unread)
        before = (
            KnownFile(photo.id, photo.path, photo.fingerprint, photo.missing)
            for photo in known_photos(self._store, self._root.id)
        )
        for change, file, photo in reconcile(seen, before, below(unread)):
            self._note(change, file, photo)
            if len(self._new) + len(self._changed) + len(self._back) >= _BATCH:
                self._flush()
            if stop():
                self._flush()
                return
        self._flush()
        self._settle_gone(known, last_id, accept_missing)
        with self._store.write() as session:
            mark_scanned(session, self._root.id, started)

    def _note(self, change: PathState, file: SeenFile | None, photo: KnownFile | None) -> None:
        if photo is not None and file is None:
            self._gone.append(photo.photo_id)
        elif file is not None and self._unsettled is not None and change is not PathState.SAME and self._is_fresh(file):
            self._unsettled(self._root, file.path)
        elif file is not None and photo is None:
            if file.named or self._is_photo_inside(file):
                self._new.append(file)
                self._result.seen += 1
        elif file is not None and photo is not None:
            self._result.seen += 1
            if change is PathState.CHANGED:
                self._changed.append((photo.photo_id, file))
            elif change is PathState.BACK:
                self._back.append((photo.photo_id, file.fingerprint))
        if self._result.seen % 1000 == 0:
            self._report(self._result.seen)

    def _is_fresh(self, file: SeenFile) -> bool:
        """Whether the file changed a moment ago, or its times make no sense."""
        newest = max(file.fingerprint.mtime_ns, file.fingerprint.ctime_ns or 0) / 1e9
        return self._clock.now() - newest < max(10.0, 2 * self._settings.intake.settle_seconds)

    def _is_photo_inside(self, file: SeenFile) -> bool:
        """Whether a file whose name says nothing holds a picture. Only files changed since the last scan are read."""
        newest = max(file.fingerprint.mtime_ns, file.fingerprint.ctime_ns or 0) / 1e9
        if self._root.scanned_at is not None and newest < self._root.scanned_at - _MARGIN_SECONDS:
            return False
        try:
            return holds_picture(os.path.join(self._root.path, file.path))
        except OSError as error:
            self._result.problems.append(ScanProblem(file.path, error.strerror or str(error)))
            return False

    def _flush(self) -> None:
        if not (self._new or self._changed or self._back):
            return
        now, settle = self._clock.now(), self._settings.intake.settle_seconds
        with self._store.write() as session:
            files = [(file.path, file.fingerprint) for file in self._new]
            # What the first look finds is the archive; what a later one finds is new.
            priority = jobs.PRIORITY_NEW if self._root.scanned_at is not None else jobs.PRIORITY_ARCHIVE
            ids = add_photos(session, self._root.id, files, now, settle, priority)
            changed = [(photo_id, file.fingerprint) for photo_id, file in self._changed]
            change_photos(session, changed, now, settle)
            photos_back(session, self._back)
            for photo_id, file in [*zip(ids, self._new, strict=True), *self._changed]:
                if file.fault is not None:
                    fail_photo(session, photo_id, file.fault)
        self._result.new += len(self._new)
        self._result.changed += len(self._changed)
        self._result.back += len(self._back)
        self._new, self._changed, self._back = [], [], []

    def _settle_gone(self, known: int, last_id: int, accept_missing: bool) -> None:
        """Photos that are not where they were: moved, gone, or on a disk that is not there."""
        with self._store.write() as session:
            moved = match_moves(session, self._gone, last_id)
        gone = [photo_id for photo_id in self._gone if photo_id not in moved]
        self._result.moved += len(moved)
        self._result.new -= len(moved)
        if too_many_gone(known, len(gone), self._settings.intake) and not accept_missing:
            self._result.braked.add(self._root.path)
            self._result.held_back[self._root.path] = (
                f"{len(gone):,} of its {known:,} photos are gone at once; is a disk missing? Nothing was taken as gone"
            )
            return
        with self._store.write() as session:
            photos_gone(session, gone, self._clock.now())
        self._result.gone += len(gone)
