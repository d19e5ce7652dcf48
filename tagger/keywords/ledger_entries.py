"""Between the ledger's rows and what is tagger's in each field of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import Owned
from tagger.store import ledger
from tagger.store.ledger import Entry


def entries_from(owned: Mapping[Field, Owned]) -> list[Entry]:
    """What is tagger's in a file, as the ledger stores it."""
    return [
        Entry(name.value, keyword, kind)
        for name, mine in owned.items()
        for kind, keywords in ((ledger.LABEL, mine.labels), (ledger.SEED, mine.seeds), (ledger.REFUSED, mine.refused))
        for keyword in keywords
    ]


def owned_from(found: Sequence[Entry]) -> dict[Field, Owned]:
    """The inverse of `entries_from`."""
    kinds: dict[str, dict[str, list[str]]] = {}
    for entry in found:
        kinds.setdefault(entry.field, {}).setdefault(entry.kind, []).append(entry.keyword)
    return {
        name: Owned(tuple(by.get(ledger.LABEL, ())), tuple(by.get(ledger.SEED, ())), tuple(by.get(ledger.REFUSED, ())))
        for name in Field
        if (by := kinds.get(name.value))
    }
