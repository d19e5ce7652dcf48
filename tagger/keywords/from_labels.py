"""Which labels of a photo become keywords, and how they are spelt, by the settings of `[keywords]`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from tagger.core.config import KeywordSettings, Settings
from tagger.core.languages import ENGLISH, LANGUAGES, LanguageCode
from tagger.core.names import folded
from tagger.core.photo import Label, Origin
from tagger.labels.languages import language
from tagger.labels.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword and the levels above it, the widest first: `("tagger", "animal")` and `tiger`.

    `flat_parents`: the levels that flat fields get as keywords of their own. `in_languages`: the same in every one.
    """

    name: str
    above: tuple[str, ...] = ()
    flat_parents: tuple[str, ...] = ()
    in_languages: Callable[[], tuple[Keyword, ...]] = field(default=tuple, compare=False)

    def path(self, separator: str) -> str:
        """The keyword as hierarchical fields write it. A separator inside a name would look like a level."""
        return separator.join(part.replace(separator, "-") for part in (*self.above, self.name))


def keyword_languages(settings: Settings) -> tuple[LanguageCode, ...]:
    """The languages that keywords are written in: those of [keywords], or that of the labels."""
    return tuple(dict.fromkeys(settings.keywords.languages or (settings.labels.language,)))


def settings_digest(settings: Settings) -> str:
    """The settings that decide what is written, in 16 hexadecimal digits."""
    text = settings.keywords.model_dump_json(exclude={"languages"})
    languages = keyword_languages(settings)
    # English keywords have the digest that they had before there were others.
    text += "" if languages == (ENGLISH,) else ",".join(languages)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def keywords_for(
    labels: Sequence[Label],
    settings: KeywordSettings,
    taxonomy: Taxonomy,
    languages: Sequence[LanguageCode] = (ENGLISH,),
) -> list[Keyword]:
    """The keywords of a photo, the surest label first: the narrowest of its shown labels, at most `settings.count`.

    The photo's wider labels (animal) become levels above the narrower (tiger), or are left out. Labels as wide as
    "everyday object", which earlier versions showed, are written only if a person gave them. A label given by a person
    needs no minimum confidence. `languages`: each label is written in all of them, the labels one after the other.
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
    narrowest: dict[str, Label] = {}
    for label, inside in covered.items():
        if not any(other and other < inside for other in covered.values()):
            narrowest.setdefault(folded(label.name), label)
    found: dict[str, Keyword] = {}
    for label in list(narrowest.values())[: settings.count]:
        parents = _parents(covered[label], covered) if settings.parents else ()
        chain = (*parents, label)
        for keyword in _spoken(chain, settings, languages):
            whole = replace(keyword, in_languages=partial(_spoken, chain, settings, tuple(LANGUAGES)))
            found.setdefault(folded(keyword.name), whole)
    return list(found.values())


def _spoken(
    chain: Sequence[Label], settings: KeywordSettings, languages: Sequence[LanguageCode]
) -> tuple[Keyword, ...]:
    """A label, behind those above it, as a keyword in languages."""
    root = (settings.root,) if settings.root else ()
    found = []
    for one in map(language, languages):
        names = [settings.prefix + one.name_of(each.key, each.name) for each in chain]
        found.append(Keyword(names[-1], (*root, *names[:-1]), tuple(names[:-1])))
    return tuple(found)


def _parents(inside: frozenset[int], covered: dict[Label, frozenset[int]]) -> tuple[Label, ...]:
    """The photo's labels that include a narrower one, the widest first."""
    chain: list[Label] = []
    for label, classes in sorted(covered.items(), key=lambda item: (len(item[1]), item[0].name)):
        if inside and classes > inside:
            inside = classes
            chain.append(label)
    return tuple(reversed(chain))
