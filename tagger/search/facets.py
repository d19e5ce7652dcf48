"""What is in a result: its labels, years, places and cameras, with how many photos a search for each leaves of it.

Counted on the photos themselves, by the rules by which a search finds them: narrowing finds exactly as many. Of a large
result a sample is counted, and what it makes of the whole is told in two digits.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tagger.core.config import LabelSettings
from tagger.core.errors import QueryError
from tagger.core.names import folded
from tagger.labels.taxonomy import Taxonomy
from tagger.search.conditions import Conditions
from tagger.search.looks import no_likeness
from tagger.search.query import parse
from tagger.search.query_tree import Named, Or, Word, quoted
from tagger.search.run import Search
from tagger.search.vocabulary import Vocabulary, id_list
from tagger.store.reader import Reader

# So many photos are counted where time is no matter (about a second), and where somebody waits for a page.
MOST, QUICKLY = 250_000, 8_000
# By so many photos of a library it is guessed whether a result is a large share of it; then so many are looked at.
_PROBED, _LARGE, _LOOKED_AT = 2000, 0.06, 30_000
_LISTED = 12
# Names that are looked at: a label's own photos are fewer than those of what lies below it, too.
_CANDIDATES = 40
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing in a result. `photos`: how many of it have it. `query`: what finds these.

    `key`, `english`: where it is a label, its key and the name that it is stored under.
    """

    name: str
    photos: int
    query: str
    key: str = ""
    english: str = ""


@dataclass(frozen=True, slots=True)
class Facets:
    """What is in a result of so many photos, each the most frequent first; years in their order, the newest first.

    `about`: a sample was counted, the numbers are those of the whole in two digits.
    """

    photos: int
    labels: tuple[Facet, ...] = ()
    years: tuple[Facet, ...] = ()
    places: tuple[Facet, ...] = ()
    cameras: tuple[Facet, ...] = ()
    about: bool = False

    def __bool__(self) -> bool:
        return bool(self.labels or self.years or self.places or self.cameras)


@dataclass(frozen=True, slots=True)
class Sample:
    """The photos of a result, or some of them. `of`: how many there are of it; about so many where these are some."""

    photos: Sequence[int]
    of: int

    @property
    def share(self) -> float:
        """How many photos of the result one of these stands for."""
        return self.of / max(1, len(self.photos))


def sample_of(search: Search, reader: Reader, most: int = MOST, *, less_sure: bool = False) -> Sample:
    """What a search finds; of more than `most` a sample. Raises as `Search.results`."""
    last = next(reader.rows("SELECT coalesce(max(p.id), 0) FROM photos p", {}))[0]
    share = 1.0 if search.query is None else 0.0
    if share == 0 and last > 4 * most:
        share = len(search.among(_some(range(1, last + 1), _PROBED), less_sure=less_sure)) / _PROBED
    if share < _LARGE:
        photos = search.all_ids(MOST + 1, less_sure=less_sure)
        if len(photos) <= MOST:
            return Sample(_some(photos, most), len(photos))
    # To find all of so many takes longer than to look at some of the library.
    asked = _some(range(1, last + 1), min(_LOOKED_AT, round(most / max(share, _LARGE))))
    found = search.among(asked, less_sure=less_sure)
    return Sample(_some(found, most), len(found) if len(asked) == last else round(len(found) * last / len(asked)))


def _some(photos: Sequence[int], most: int) -> Sequence[int]:
    """At most so many, by chance, the same each time; every n-th could be of one kind, as where RAW stands by JPEG."""
    return photos if len(photos) <= most else random.Random(0).sample(photos, most)


def facets(  # noqa: PLR0913 - a library, a result, and how it was asked for
    reader: Reader,
    taxonomy: Taxonomy,
    settings: LabelSettings,
    query: str,
    sample: Sample,
    *,
    less_sure: bool = False,
) -> Facets:
    """What is in the photos that a query finds. `query`: as text, empty for everything. `less_sure`: as it was asked.

    It names labels in the language of the settings.
    """
    vocabulary = Vocabulary(reader, taxonomy, settings.silence, settings.language)
    found = _Result(reader, vocabulary, sample.photos, less_sure)
    stored = {name: vocabulary.stored[number] for number, name in vocabulary.names.items()}

    def listed(counted: _Counted) -> tuple[Facet, ...]:
        share = sample.share
        return tuple(_narrowed(query, ((name, _about(number, share), term) for name, number, term in counted)))

    return Facets(
        _about(len(sample.photos), sample.share),
        tuple(replace(one, key=stored[one.name][0], english=stored[one.name][1]) for one in listed(found.labels())),
        listed(found.years()),
        listed(found.places()),
        listed(found.cameras()),
        sample.share > 1,
    )


def _about(number: int, share: float) -> int:
    """What a number of a sample is of the whole, in two digits; a whole is told as it is."""
    return number if share == 1 else int(float(f"{number * share:.1e}"))


_Counted = list[tuple[str, int, str]]


def _narrowed(query: str, counted: Iterable[tuple[str, int, str]]) -> Iterator[Facet]:
    """Facets from (name, photos, term). What would be too long a query is left out."""
    for name, number, term in counted:
        text = narrowed(query, term)
        try:
            parse(text)
        except QueryError:
            continue
        yield Facet(name, number, text)


def narrowed(query: str, term: str) -> str:
    """A query with another condition."""
    if not query.strip():
        return term
    return f"({query}) {term}" if isinstance(parse(query), Or) else f"{query} {term}"


