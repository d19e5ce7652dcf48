"""Searching page by page, and suggesting labels while somebody types: for the pages and for the API."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field, replace

from tagger.core.config import LabelSettings
from tagger.core.errors import TaggerError
from tagger.core.languages import LanguageCode
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.labels.languages import language
from tagger.labels.search_only import search_only
from tagger.labels.taxonomy import normal
from tagger.search.facets import QUICKLY, Facets, Sample, facets, sample_of
from tagger.search.found_photo import FoundPhoto
from tagger.search.looks import Describer, as_description
from tagger.search.ordered import DATED, LESS_SURE, SUREST, UNDATED, Cursor
from tagger.search.query import parse
from tagger.search.query_tree import And, Node, Not
from tagger.search.run import Search
from tagger.search.saved import saved_tree
from tagger.search.vocabulary import UnknownWord
from tagger.store.counts import LabelCount
from tagger.store.reader import Reader
from tagger.store.saved_searches import SavedSearch, Sort
from tagger.web.context import WebContext
from tagger.web.problems import ProblemError, of_error

PAGE = 60
COUNTED = 1000
# The kinds of order of what looks like the words of a query begin with this.
_ALIKE = "alike, "
# The kind of order of a saved search that has one of its own: by which it is sorted, and how many photos were seen.
_SORTED = "sorted"


@dataclass(frozen=True, slots=True)
class Alike:
    """What looks like the words of a query, without what is labelled so. `next`: as of a page.

    `told`: how the words were understood, or why nothing can be told, a sentence each.
    """

    photos: list[FoundPhoto] = field(default_factory=list)
    next: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some results. `next`: the cursor of the page behind them, empty on the last.

    `less_sure`: on the last page, how many more photos there are on which the labels are less sure, up to `COUNTED`.
    `alike`: on the last page, what looks like the words of the query; None where it has none, or is to be strict.
    `told`: how the query's own descriptions were understood.
    """

    photos: list[FoundPhoto]
    next: str
    unknown: tuple[UnknownWord, ...]
    less_sure: int
    alike: Alike | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """The library as a visitor asks it: `code` is the language in which labels are asked for and named."""

    context: WebContext
    code: LanguageCode

    @property
    def labels(self) -> LabelSettings:
        """The settings of labels, in the visitor's language."""
        return self.context.settings_in(self.code).labels

    def search(self, reader: Reader, query: Node | None, describer: Describer) -> Search:
        """One query."""
        return Search(reader, taxonomy.load(), query, self.labels, describer)


def search(  # noqa: PLR0913 - what may be asked for
    library: Library,
    query: str,
    after: str,
    limit: int = PAGE,
    *,
    less_sure: bool = False,
    strict: bool = False,
    saved: SavedSearch | None = None,
) -> Page:
    """A page of the photos that a query finds, the surest first; without labels in it, or empty, the newest first.

    `less_sure`: behind all of them those on which the labels are not sure enough to be shown. `strict`: words are
    labels, and not taken for a description. `saved`: within what this search finds. Raises QueryError, StoreError,
    ProblemError for a cursor of another query, or while photos are still prepared for descriptions.
    """
    tree = query_tree(query, saved)
    if saved is not None:
        less_sure, strict = less_sure or saved.less_sure, strict or saved.strict
    description = None if tree is None or strict else as_description(tree)
    place = _place(after) if after else None
    if place is not None and place[0].startswith(_ALIKE):
        if tree is None or description is None:
            raise _not_of_this_query()
        place = place[0].removeprefix(_ALIKE), *place[1:]
        return Page([], "", (), 0, _alike(library, description, tree, place, limit, less_sure))
    with library.context.reader() as reader:
        describer = library.context.describer(reader, library.code)
        search = library.search(reader, tree, describer)
        photos, following = _some(search, place, limit, less_sure, "" if saved is None else saved.sort)
        # Unknown words are reported on the first page only.
        unknown = () if after else search.unknown_words
        others = 0 if following or less_sure else search.count_less_sure(COUNTED)
        told = () if after else (*search.told, *describer.told)
    alike = None
    if not following and tree is not None and description is not None:
        alike = _alike(library, description, tree, None, limit, less_sure)
    return Page(photos, cursor(following), unknown, others, alike, told)


def query_tree(query: str, saved: SavedSearch | None) -> Node | None:
    """What is searched for, within a saved search; None: everything. Raises QueryError."""
    tree = parse(query) if query.strip() else None
    return tree if saved is None else saved_tree(saved, tree)


def facets_of(
    library: Library, query: str, *, less_sure: bool = False, most: int | None = None, saved: SavedSearch | None = None
) -> Facets | None:
    """What is in all that a query finds by labels, of a large result about. Raises QueryError, StoreError.

    `most`: None if it is more than so many photos. Of a large result it may be that of half a minute ago.
    """
    tree = query_tree(query, saved)
    less_sure = less_sure or (saved is not None and saved.less_sure)
    if tree is None and most is not None and library.context.photos.get() > most:
        return None
    key = library.code, query, less_sure, most, saved
    return library.context.facets.get(key, lambda: _counted(library, query, tree, less_sure, most))


