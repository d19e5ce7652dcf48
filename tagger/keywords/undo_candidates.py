"""What to take back, and which photos may have it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tagger.core.config import KeywordSettings
from tagger.core.paths import is_object
from tagger.core.sidecar_names import sidecar_path
from tagger.store import ledger
from tagger.store.library import Library
from tagger.store.photos import KnownPhoto, known_photos, photos_below
from tagger.store.roots import all_roots


@dataclass(frozen=True, slots=True)
class UndoChoice:
    """What to take back: what one run added, one label, or (neither) everything; from some photos, or all (None)."""

    run_id: int | None = None
    label: str | None = None
    photo_ids: tuple[int, ...] | None = None


def undo_candidates(library: Library, choice: UndoChoice) -> list[int]:
    """The photos that may have keywords of tagger's.

    These are the photos of the ledger, photos whose files changed since they were inspected, and photos with a
    sidecar: after an older database was restored, only the files themselves know what was written.
    """
    with library.store.read() as session:
        found = set(ledger.photos_with_entries(session, run_id=choice.run_id))
        roots = all_roots(session)
    if choice.photo_ids is not None:
        return list(choice.photo_ids)
    if choice.run_id is not None:
        return sorted(found)
    for root in roots:
        # Nothing is written there.
        if is_object(root.path):
            continue
        for photo in known_photos(library.store, root.id):
            if photo.missing or photo.id in found:
                continue
            if _may_have_keywords(os.path.join(root.path, photo.path), photo, library.settings.keywords):
                found.add(photo.id)
    return sorted(found)


def on_this_machine(library: Library, photo_ids: list[int]) -> list[int]:
    """Those of some photos that lie in roots of this process."""
    here = library.here()
    if here is None:
        return photo_ids
    with library.store.read() as session:
        return photos_below(session, photo_ids, here)


def _may_have_keywords(path: str, photo: KnownPhoto, settings: KeywordSettings) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    known = photo.fingerprint
    if (status.st_size, status.st_mtime_ns) != (known.size, known.mtime_ns):
        return True
    # A write that keeps the time and, within the padding, the size still makes a new file.
    return known.inode not in (None, status.st_ino) or sidecar_path(path, settings)[1]
