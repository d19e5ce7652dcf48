"""What a person says of a photo's labels: it is wrong, it is right, this one is missing; and taking that back.

What a person said stays through relabelling, another model and another look at the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import UnknownPhotoError, UsageError
from tagger.core.paths import shown_path
from tagger.core.photo import JobKind, Label
from tagger.labels import taxonomy
from tagger.labels.labeller import stored_labeller
from tagger.labels.names import resolve_label
from tagger.labels.taxonomy import Taxonomy
from tagger.store import corrections, jobs, records
from tagger.store.corrections import Said
from tagger.store.labels import LabelIds, labels_of, relabel_photos
from tagger.store.records import PhotoRecord
from tagger.store.session import Store


@dataclass(frozen=True, slots=True)
class Correction:
    """What is said of each of some photos. `remove`, `confirm` and `undo` name labels that the photos have."""

    remove: Sequence[str] = ()
    confirm: Sequence[str] = ()
    add: Sequence[str] = ()
    undo: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.remove or self.confirm or self.add or self.undo)


def correct(
    store: Store, settings: Settings, photos: Sequence[str | int], said: Correction, clock: Clock | None = None
) -> list[list[Label]]:
    """Correct the labels of photos, all or none; returns the labels that each has now.

    `photos`: absolute paths, or ids. Raises UsageError for a photo that is not in the library, or a label that it does
    not have.
    """
    clock = clock or SystemClock()
    known = taxonomy.load()
    label_ids = LabelIds()
    with store.write() as session:
        ids = []
        for photo in photos:
            record = _record(session, photo)
            ids.append(record.id)
            _correct(session, label_ids, known, record.path.absolute, record.id, said)
            if said.undo:
                _relabel(session, settings, label_ids, record, clock)
        if settings.keywords.mode != "off":
            jobs.enqueue(session, ids, jobs.PRIORITY_NEW, kind=JobKind.KEYWORDS)
        labels = labels_of(session, ids)
        return [labels[photo_id] for photo_id in ids]


def _record(session: Session, photo: str | int) -> PhotoRecord:
    record = records.photo_by_id(session, photo) if isinstance(photo, int) else records.find_photo(session, photo)
    if record is None:
        raise UnknownPhotoError(f"Photo {photo}" if isinstance(photo, int) else shown_path(photo))
    return record


def _correct(
    session: Session, label_ids: LabelIds, known: Taxonomy, path: str, photo_id: int, said: Correction
) -> None:
    there = corrections.labels_on(session, photo_id)
    present = [label for label in there if not label.removed]
    for name in said.undo:
        decided = [label for label in there if label.removed or label.by_person]
        corrections.withdraw(session, photo_id, _named(decided, name, path, "nothing was said of").label_id)
    for name in said.remove:
        corrections.remove(session, photo_id, _named(present, name, path, "it does not have").label_id)
    for name in said.confirm:
        label = _named(present, name, path, "it does not have")
        corrections.put(session, label_ids, photo_id, label.key, label.name)
    for name in said.add:
        corrections.put(session, label_ids, photo_id, *resolve_label(session, known, name))


def _named(labels: Sequence[Said], name: str, path: str, fault: str) -> Said:
    found = next((label for label in labels if name.casefold() in (label.name.casefold(), label.key)), None)
    if found is None:
        names = ", ".join(label.name for label in labels) or "none"
        raise UsageError(f"{shown_path(path)}: {fault} the label {name!r}.", f"These could be meant: {names}.")
    return found


def _relabel(session: Session, settings: Settings, label_ids: LabelIds, record: PhotoRecord, clock: Clock) -> None:
    """Give a photo the policy's labels from its stored features; without them they come with the next look at it."""
    known = stored_labeller(session, settings, record)
    if known is not None:
        labeller, features = known
        [labels] = labeller.labels_for(session, features)
        relabel_photos(session, label_ids, labeller.model, {record.id: labels}, clock.now(), labeller.taught(session))
