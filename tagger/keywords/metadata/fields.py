"""Which programs read which field of keywords first, and keywords as each field spells them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tagger.imaging.metadata.keyword_fields import Field
from tagger.keywords.from_labels import Keyword
from tagger.keywords.merge import comparison_key

# The fields that each program needs, because it reads no other, or this one first. `dc:subject` is always written.
# Immich, server/src/services/metadata.service.ts: TagsList, else HierarchicalSubject, else Keywords (IPTC).
# digiKam, core/libs/dmetadata (default order of reading): TagsList first, dc:subject and IPTC towards the end.
# Lightroom Classic and darktable read dc:subject and hierarchicalSubject together.
# Windows merges dc:subject, IPTC and XPKeywords (learn.microsoft.com, System.Keywords photo metadata policy).
# Apple Photos reads dc:subject. PhotoPrism, internal/meta/json_exiftool.go: Keywords (IPTC) from photos.
TARGETS: Mapping[str, tuple[Field, ...]] = {
    "immich": (Field.TAGS_LIST,),
    "digikam": (Field.TAGS_LIST,),
    "lightroom": (Field.HIERARCHICAL,),
    "darktable": (Field.HIERARCHICAL,),
    "windows": (Field.XP,),
    "apple": (),
    "photoprism": (Field.IPTC,),
}


# Characters that XML 1.0 (section 2.2) forbids, and line ends, which programs treat as the end of a keyword.
_ILLEGAL = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")


def legal(text: str) -> str:
    """A keyword without the characters that XML forbids."""
    return _ILLEGAL.sub(" ", text).strip()


def asked_for(targets: Iterable[str]) -> frozenset[Field]:
    """The fields that some programs need."""
    return frozenset({Field.SUBJECT}.union(*(TARGETS[target] for target in targets)))


def spelt(field: Field, keywords: Iterable[Keyword]) -> list[str]:
    """The keywords as a field spells them, each once. XPKeywords separates them by `;`, so none may contain it.

    One of which nothing can be seen, such as a soft hyphen alone, is none.
    """
    found: dict[str, str] = {}
    for text in (text for keyword in keywords for text in _texts(field, keyword)):
        found.setdefault(comparison_key(text), text)
    found.pop("", None)
    return list(found.values())


def in_languages(field: Field, keywords: Iterable[Keyword]) -> dict[str, frozenset[str]]:
    """By keyword as a field spells it, what the field would have of the same label in every language; to compare."""
    found: dict[str, frozenset[str]] = {}
    for keyword in keywords:
        spoken = [_texts(field, other) for other in keyword.in_languages()]
        for place, text in enumerate(_texts(field, keyword)):
            found.setdefault(comparison_key(text), frozenset(comparison_key(texts[place]) for texts in spoken))
    return found


def _texts(field: Field, keyword: Keyword) -> list[str]:
    texts = [keyword.path(field.separator)] if field.separator else [keyword.name, *keyword.flat_parents]
    return [legal(text.replace(";", ",") if field is Field.XP else text) for text in texts]


def seeds(field: Field, persons: Mapping[Field, Sequence[str]]) -> list[str]:
    """The seeds of a new field: a person's keywords from other fields, which it would hide from some programs.

    A flat field gets the last level of hierarchical keywords, as programs that use both do. A hierarchical field gets
    flat keywords as they are, except those that are a level of a hierarchical one.
    """
    found: dict[str, str] = {}
    leaves: set[str] = set()
    for other in (Field.TAGS_LIST, Field.HIERARCHICAL, Field.SUBJECT, Field.IPTC, Field.XP):
        for text in persons.get(other, ()):
            parts = [legal(part) for part in (text.split(other.separator) if other.separator else [text])]
            leaf = parts[-1]
            if not comparison_key(leaf):
                continue
            if not field.separator:
                found.setdefault(comparison_key(leaf), leaf)
            elif other.separator:
                path = field.separator.join(parts)
                found.setdefault(comparison_key(path), path)
                leaves |= {comparison_key(part) for part in parts}
            elif comparison_key(leaf) not in leaves:
                found.setdefault(comparison_key(leaf), leaf)
    return list(found.values())
