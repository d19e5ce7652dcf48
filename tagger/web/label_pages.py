"""The pages of labels: all of them as cards and as a hierarchy, and one label with its photos and rules."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from tagger.core.names import folded
from tagger.labels import taxonomy
from tagger.labels.cloud import worth_listing
from tagger.labels.languages import Language
from tagger.labels.sections import SECTIONS, Section, section_of
from tagger.search.query_tree import quoted
from tagger.store.counts import LabelCount
from tagger.store.covers import Cover
from tagger.store.sizes import sizes_of
from tagger.web import search_pages
from tagger.web.api_labels import Key, get_rules, tree
from tagger.web.context import WebContext, context_of
from tagger.web.layout import shapes
from tagger.web.render import render
from tagger.web.schemas_labels import LabelCountOut
from tagger.web.schemas_photos import naming
from tagger.web.search_pages import Library
from tagger.web.visitor import code_of, spoken_of

router = APIRouter(include_in_schema=False)
# Of a label's photos, these are shown on its page.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Card:
    """A label with its photos' number and one of them."""

    label: LabelCountOut
    cover: Cover | None


@router.get("/labels")
def get_labels(request: Request, view: Annotated[Literal["cards", "cloud", "tree"], Query()] = "cards") -> Response:
    """All labels, as cards or as the hierarchy. `cloud`: how cards were called in addresses."""
    context = context_of(request)
    spoken = spoken_of(request)
    shown = [label for label in context.label_counts() if label.shown]
    return render(
        request,
        "labels.html",
        here="/labels",
        view="tree" if view == "tree" else "cards",
        sections=[] if view == "tree" else in_sections(context, spoken),
        tree=tree(context, spoken) if view == "tree" else [],
        covers=context.covers.get() if view == "tree" else {},
        total=len(shown),
    )


def in_sections(context: WebContext, spoken: Language) -> list[tuple[Section, list[Card]]]:
    """The labels of a library in the groups to which they belong, the most frequent of each first."""
    covers = context.covers.get()
    found: dict[str, list[Card]] = {section.name: [] for section in SECTIONS}
    for one in worth_listing(context.label_counts()):
        found[section_of(one.key).name].append(Card(_named(one, spoken), covers.get(one.key)))
    for cards in found.values():
        cards.sort(key=lambda card: (-card.label.shown, _in_alphabet(card.label.name, spoken)))
    return [(section, found[section.name]) for section in SECTIONS if found[section.name]]


def _named(one: LabelCount, spoken: Language) -> LabelCountOut:
    return LabelCountOut.model_validate(naming(one.key, one.name, spoken) | {"shown": one.shown, "stored": one.stored})


def _in_alphabet(name: str, spoken: Language) -> str:
    """By what names are sorted: letters with accents beside those without, but where they are letters of their own."""
    plain = folded(name)
    if spoken.code == "sv":
        # å, ä, ö are the last three, in this order, which is not Unicode's.
        return plain.translate({ord("å"): "{", ord("ä"): "|", ord("ö"): "}"})
    if spoken.code == "ja":
        return plain
    return "".join(one for one in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(one))


@router.get("/labels/{key}")
def get_label(request: Request, key: Key) -> Response:
    """One label: its photos, what lies above and below it, its rules."""
    context, spoken = context_of(request), spoken_of(request)
    counts = {one.key: one for one in context.label_counts() if one.shown}
    # What is no label of the model, and of no photo, has neither rules nor photos.
    has_rules = key in taxonomy.load().names or key not in counts or key.startswith("rule:")
    rules = get_rules(request, key, spoken) if has_rules else None
    name = _named(counts[key], spoken).name if rules is None else rules.name
    word = quoted((rules.rename if rules is not None else "") or name)
    library = Library(context, code_of(request))
    photos = search_pages.search(library, word, "", _SHOWN, strict=True).photos if key in counts else []
    with context.reader() as reader:
        sizes = sizes_of(reader, [one.photo_id for one in photos])
    above, below = _around(key, counts)
    return render(
        request,
        "label.html",
        here="/labels",
        key=key,
        name=name,
        word=word,
        shown=counts[key].shown if key in counts else 0,
        photos=photos,
        shapes=shapes(photos, sizes),
        above=[_named(one, spoken) for one in above],
        below=[_named(one, spoken) for one in below],
        section=section_of(key),
        rules=rules,
    )


def _around(key: str, counts: dict[str, LabelCount]) -> tuple[list[LabelCount], list[LabelCount]]:
    """The labels of the library that cover a label, the widest first, and those that it covers, as they are listed."""
    known = taxonomy.load()
    covered = frozenset(known.classes_under(key))
    if not covered:
        return [], []
    inside = {one: frozenset(known.classes_under(one)) for one in counts}
    above = sorted((one for one in inside if covered < inside[one]), key=lambda one: -len(inside[one]))
    below = [one for one in inside if inside[one] and inside[one] < covered]
    return [counts[one] for one in above], [counts[one] for one in below]
