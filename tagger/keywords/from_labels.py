"""Which labels of a photo become keywords, and how they are spelt, by the settings of `[keywords]`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.config import KeywordSettings
from tagger.core.names import folded
from tagger.core.photo import Label, Origin
from tagger.labels.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword and the levels above it, the widest first: `("tagger", "animal")` and `tiger`.

    `flat_parents`: the levels that flat fields get as keywords of their own.
    """

    name: str
    above: tuple[str, ...] = ()
    flat_parents: tuple[str, ...] = ()

    def path(self, separator: str) -> str:
        """The keyword as hierarchical fields write it. A separator inside a name would look like a level."""
        return separator.join(part.replace(separator, "-") for part in (*self.above, self.name))


def settings_digest(settings: KeywordSettings) -> str:
    """The settings that decide what is written, in 16 hexadecimal digits."""
    return hashlib.blake2b(settings.model_dump_json().encode(), digest_size=8).hexdigest()


def keywords_for(labels: Sequence[Label], settings: KeywordSettings, taxonomy: Taxonomy) -> list[Keyword]:
    """The keywords of a photo, the surest label first: the narrowest of its shown labels, at most `settings.count`.

    The photo's wider labels (animal) become levels above the narrower (tiger), or are left out. Labels as wide as
    "everyday object", which earlier versions showed, are written only if a person gave them. A label given by a person
    needs no minimum confidence.
    """
    covered = {
        label: frozenset(taxonomy.classes_under(label.key))
        for label in labels
        if label.shown
        and (
            label.origin is Origin.PERSON
            or (label.key not in taxonomy.search_only and label.confidence >= settings.min_confidence)
        )
    }
    root = (settings.root,) if settings.root else ()
    found: dict[str, Keyword] = {}
    for label, inside in covered.items():
        if any(other and other < inside for other in covered.values()):
            continue
        parents = _parents(inside, covered) if settings.parents else ()
        spelt = tuple(settings.prefix + parent for parent in parents)
        found.setdefault(folded(label.name), Keyword(settings.prefix + label.name, root + spelt, spelt))
    return list(found.values())[: settings.count]


def _parents(inside: frozenset[int], covered: dict[Label, frozenset[int]]) -> tuple[str, ...]:
    """The names of the photo's labels that include a narrower one, the widest first."""
    chain: list[str] = []
    for label, classes in sorted(covered.items(), key=lambda item: (len(item[1]), item[0].name)):
        if inside and classes > inside:
            inside = classes
            chain.append(label.name)
    return tuple(reversed(chain))