class _Result:
    def __init__(self, reader: Reader, vocabulary: Vocabulary, photos: Sequence[int], less_sure: bool) -> None:
        self._reader = reader
        self._vocabulary = vocabulary
        # Neighbours are stored side by side.
        self._photos = sorted(photos)
        self._less_sure = less_sure

    def labels(self) -> _Counted:
        """Labels, each counted with what lies below it and with a keyword of the same name, as a word is searched."""
        by_label = self._by_label()
        often = sorted(by_label, key=lambda number: (-len(by_label[number]), number))
        found: dict[str, tuple[str, int, str]] = {}
        for number in often[:_CANDIDATES]:
            name = self._vocabulary.names[number]
            word = Word(name)
            ids = self._vocabulary.ids(word)
            if folded(name) in found or number not in ids:
                continue
            photos = set[int]().union(*(by_label.get(one, ()) for one in ids))
            if terms := self._vocabulary.keywords(word):
                photos |= self._with_terms(terms)
            found[folded(name)] = (name, len(photos), str(word))
        return _most(found.values())

    def years(self) -> _Counted:
        """The years in which they were taken."""
        sql = (
            "SELECT substr(p.taken, 1, 4), count(*) FROM photos p WHERE p.taken IS NOT NULL AND p.id IN ({}) GROUP BY 1"
        )
        counts = self._counts(sql)
        listed = sorted((year for year in counts if isinstance(year, str) and len(year) == 4), reverse=True)
        return [(year, counts[year], f"taken:{year}") for year in listed]

    def places(self) -> _Counted:
        """Towns, regions and countries. Of names of one town in several languages, the first."""
        found: dict[str, tuple[str, int, str]] = {}
        counted: dict[int, int] = {}
        for name, only, term, node in self._named("place"):
            ids = self._vocabulary.terms.ids(node)
            number = only if len(ids) == 1 else len(self._with_terms(ids))
            if not any(number == other and self._same(one, ids[0]) for one, other in counted.items()):
                found.setdefault(folded(name), (name, number, term))
            counted[ids[0]] = number
        return _most(found.values())

    def _same(self, one: int, other: int) -> bool:
        """Whether two places are towns that all photos of the library have both or neither."""
        towns = f"SELECT count(*) FROM terms WHERE kind = 'town' AND id IN ({one}, {other})"
        lacks = (
            "SELECT a.photo_id FROM photo_terms a WHERE a.term_id = {} AND NOT EXISTS"
            " (SELECT 1 FROM photo_terms b WHERE b.photo_id = a.photo_id AND b.term_id = {}) LIMIT 1"
        )
        return next(self._reader.rows(towns, {}))[0] == 2 and not any(
            next(self._reader.rows(lacks.format(*pair), {}), None) for pair in ((one, other), (other, one))
        )

    def cameras(self) -> _Counted:
        """Cameras, of which a photo has one; those whose names contain another's count with it, as in a search."""
        found = {}
        for name, _, term, node in self._named("camera"):
            number = sum(self._terms[one] for one in self._vocabulary.terms.ids(node))
            found[folded(name)] = (name, number, term)
        return _most(found.values())

    def _named(self, field: str) -> Iterator[tuple[str, int, str, Named]]:
        """The texts of a field on most of the photos: name, photos with just this text, condition as text and node."""
        here = [(self._terms[number], -number, name) for number, name, _ in self._vocabulary.terms.all_of(field)]
        for number, _, name in sorted((one for one in here if one[0]), reverse=True)[:_CANDIDATES]:
            term = f"{field}:{quoted(name)}"
            node = parse(term)
            # There is a town called None.
            if isinstance(node, Named) and node.text is not None:
                yield name, number, term, node

    @cached_property
    def _terms(self) -> Counter[object]:
        # The plus keeps SQLite from reading all photos in the order of the terms.
        sql = "SELECT t.term_id, count(*) FROM photo_terms t WHERE t.photo_id IN ({}) GROUP BY +t.term_id"
        return self._counts(sql)

    def _by_label(self) -> Mapping[int, list[int]]:
        """The photos on which each label is found, each once."""
        where = Conditions(self._reader, self._vocabulary, no_likeness)
        sure = "" if self._less_sure else f" AND {where.sure('l', list(self._vocabulary.names))}"
        found: defaultdict[int, list[int]] = defaultdict(list)
        for page in self._pages():
            of_photos = f"SELECT l.label_id, l.photo_id FROM photo_labels l WHERE l.photo_id IN ({page})"
            for label, photo in self._reader.rows(f"{of_photos} AND NOT l.removed{sure}", where.parameters):
                found[label].append(photo)
        return found

    def _with_terms(self, terms: Sequence[int]) -> set[int]:
        rows = self._reader.rows(f"SELECT photo_id FROM photo_terms WHERE term_id IN ({id_list(terms)})", {})
        return {photo for (photo,) in rows if photo in self._set}

    @cached_property
    def _set(self) -> frozenset[int]:
        return frozenset(self._photos)

    def _counts(self, sql: str) -> Counter[object]:
        """Sums over pages of photos. `sql`: selects a value and its number."""
        found: Counter[object] = Counter()
        for page in self._pages():
            for value, number in self._reader.rows(sql.format(page), {}):
                found[value] += number
        return found

    def _pages(self) -> Iterator[str]:
        return (id_list(self._photos[start : start + _PAGE]) for start in range(0, len(self._photos), _PAGE))


def _most(counted: Iterable[tuple[str, int, str]]) -> _Counted:
    return sorted(counted, key=lambda one: (-one[1], folded(one[0])))[:_LISTED]
