"""Planning the changes to each keyword field of one file: merging, making fields, taking back. Pure.

Tagger's own keywords are known in two ways. The *mark* is a property in the file's own XMP that lists them; it travels
with the file and survives the loss of the database. The *ledger* is the database's record of what was written; it
knows them where another program dropped the mark.

Each is one of three kinds: a *label*; a *seed*, a person's keyword copied into a field that tagger made, because a new
field hides the others from some programs; or *refused*, a label that a person took out and that is not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tagger.core.names import exact
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import Owned, mark_items, without_own
from tagger.keywords.from_labels import Keyword
from tagger.keywords.merge import comparison_key, merge, unwelcome_in_languages
from tagger.keywords.metadata.fields import in_languages, seeds, spelt


@dataclass(frozen=True, slots=True)
class FieldState:
    """The state of one field in a file. `closed`: why nothing can be written to it; empty if it can.

    `fits`: whether the field can hold a keyword.
    """

    keywords: tuple[str, ...] = ()
    exists: bool = False
    closed: str = ""
    fits: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The keywords to add to and remove from one field, and what is tagger's in it before and after."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    before: Owned
    after: Owned

    def __bool__(self) -> bool:
        """Whether the field changes."""
        return bool(self.add or self.remove)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes to one file. `notes`: what could not be done, as sentences."""

    changes: Mapping[Field, FieldChange]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(self.changes.values())

    @property
    def mark(self) -> tuple[str, ...]:
        """The mark's items after the change."""
        return mark_items({name: change.after for name, change in self.changes.items()})


def owned(state: FieldState, mark: Owned, ledger: Owned) -> Owned:
    """What is tagger's in a field, by the mark and by the ledger.

    A keyword that only the ledger lists counts only if the field has it: the file may be an older copy. A keyword that
    the mark lists and the field lacks was taken out by a person, and is the person's if it comes back.
    """
    there = {exact(keyword) for keyword in state.keywords}
    refused = dict.fromkeys((*mark.refused, *ledger.refused))
    labels = dict.fromkeys((*mark.labels, *(keyword for keyword in ledger.labels if keyword in there)))
    copies = dict.fromkeys((*mark.seeds, *(keyword for keyword in ledger.seeds if keyword in there)))
    return Owned(
        tuple(keyword for keyword in labels if keyword not in refused),
        tuple(keyword for keyword in copies if keyword not in labels and keyword in there),
        tuple(refused),
    )


def plan_write(
    states: Mapping[Field, FieldState],
    own: Mapping[Field, Owned],
    wanted: Sequence[Keyword],
    asked: frozenset[Field],
    around: Mapping[Field, Sequence[str]] | None = None,
) -> Plan:
    """Plan to write the keywords of a photo's labels.

    `own`: what is tagger's in each field (`owned`). `asked`: fields to make where they do not exist. `around`:
    keywords in other files that a new field would hide (those in the photo, for a sidecar).
    """
    theirs = {name: persons(state, own.get(name, Owned())) for name, state in states.items()}
    for name, keywords in (around or {}).items():
        theirs[name] = [*theirs.get(name, ()), *keywords]
    changes: dict[Field, FieldChange] = {}
    notes: list[str] = []
    for name, state in states.items():
        mine = own.get(name, Owned())
        work = _FieldWork(
            name, state, mine, spelt(name, wanted), seeds(name, theirs), partial(in_languages, name, wanted)
        )
        if state.closed and (state.exists or name in asked):
            notes.append(f"{name.value}: {state.closed}")
        if state.closed:
            changes[name] = FieldChange((), (), mine, mine)
        elif state.exists:
            changes[name] = _extend(work, notes)
        elif name in asked:
            changes[name] = _make(work, notes)
        else:
            changes[name] = FieldChange((), (), mine, Owned(refused=mine.refused))
    return Plan(changes, tuple(notes))


