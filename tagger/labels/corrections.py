"""Corrections: a person removes, confirms or adds labels of a photo, or undoes that.

Corrections survive relabelling, a change of the model, and a change of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import UnknownPhotoError, UsageError
from tagger.core.names import same
from tagger.core.paths import shown_path
from tagger.core.photo import JobKind, Label
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.labeller import stored_labeller
from tagger.labels.languages import Language, language
from tagger.labels.resolve import resolve_label
from tagger.labels.taxonomy import Taxonomy
from tagger.store import corrections, jobs, records
from tagger.store.corrections import Said
from tagger.store.labels import LabelIds, LabelledBy, labels_of, relabel_photos
from tagger.store.library import Library
from tagger.store.records import PhotoRecord
from tagger.store.taught_labels import find_taught


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of one or more photos. `remove`, `confirm` and `undo` name labels that the photos have.

    A label that is taught may be confirmed or removed where a photo does not have it: that says what it is.
    """

    remove: Sequence[str] = ()
    confirm: Sequence[str] = ()
    add: Sequence[str] = ()
    undo: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.remove or self.confirm or self.add or self.undo)


def correct(
    library: Library, photos: Sequence[str | int], said: Correction, spoken: Language | None = None
) -> list[list[Label]]:
    """Correct the labels of photos, all or none; returns the resulting labels of each, as they are stored.

    `photos`: absolute paths, or ids. `spoken`: in which labels may be named beside English; None: as the settings say.
    Raises UsageError for a photo that is not in the library, or a label that the photo does not have.
    """
    settings = library.settings
    naming = _Naming(taxonomy.load(), spoken or language(settings.labels.language))
    label_ids = LabelIds()
    with library.store.write() as session:
        ids = []
        for photo in photos:
            record = _record(session, photo)
            ids.append(record.id)
            _correct(session, label_ids, naming, record, said)
            if said.undo:
                work_out_again(session, settings, label_ids, record.id, library.clock.now())
        queue_keywords(library, session, ids)
        labels = labels_of(session, ids)
        return [labels[photo_id] for photo_id in ids]


_UNSAID = Sentence("nothing was said of the label {name!r}.")
_LACKING = Sentence("it does not have the label {name!r}.")


@dataclass(frozen=True, slots=True)
class _Naming:
    """How a person may name labels: by the taxonomy's names and in a language."""

    known: Taxonomy
    spoken: Language

    def find(self, labels: Sequence[Said], name: str) -> Said | None:
        """The label of a photo with this name, in English or the other language, or this key."""
        here = [(label, self.spoken.name_of(label.key, label.name)) for label in labels]
        return next(
            (one for one, spoken in here if any(same(name, each) for each in (one.name, spoken, one.key))), None
        )

    def one(self, labels: Sequence[Said], name: str, path: str, fault: str) -> Said:
        """As `find`. Raises UsageError where there is none."""
        found = self.find(labels, name)
        if found is None:
            names = [self.spoken.name_of(label.key, label.name) for label in labels]
            raise UsageError(
                Sentence("{path}: {fault}", path=shown_path(path), fault=Sentence(fault, name=name)),
                Sentence("These could be meant: {names}.", names=", ".join(names) or Sentence("none")),
            )
        return found


def _record(session: Session, photo: str | int) -> PhotoRecord:
    record = records.photo_by_id(session, photo) if isinstance(photo, int) else records.find_photo(session, photo)
    if record is None:
        raise UnknownPhotoError(f"Photo {photo}" if isinstance(photo, int) else shown_path(photo))
    return record


def _correct(session: Session, label_ids: LabelIds, naming: _Naming, record: PhotoRecord, said: Correction) -> None:
    path, photo_id = record.path.absolute, record.id
    there = corrections.labels_on(session, photo_id)
    present = [label for label in there if not label.removed]
    for name in said.undo:
        decided = [label for label in there if label.removed or label.by_person]
        corrections.withdraw(session, photo_id, naming.one(decided, name, path, _UNSAID).label_id)
    for removed, names in ((True, said.remove), (False, said.confirm)):
        for name in names:
            taught = None if naming.find(present, name) else find_taught(session, name)
            if taught is not None:
                corrections.put(session, label_ids, photo_id, taught.key, taught.name, removed=removed)
                continue
            label = naming.one(present, name, path, _LACKING)
            if removed:
                corrections.remove_label(session, photo_id, label.label_id)
            else:
                rank = _rank(naming.known, label.key, present)
                corrections.put(session, label_ids, photo_id, label.key, label.name, rank)
    for name in said.add:
        key, text = resolve_label(session, naming.known, name, naming.spoken)
        corrections.put(session, label_ids, photo_id, key, text, _rank(naming.known, key, present))


def _rank(known: Taxonomy, key: str, present: Sequence[Said]) -> int:
    """The rank of a label that a person gives: it comes first, but behind narrower ones that the photo has."""
    return max((label.rank + 1 for label in present if key in known.ancestors(label.key)), default=0)


def answer(library: Library, photo_id: int, name: str, *, right: bool) -> None:
    """Keep what a person says of a label and a photo of which it was asked. `name`: it need not be known yet."""
    with library.store.write() as session:
        key, known = resolve_label(session, taxonomy.load(), name, language(library.settings.labels.language))
        there = next((one for one in corrections.labels_on(session, photo_id) if one.key == key), None)
        if there is not None and not right:
            corrections.remove_label(session, photo_id, there.label_id)
        else:
            corrections.put(session, LabelIds(), photo_id, key, known, removed=not right)
        queue_keywords(library, session, [photo_id])


def queue_keywords(library: Library, session: Session, photo_ids: Sequence[int]) -> None:
    """Have the keywords of photos written, unless that is off."""
    if library.settings.keywords.mode != "off":
        jobs.enqueue(session, photo_ids, jobs.PRIORITY_NEW, kind=JobKind.KEYWORDS)


def work_out_again(session: Session, settings: Settings, label_ids: LabelIds, photo_id: int, now: float) -> None:
    """Derive a photo's labels from its stored features again. Without features, its next labelling does that."""
    record = records.photo_by_id(session, photo_id)
    known = None if record is None else stored_labeller(session, settings, record)
    if known is not None:
        labeller, features, evidence = known
        [labels] = labeller.labels_for(session, features, evidence)
        by = LabelledBy(labeller.model, now, labeller.taught(session))
        relabel_photos(session, label_ids, by, {photo_id: labels})