def _counted(library: Library, query: str, tree: Node | None, less_sure: bool, most: int | None) -> Facets | None:
    labels = library.labels
    with library.context.reader() as reader:
        search = library.search(reader, tree, library.context.describer(reader, library.code))
        if most is None:
            sample = sample_of(search, reader, QUICKLY, less_sure=less_sure)
        else:
            # The first thousand are found in their order at once, which all of them are not.
            photos = search.ids(most + 1, less_sure=less_sure)
            if len(photos) > most:
                return None
            sample = Sample(photos, len(photos))
        return facets(reader, taxonomy.load(), labels, query, sample, less_sure=less_sure)


def _alike(  # noqa: PLR0913 - what may be asked for
    library: Library, description: Node, tree: Node, place: Cursor | None, limit: int, less_sure: bool
) -> Alike:
    """What looks like a query's words, without what its labels find."""
    with library.context.reader() as reader:
        describer = library.context.describer(reader, library.code)
        search = library.search(reader, And((description, Not(tree, wide=less_sure))), describer)
        try:
            photos, following = _some(search, place, limit, less_sure)
        except (TaggerError, ProblemError) as error:
            if place is not None and isinstance(error, ProblemError):
                raise
            # The labels were searched all the same.
            fault = error.fault if isinstance(error, ProblemError) else of_error(error)
            return Alike(told=tuple(filter(None, (fault.detail, fault.cure))))
        after = None if following is None else (_ALIKE + following[0], *following[1:])
        return Alike(photos, cursor(after), () if place is not None else tuple(describer.told))


def _some(
    search: Search, place: Cursor | None, limit: int, less_sure: bool, sort: Sort = ""
) -> tuple[list[FoundPhoto], Cursor | None]:
    """A page of results, and the place behind which there are more."""
    # What is in the order of time anyway goes on from a date.
    if sort == "path" or (sort == "date" and search.in_time() is None):
        return _sorted(search, place, limit, less_sure, sort)
    if place is not None and place[0] == _SORTED:
        raise _not_of_this_query()
    try:
        found = list(search.results(limit + 1, newest=True, after=place, less_sure=less_sure))
    except ValueError as error:
        raise _not_of_this_query() from error
    return found[:limit], found[limit - 1].place if len(found) > limit else None


def _sorted(
    search: Search, place: Cursor | None, limit: int, less_sure: bool, sort: Sort
) -> tuple[list[FoundPhoto], Cursor | None]:
    """As `_some`, in an order that was chosen."""
    if place is not None and place[:2] != (_SORTED, sort):
        raise _not_of_this_query()
    passed = 0 if place is None else place[2]
    found = list(search.results(limit + 1, less_sure=less_sure, sort=sort, passed=passed))
    following = (_SORTED, sort, passed + limit) if len(found) > limit else None
    return [_as_dated(one) if sort == "date" else one for one in found[:limit]], following


def _as_dated(found: FoundPhoto) -> FoundPhoto:
    """A photo in the order of time, which stands below its month."""
    return replace(found, place=(DATED if found.taken else UNDATED, found.taken, found.photo_id))


def by_ids(library: Library, ids: list[int]) -> list[FoundPhoto]:
    """Photos with their shown labels, in the order given."""
    with library.context.reader() as reader:
        return Search(reader, taxonomy.load(), None, library.labels).named(ids)


def suggest(library: Library, text: str, limit: int) -> list[tuple[LabelCount, int]]:
    """Labels of the library for the beginning of a word, with the photos that have each, the most frequent first.

    The word may be in the visitor's language or English; accents and how umlauts are spelt do not matter.
    """
    spoken = language(library.code)
    words = {normal(text), *spoken.compared([text])} - {""}
    counts = [(label, _found(label)) for label in library.context.label_counts() if _found(label)]
    names = [
        [spoken.name_of(label.key, label.name), *spoken.also.get(label.key, ()), label.name] for label, _ in counts
    ]
    forms = iter(spoken.compared([name for each in names for name in each]))
    begins, inside = [], []
    for item, each in zip(counts, names, strict=True):
        known = [normal(name) for name in each] + [next(forms, "") for _ in each]
        if any(name.startswith(word) for name in known for word in words):
            begins.append(item)
        elif any(f" {word}" in f" {name}" for name in known for word in words):
            inside.append(item)
    return (begins + inside)[:limit]


def _found(label: LabelCount) -> int:
    """The photos on which a search finds a label: it is shown, or would be if it served more than search."""
    return label.stored if label.key in search_only() else label.shown


def cursor(place: Cursor | None) -> str:
    """What stands for a place in an address; empty for none."""
    if place is None:
        return ""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(text: str) -> Cursor:
    """The place that a cursor stands for; whatever somebody made up instead is refused."""
    try:
        kind, value, photo_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fits = {SUREST: float, DATED: str, UNDATED: type(None), _SORTED: str}[
            kind.removeprefix(_ALIKE).removeprefix(LESS_SURE)
        ]
        # JSON writes 1.0 as 1.0, so a confidence stays a float.
        if (
            not isinstance(value, float | str | None)
            or not isinstance(value, fits)
            or type(photo_id) is not int
            or not 0 < photo_id < 2**62
        ):
            raise TypeError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
        raise _not_of_this_query() from error
    return str(kind), value, photo_id


def _not_of_this_query() -> ProblemError:
    return ProblemError(
        400,
        Sentence("`after` is no cursor of this query."),
        Sentence("Use the `next` of the page before, or begin anew."),
    )
