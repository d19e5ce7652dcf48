"""What is to be done to each field of one file: the merge, the fields to make, the taking back. Pure.

Tagger's own keywords are known in two ways. The *mark* is a property in the file's own XMP that lists them; it travels
with the file and survives the loss of the database. The ledger in the database knows them too, where another program
dropped the mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tagger.keywords.from_labels import Keyword
from tagger.keywords.merge import exact, folded, merge
from tagger.keywords.metadata.fields import Field, seeds, spelt

# How the mark says what a keyword is: a label of tagger's, a person's keyword copied into a field that tagger made,
# or a label that a person took out.
_LABEL, _SEED, _REFUSED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Owned:
    """What is tagger's in one field, spelt as `merge.exact` does."""

    labels: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.labels or self.seeds or self.refused)


@dataclass(frozen=True, slots=True)
class FieldState:
    """One field as it is in a file. `closed`: why nothing can be written to it; empty if it can.

    `fits`: whether the field can hold a keyword.
    """

    keywords: tuple[str, ...] = ()
    exists: bool = False
    closed: str = ""
    fits: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What is to be done to one field, and what is tagger's in it afterwards."""

    add: tuple[str, ...]
    remove: tuple[str, ...]
    before: Owned
    after: Owned

    def __bool__(self) -> bool:
        """Whether the field changes."""
        return bool(self.add or self.remove)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to a file. `notes`: what could not be done, as sentences."""

    changes: Mapping[Field, FieldChange]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(self.changes.values())

    @property
    def mark(self) -> tuple[str, ...]:
        """The mark's items after the change."""
        return mark_items({name: change.after for name, change in self.changes.items()})


def mark_items(own: Mapping[Field, Owned]) -> tuple[str, ...]:
    """What the mark in a file says: one text for each keyword, `FIELD SIGN KEYWORD`."""
    found = []
    for name in Field:
        mine = own.get(name, Owned())
        for sign, keywords in ((_LABEL, mine.labels), (_SEED, mine.seeds), (_REFUSED, mine.refused)):
            found += [f"{name.value} {sign} {keyword}" for keyword in keywords]
    return tuple(found)


def read_mark(items: Iterable[str]) -> dict[Field, Owned]:
    """The inverse of `mark_items`; what makes no sense is left out."""
    names = {name.value: name for name in Field}
    found: dict[Field, dict[str, list[str]]] = {}
    for item in items:
        name, _, rest = item.strip().partition(" ")
        sign, _, keyword = rest.partition(" ")
        if name in names and sign in (_LABEL, _SEED, _REFUSED) and keyword:
            found.setdefault(names[name], {}).setdefault(sign, []).append(exact(keyword))
    return {
        name: Owned(tuple(by.get(_LABEL, ())), tuple(by.get(_SEED, ())), tuple(by.get(_REFUSED, ())))
        for name, by in found.items()
    }


def owned(state: FieldState, mark: Owned, ledger: Owned) -> Owned:
    """What is tagger's in a field, by the mark and by the ledger.

    A keyword of the ledger alone counts only if it is there: without it in the mark the file may be an older copy. One
    of the mark that is not there was taken out by a person, and stays a person's when it comes back.
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
    """What writing the keywords of a photo's labels changes.

    `own`: what is tagger's by now (`owned`). `asked`: fields that are to be made where they do not exist. `around`:
    keywords elsewhere that a new field would hide (those in the photo, for a sidecar).
    """
    theirs = {name: persons(state, own.get(name, Owned())) for name, state in states.items()}
    for name, keywords in (around or {}).items():
        theirs[name] = [*theirs.get(name, ()), *keywords]
    changes: dict[Field, FieldChange] = {}
    notes: list[str] = []
    for name, state in states.items():
        mine = own.get(name, Owned())
        texts = spelt(name, wanted)
        if state.closed and (state.exists or name in asked):
            notes.append(f"{name.value}: {state.closed}")
        if state.closed:
            changes[name] = FieldChange((), (), mine, mine)
        elif state.exists:
            changes[name] = _extend(name, state, mine, texts, seeds(name, theirs), notes)
        elif name in asked:
            changes[name] = _make(name, state, mine, texts, seeds(name, theirs), notes)
        else:
            changes[name] = FieldChange((), (), mine, Owned(refused=mine.refused))
    return Plan(changes, tuple(notes))


def plan_undo(
    states: Mapping[Field, FieldState], own: Mapping[Field, Owned], chosen: Callable[[Field, str], bool]
) -> Plan:
    """What taking back the chosen keywords of tagger's changes; a person's keywords stay."""
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
        changes[name] = _without_lonely_seeds(state, mine, left, (), tuple(remove), ())
    return Plan(changes, tuple(notes))


def persons(state: FieldState, own: Owned) -> list[str]:
    """The keywords of a field that are a person's."""
    mine = Counter((*own.labels, *own.seeds))
    found = []
    for keyword in state.keywords:
        if mine[exact(keyword)]:
            mine[exact(keyword)] -= 1
        else:
            found.append(keyword)
    return found


def _fitting(name: Field, state: FieldState, texts: Iterable[str], notes: list[str]) -> list[str]:
    found = []
    for text in texts:
        if state.fits(text):
            found.append(text)
        else:
            notes.append(f"{name.value} cannot hold {text[:40]!r}, so it is in XMP only")
    return found


def _extend(
    name: Field, state: FieldState, mine: Owned, texts: Sequence[str], copies: Sequence[str], notes: list[str]
) -> FieldChange:
    merged = merge(state.keywords, mine.labels, _fitting(name, state, texts, notes), mine.refused)
    refused = tuple(dict.fromkeys((*mine.refused, *merged.refused)))
    remove = merged.remove
    if merged.ours and not persons(state, mine):
        # In a field that tagger made, a label that a person wrote elsewhere becomes a copy of the person's keyword.
        elsewhere = {folded(copy) for copy in copies}
        kept = tuple(keyword for keyword in remove if folded(keyword) in elsewhere)
        remove = tuple(keyword for keyword in remove if keyword not in kept)
        mine = replace(mine, seeds=(*mine.seeds, *kept))
    return _without_lonely_seeds(state, mine, merged.ours, merged.add, remove, refused)


def _without_lonely_seeds(
    state: FieldState,
    mine: Owned,
    labels: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    refused: tuple[str, ...],
) -> FieldChange:
    """A field that tagger made goes with its last label, unless a person has used it since."""
    copies = mine.seeds
    if not labels and copies and not persons(state, mine):
        remove, copies = (*remove, *copies), ()
    return FieldChange(add, remove, mine, Owned(labels, copies, refused))


def _make(
    name: Field, state: FieldState, mine: Owned, texts: Sequence[str], copies: Sequence[str], notes: list[str]
) -> FieldChange:
    # What the mark says was here, and is not, was taken out by a person.
    refused = tuple(dict.fromkeys((*mine.refused, *mine.labels)))
    unwelcome = {folded(keyword) for keyword in refused}
    texts = [text for text in _fitting(name, state, texts, notes) if folded(text) not in unwelcome]
    seeded = [exact(copy) for copy in copies]
    if texts and not all(map(state.fits, seeded)):
        notes.append(
            f"{name.value} is not made, because it cannot hold all keywords that are there and would hide them"
        )
        texts = []
    if not texts:
        return FieldChange((), (), mine, Owned(refused=refused))
    wished = {folded(text) for text in texts}
    seeded = [copy for copy in seeded if folded(copy) not in wished]
    labels = tuple(exact(text) for text in texts)
    return FieldChange((*seeded, *labels), (), mine, Owned(labels, tuple(seeded), refused))
