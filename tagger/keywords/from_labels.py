"""Which labels of a photo become keywords, and how they are spelt, as `[keywords]` of the configuration says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.config import KeywordSettings
from tagger.core.photo import Label, Origin
from tagger.labels.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword with what stands above it, the widest first: `("tagger", "animal")` and `tiger`.

    `flat_parents`: those of them that flat fields get as keywords of their own.
    """

    name: str
    above: tuple[str, ...] = ()
    flat_parents: tuple[str, ...] = ()

    def path(self, separator: str) -> str:
        """The keyword as hierarchical fields write it. A separator inside a name would look like a level."""
        return separator.join(part.replace(separator, "-") for part in (*self.above, self.name))


def keywords_for(labels: Sequence[Label], settings: KeywordSettings, taxonomy: Taxonomy) -> list[Keyword]:
    """The keywords of a photo, the surest label first: the narrowest of its shown labels, at most so many.

    The wider labels of the photo (animal) stand above the narrower (tiger), or are left out. Labels as wide as
    "everyday object" are shown where nothing else is known, and never written. A label that a person gave needs no
    minimum.
    """
    covered = {
        label: frozenset(taxonomy.classes_under(label.key))
        for label in labels
        if label.shown
        and label.key not in taxonomy.shown_alone
        and (label.origin is Origin.PERSON or label.confidence >= settings.min_confidence)
    }
    root = (settings.root,) if settings.root else ()
    found: dict[str, Keyword] = {}
    for label, inside in covered.items():
        if any(other and other < inside for other in covered.values()):
            continue
        parents = _parents(inside, covered) if settings.parents else ()
        spelt = tuple(settings.prefix + parent for parent in parents)
        found.setdefault(label.name, Keyword(settings.prefix + label.name, root + spelt, spelt))
    return list(found.values())[: settings.count]


def _parents(inside: frozenset[int], covered: dict[Label, frozenset[int]]) -> tuple[str, ...]:
    """The names of the photo's wider labels, the widest first, each around the next."""
    chain: list[str] = []
    for label, classes in sorted(covered.items(), key=lambda item: (len(item[1]), item[0].name)):
        if inside and classes > inside:
            inside = classes
            chain.append(label.name)
    return tuple(reversed(chain))
