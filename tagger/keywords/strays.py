"""Sidecars that are not where their photo is: it was renamed or moved, other settings name them otherwise, or they were
deleted.

What the ledger knows decides, not what was seen happening: the photo's path now, and the path where its sidecar was
written. Before keywords are written, tagger's part of each stray is taken out of it (all of a sidecar that tagger alone
made, which so disappears); then the photo's keywords are written where its sidecar belongs now, as for any photo. What
a person put into a stray stays where it lies, because only the person knows whether it was left there on purpose.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tagger.core.config import KeywordSettings
from tagger.core.paths import shown_path
from tagger.core.sidecar_names import Folders, photos_of_sidecar, sidecar_path
from tagger.keywords.batches import THREADS
from tagger.keywords.file_content import hash_at
from tagger.keywords.journal import FileWriter, full_disk
from tagger.keywords.undo_draft import UndoDraft, draft_stray
from tagger.keywords.write import Written
from tagger.store import jobs, ledger
from tagger.store.ledger import SidecarPlace
from tagger.store.library import Library

_PAGE = 200


def photos_with_strays(library: Library) -> list[int]:
    """The labelled photos whose sidecar is not where it belongs. Reads folders, but no files."""
    with library.store.read() as session:
        places = ledger.sidecar_places(session, root_ids=library.here())
    settings, folders = library.settings.keywords, Folders()
    return [place.photo_id for place in places if _is_astray(place, settings, folders)]


def _is_astray(place: SidecarPlace, settings: KeywordSettings, folders: Folders) -> bool:
    path, exists = sidecar_path(place.photo, settings, folders)
    if path != place.path:
        return True
    elsewhere = settings.sidecar_folder
    if elsewhere is not None and not folders.names(str(elsewhere)):
        # Its disk is not mounted; then nothing of it is there.
        return False
    return not exists and folders.has(place.photo)


def unsettle_strays(library: Library) -> int:
    """Have the keywords of photos settled again whose sidecar is not where it belongs; returns how many."""
    found = photos_with_strays(library)
    if found:
        with library.store.write() as session:
            ledger.mark_settled(session, found, None)
    return len(found)


def take_strays_back(writer: FileWriter, written: Written, up_to: int = jobs.PRIORITY_STALE) -> None:
    """Take what is tagger's out of the strays of photos whose keywords are queued, and note what was left.

    `up_to`: the last priority of those that are to be written now.
    Caller must hold the write lock. Raises StoreError if a disk is full.
    """
    store = writer.library.store
    with store.read() as session:
        places = ledger.queued_sidecar_places(session, writer.library.here(), up_to=up_to)
    with ThreadPoolExecutor(THREADS, "strays") as pool:
        for strays in _pages(places, writer.library.settings.keywords):
            drafts = _drafts(writer, strays)
            with store.write() as session:
                for stray in strays:
                    if stray.moved_to:
                        ledger.sidecar_moved(session, stray.photo_id, stray.path, stray.moved_to)
            writer.write_batch([draft.work for draft in drafts], pool)
            for draft in drafts:
                _count(draft, written)
            full = next((draft.work.full for draft in drafts if draft.work.full), "")
            if full:
                raise full_disk(full)


def preview_strays(writer: FileWriter, photo_ids: Sequence[int], written: Written) -> None:
    """List what `take_strays_back` would do for some photos."""
    with writer.library.store.read() as session:
        places = ledger.sidecar_places(session, photo_ids)
    for strays in _pages(places, writer.library.settings.keywords):
        for draft in _drafts(writer, strays):
            for change, removed, _ in draft.files:
                written.listing.append((shown_path(change.path), (), removed))
            _count(draft, written)


@dataclass(frozen=True, slots=True)
class _Stray:
    """A photo's sidecar at `path`, where it does not belong. `moved_to`: where somebody moved it, if he did."""

    photo_id: int
    path: str
    moved_to: str


def _pages(places: Sequence[SidecarPlace], settings: KeywordSettings) -> Iterator[list[_Stray]]:
    for start in range(0, len(places), _PAGE):
        # Each page anew: what was done before changed what is there.
        folders = Folders()
        strays: list[_Stray] = []
        for place in places[start : start + _PAGE]:
            path, exists = sidecar_path(place.photo, settings, folders)
            if path == place.path:
                continue
            if _is_left_of(place, settings):
                strays.append(_Stray(place.photo_id, place.path, ""))
            elif exists:
                strays.append(_Stray(place.photo_id, place.path, path))
        if strays:
            yield strays


def _drafts(writer: FileWriter, strays: Sequence[_Stray]) -> list[UndoDraft]:
    left = {stray.photo_id: stray.path for stray in strays if not stray.moved_to}
    with writer.library.store.read() as session:
        photos = jobs.as_jobs(session, list(left))
    return [draft_stray(writer, job, left[job.photo_id]) for job in photos]


def _is_left_of(place: SidecarPlace, settings: KeywordSettings) -> bool:
    """Whether the file where a photo's sidecar was is that sidecar, and not that of a photo with the old name."""
    if not os.path.lexists(place.path):
        return False
    if not photos_of_sidecar(place.path, settings):
        return True
    try:
        return hash_at(place.path) == place.hash
    except OSError:
        return False


def _count(draft: UndoDraft, written: Written) -> None:
    work = draft.work
    written.followed += len(work.changes) > 0 and not (work.failed or work.changed or work.full)
    if work.failed or work.changed:
        why = work.failed.rstrip(".") or "another program changed it at this moment"
        written.notes[f"its sidecar at its old name is left alone, because {why[0].lower()}{why[1:]}"] += 1
    elif any(change.splices is not None for change in work.changes):
        written.notes[
            "its sidecar at its old name has more in it than tagger's keywords: only these were taken out"
        ] += 1