def plan_undo(
    states: Mapping[Field, FieldState], own: Mapping[Field, Owned], chosen: Callable[[Field, str], bool]
) -> Plan:
    """Plan to take back the keywords of tagger's that are chosen; a person's keywords stay."""
    changes: dict[Field, FieldChange] = {}
    notes: list[str] = []
    for name, state in states.items():
        mine = own.get(name, Owned())
        there = {exact(keyword) for keyword in state.keywords}
        remove = [keyword for keyword in mine.labels if keyword in there and chosen(name, keyword)]
        if state.closed and remove:
            notes.append(f"{name.value}: {state.closed}")
        if state.closed or not state.exists:
            changes[name] = FieldChange((), (), mine, mine)
            continue
        left = tuple(k for k in mine.labels if k not in remove and k in there)
        change = FieldChange((), tuple(remove), mine, Owned(left, mine.seeds))
        changes[name] = _without_lonely_seeds(state, change)
    return Plan(changes, tuple(notes))


def persons(state: FieldState, own: Owned) -> list[str]:
    """The keywords of a field that are a person's."""
    return without_own(state.keywords, (*own.labels, *own.seeds))


@dataclass(frozen=True, slots=True)
class _FieldWork:
    """One field to be written. `texts`: the keywords wanted; `copies`: a person's, for a field that is made.

    `in_languages`: as of `merge`.
    """

    name: Field
    state: FieldState
    mine: Owned
    texts: Sequence[str]
    copies: Sequence[str]
    in_languages: Callable[[], Mapping[str, frozenset[str]]]


def _fitting(work: _FieldWork, notes: list[str]) -> list[str]:
    found = []
    for text in work.texts:
        if work.state.fits(text):
            found.append(text)
        else:
            notes.append(f"{work.name.value} cannot hold {text[:40]!r}, so it is in XMP only")
    return found


def _extend(work: _FieldWork, notes: list[str]) -> FieldChange:
    state, mine = work.state, work.mine
    merged = merge(state.keywords, mine.labels, _fitting(work, notes), mine.refused, work.in_languages)
    refused = tuple(dict.fromkeys((*mine.refused, *merged.refused)))
    remove = merged.remove
    if merged.ours and not persons(state, mine):
        # In a field that tagger made, a label that a person wrote elsewhere becomes a copy of the person's keyword.
        elsewhere = {comparison_key(copy) for copy in work.copies}
        kept = tuple(keyword for keyword in remove if comparison_key(keyword) in elsewhere)
        remove = tuple(keyword for keyword in remove if keyword not in kept)
        mine = replace(mine, seeds=(*mine.seeds, *kept))
    change = FieldChange(merged.add, remove, mine, Owned(merged.ours, mine.seeds, refused))
    return _without_lonely_seeds(state, change)


def _without_lonely_seeds(state: FieldState, change: FieldChange) -> FieldChange:
    """Remove the seeds of a field with its last label, unless a person has used the field since."""
    copies = change.before.seeds
    if change.after.labels or not copies or persons(state, change.before):
        return change
    return replace(change, remove=(*change.remove, *copies), after=replace(change.after, seeds=()))


def _make(work: _FieldWork, notes: list[str]) -> FieldChange:
    name, state, mine = work.name, work.state, work.mine
    # What the mark lists and the file lacks was taken out by a person.
    refused = tuple(dict.fromkeys((*mine.refused, *mine.labels)))
    unwelcome = {comparison_key(keyword) for keyword in refused}
    unwelcome |= unwelcome_in_languages(unwelcome, work.in_languages)
    texts = [text for text in _fitting(work, notes) if comparison_key(text) not in unwelcome]
    seeded = [exact(copy) for copy in work.copies]
    if texts and not all(map(state.fits, seeded)):
        notes.append(
            f"{name.value} is not made, because it cannot hold all keywords that are there and would hide them"
        )
        texts = []
    if not texts:
        return FieldChange((), (), mine, Owned(refused=refused))
    wished = {comparison_key(text) for text in texts}
    seeded = [copy for copy in seeded if comparison_key(copy) not in wished]
    labels = tuple(exact(text) for text in texts)
    return FieldChange((*seeded, *labels), (), mine, Owned(labels, tuple(seeded), refused))
