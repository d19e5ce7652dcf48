"""Corrections of many photos at once, as the page and the API make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.core.errors import UsageError
from tagger.core.names import same
from tagger.core.photo import Label, Origin
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.corrections import Correction, queue_keywords, work_out_again
from tagger.labels.languages import Language, language
from tagger.labels.resolve import resolve_label
from tagger.labels.taxonomy import Taxonomy
from tagger.store import bulk_corrections, jobs
from tagger.store.bulk_corrections import Changed, LabelState, TakenBack, given, kept_away
from tagger.store.labels import LabelIds
from tagger.store.library import Library
from tagger.store.photos import present_of
from tagger.store.tables import LabelRow
from tagger.store.taught_labels import find_taught


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction of many did. `id`: by which it can be taken back; None if nothing changed.

    `photos`: those that it was for and that are there; `changed`: on how many of them something is otherwise now.
    """

    id: int | None
    photos: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Named:
    """A label that something was said of. `taught`: it may be confirmed or kept away where a photo lacks it."""

    key: str
    name: str
    kind: str
    taught: bool = False


def correct_many(
    library: Library, photo_ids: Sequence[int], said: Correction, spoken: Language | None = None
) -> Corrected:
    """Correct the labels of many photos, all or none. `said.undo` is not for many: `take_back` is.

    A label is removed or confirmed where a photo has it, and added where a person has not yet given it; of all other
    photos nothing is said. Photos that are not there any more are left out. Raises UsageError for a label to remove or
    confirm that the library does not know.
    """
    now = library.clock.now()
    with library.store.write(durable=True) as session:
        label_ids = LabelIds()
        named = _all_named(library, session, said, spoken)
        numbers = {one.key: label_ids.id_of(session, _as_label(one)) for one in named}
        ids, changes = _all_changes(session, named, numbers, photo_ids)
        if not changes:
            return Corrected(None, len(ids), 0)
        bulk_corrections.store(session, changes)
        told = {kind: [one.name for one in named if one.kind == kind] for kind in ("remove", "confirm", "add")}
        number = bulk_corrections.record(session, told, changes, now)
        changed = sorted({one.photo_id for one in changes})
        queue_keywords(library, session, changed)
        return Corrected(number, len(ids), len(changed))


def preview_many(
    library: Library, photo_ids: Sequence[int], said: Correction, spoken: Language | None = None
) -> Corrected:
    """What `correct_many` would do. Nothing is stored; raises as it does."""
    with library.store.read() as session:
        named = _all_named(library, session, said, spoken)
        # One that is in no photo yet has no number.
        numbers = {
            one.key: bulk_corrections.label_number(session, one.key) or -place for place, one in enumerate(named, 1)
        }
        ids, changes = _all_changes(session, named, numbers, photo_ids)
    return Corrected(None, len(ids), len({one.photo_id for one in changes}))


def take_back(library: Library, number: int) -> TakenBack:
    """Take a correction of many back: its labels are as before, but where a person said something of them since.

    Raises UsageError if there is no such correction, or it was taken back already.
    """
    now = library.clock.now()
    with library.store.write(durable=True) as session:
        found = bulk_corrections.take_back(session, number, now)
        label_ids = LabelIds()
        for photo_id in found.relabel:
            work_out_again(session, library.settings, label_ids, photo_id, now)
        queue_keywords(library, session, found.photos)
        return found


def _existing(session: Session, spoken: Language, name: str, kind: str) -> _Named:
    """The label of the library, or the taught one, that a name means."""
    for key, known in session.execute(select(LabelRow.key, LabelRow.name).order_by(LabelRow.id)):
        if any(same(name, each) for each in (known, spoken.name_of(key, known), key)):
            return _Named(key, known, kind, taught=find_taught(session, key) is not None)
    raise UsageError(
        Sentence("No photo has the label {name!r}.", name=name),
        Sentence("Labels are named as the page names them, or by their keys."),
    )


def _all_named(library: Library, session: Session, said: Correction, spoken: Language | None) -> list[_Named]:
    """The labels that something is said of. Raises UsageError."""
    spoken = spoken or language(library.settings.labels.language)
    known = taxonomy.load()
    return [
        *(_existing(session, spoken, name, "remove") for name in said.remove),
        *(_existing(session, spoken, name, "confirm") for name in said.confirm),
        *(_Named(*resolve_label(session, known, name, spoken), "add") for name in said.add),
    ]


def _all_changes(
    session: Session, named: Sequence[_Named], numbers: dict[str, int], photo_ids: Sequence[int]
) -> tuple[list[int], list[Changed]]:
    """The photos that are there, and what changes on them. `numbers`: row ids of the labels by key."""
    ids, changes = sorted(present_of(session, sorted(set(photo_ids)))), []
    for part in jobs.chunks(ids):
        changes += _changes(session, numbers, taxonomy.load(), named, part)
    return ids, changes


def _changes(
    session: Session, numbers: dict[str, int], known: Taxonomy, named: Sequence[_Named], photo_ids: Sequence[int]
) -> list[Changed]:
    """What changes on some photos, a label at most once each: what is said last of it counts."""
    found: dict[tuple[int, int], Changed] = {}
    for photo_id, there in bulk_corrections.states_on(session, photo_ids).items():
        have = {key: state for key, state in there.values() if not state.removed}
        for one in named:
            number = numbers[one.key]
            before = there[number][1] if number in there else None
            after = _after(one, before, _rank(known, one.key, have))
            if after is not None and after != before:
                found[photo_id, number] = Changed(photo_id, number, before, after)
            else:
                found.pop((photo_id, number), None)
    return list(found.values())


def _after(one: _Named, before: LabelState | None, rank: int) -> LabelState | None:
    """The state that a label gets; None: nothing is said of it here."""
    there = before is not None and not before.removed
    if one.kind == "remove":
        if before is None:
            return kept_away() if one.taught else None
        return LabelState(before.confidence, before.rank, before.origin, before.shown, True, before.model_id)
    if before is not None and before.is_right:
        return before
    if one.kind == "confirm" and not there and not one.taught:
        return None
    return given(rank)


def _rank(known: Taxonomy, key: str, have: dict[str, LabelState]) -> int:
    """As for one photo: what a person says comes first, but behind narrower labels that the photo has."""
    return max((state.rank + 1 for other, state in have.items() if key in known.ancestors(other)), default=0)


def _as_label(one: _Named) -> Label:
    return Label(one.key, one.name, 1.0, 0, Origin.PERSON, shown=True)
