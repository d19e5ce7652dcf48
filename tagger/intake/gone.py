"""Photos whose files are not at their paths: moved, deleted, or on a disk that is away.

What turned up elsewhere is merged with that (`tagger.store.moves`). Photos on a mount point or behind a link that leads
nowhere are left alone. Of the rest the brake decides: very many at once are held (`unseen`), until they turn up, or
until a person says that they are gone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tagger.core.config import IntakeSettings
from tagger.core.paths import is_object, shown_path
from tagger.core.photo import JobKind
from tagger.intake.reconcile import too_many_gone
from tagger.store import jobs
from tagger.store.library import Library
from tagger.store.moves import match_gone
from tagger.store.photos import is_anything_below, photos_gone, photos_unseen, present_count, unseen_photos
from tagger.store.roots import Root, all_roots, record_mounts, recorded_mounts
from tagger.system.filesystem import has_files, mounts_below


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of photos whose files are not at their paths.

    `moved`: the ids that those had which are at another path. `held`: why those left are not taken as gone.
    """

    moved: tuple[int, ...] = ()
    gone: int = 0
    held: str = ""


def resolve_gone(  # noqa: PLR0913 - a scan and a watcher count differently, and a person may have spoken
    session: Session, library: Library, root: Root, photo_ids: Sequence[int], recent: int = 0, *, accept: bool = False
) -> Resolved:
    """Decide what became of photos of a root whose files are not at their paths.

    `recent`: photos that went missing just before, which the brake counts as well. `accept`: a person says that what
    did not turn up elsewhere is gone.
    """
    now = library.clock.now()
    moved = match_gone(session, photo_ids, now)
    rest = [photo_id for photo_id in photo_ids if photo_id not in moved]
    held = "" if accept else _brake(session, library.settings.intake, root, len(rest), recent)
    if held:
        photos_unseen(session, rest, now)
        return Resolved(tuple(moved.values()), held=held)
    photos_gone(session, rest, now)
    return Resolved(tuple(moved.values()), len(rest))


def release_unseen(library: Library, root: Root) -> Resolved:
    """Look again at the photos of a root that the brake holds: take them as gone once few enough are left.

    The others turned up at other paths meanwhile. Reads no file.
    """
    with library.store.read() as session:
        unseen = unseen_photos(session, root.id)
        held = _brake(session, library.settings.intake, root, len(unseen))
    if held or not unseen:
        return Resolved(held=held)
    with library.store.write() as session:
        unseen = unseen_photos(session, root.id)
        photos_gone(session, unseen, library.clock.now())
    return Resolved(gone=len(unseen))


def _brake(session: Session, settings: IntakeSettings, root: Root, gone: int, recent: int = 0) -> str:
    """Why so many photos are not taken as gone; empty if they are."""
    known = present_count(session, root.id) + recent
    gone += recent
    if not too_many_gone(known, gone, settings):
        return ""
    waiting = jobs.new_photos(session, JobKind.LABEL)
    if waiting:
        hint = f"they may be among the {waiting:,} new photos that were not looked at yet"
    else:
        hint = "is a disk missing? Nothing was taken as gone"
    return f"{gone:,} of its {known:,} photos are gone at once; {hint}"


class AwayFolders:
    """The folders below a root whose disk is away: mount points with nothing mounted, and links that lead nowhere or to
    an empty folder, as a mount point is without its disk.

    `unmounted`: the mount points. `found`: the folders that were asked about.
    """

    def __init__(self, root: str, unmounted: Iterable[str]) -> None:
        self._root = root
        self.unmounted = frozenset(unmounted)
        self.found: set[str] = set()
        self._away: dict[str, str] = {"": "", **{path: path for path in self.unmounted}}

    def hold(self, path: str) -> bool:
        """Whether a path, relative to the root, is below such a folder."""
        away = self._around(path.rpartition("/")[0])
        if away:
            self.found.add(away)
        return bool(away)

    def _around(self, folder: str) -> str:
        """The folder whose disk is away at or above a folder; empty if there is none."""
        if folder not in self._away:
            where = os.path.join(self._root, folder)
            away = bool(self._root) and os.path.islink(where) and not has_files(where)
            self._away[folder] = folder if away else self._around(folder.rpartition("/")[0])
        return self._away[folder]

    def reason(self, photos: int) -> str:
        """Why so many photos are not taken as gone, for people."""
        names = ", ".join(shown_path(path) for path in sorted(self.found))
        return f"the disk of {names} is away; its {photos:,} photos stay as they are"


def away_folders(session: Session, root: Root) -> AwayFolders:
    """The folders of a root whose disk is away now."""
    if is_object(root.path):
        return AwayFolders("", ())
    mounted = mounts_below(root.path)
    return AwayFolders(root.path, [path for path in recorded_mounts(session, root.id) if path not in mounted])


def note_mounts(session: Session, root: Root, away: AwayFolders) -> None:
    """Remember the mount points below a root on which there are photos, and those whose photos are away."""
    if is_object(root.path):
        return
    mounted = [path for path in mounts_below(root.path) if is_anything_below(session, root.id, path)]
    record_mounts(session, root.id, sorted({*mounted, *(away.found & away.unmounted)}))


def is_back(folder: str) -> bool:
    """Whether a folder whose disk was away (a mount point, or a link) leads to something again."""
    return has_files(folder) if os.path.islink(folder) else os.path.ismount(folder)


def dead_roots(session: Session, here: Collection[int] | None) -> list[int]:
    """Roots, of those that are this process's, whose folder is not there: their photos may turn up in another root.

    Whether object storage is there cannot be told from whether it answers.
    """
    roots = [root for root in all_roots(session) if here is None or root.id in here]
    return [root.id for root in roots if not is_object(root.path) and not os.path.lexists(root.path)]
