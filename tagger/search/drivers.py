"""What drives a search: the labels or descriptions of which every match has one, in whose order the results come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tagger.search.looks import Likeness
from tagger.search.query_tree import And, AnyLabel, Comparison, Like, Node, Or, Word
from tagger.search.vocabulary import Vocabulary, id_list
from tagger.store.reader import Reader

# Counting a label's photos stops here: it only decides which condition drives.
_ENOUGH = 3000
# A search that finds more is not looked up as a whole to be sorted, if it can be helped.
_MANY = 20_000


@dataclass(frozen=True, slots=True)
class Driver:
    """What drives a search: every match has one of some labels or is alike, and meets `rest`.

    Of the labels `comparison`: within this bound. `shown`: shown, not only sure. `mixed`: as sure as `rest` says.
    `terms`: or it has one of these keywords of the person's; such matches come behind all others.
    """

    ids: tuple[int, ...] = ()
    comparison: Comparison | None = None
    shown: bool = False
    mixed: bool = False
    rest: Node | None = None
    alike: tuple[Likeness, ...] = ()
    terms: tuple[int, ...] = ()


def driver_of(
    query: Node, reader: Reader, vocabulary: Vocabulary, likeness: Callable[[Like], Likeness]
) -> Driver | None:
    """What drives a query; None where nothing that every match has is in an order of its own."""
    return _Drivers(reader, vocabulary, likeness).of(query)


@dataclass(frozen=True, slots=True)
class _Drivers:
    reader: Reader
    vocabulary: Vocabulary
    likeness: Callable[[Like], Likeness]

    def of(self, node: Node) -> Driver | None:
        match node:
            case Word(_, comparison):
                return Driver(self.vocabulary.ids(node), comparison, terms=self.vocabulary.keywords(node))
            case AnyLabel(comparison):
                return Driver(tuple(self.vocabulary.names), comparison, shown=True)
            case Like():
                return Driver(alike=(self.likeness(node),))
            case And(items):
                described = [item for item in items if isinstance(item, Like)]
                return self._described(described, items) if described else self._rarest(items)
            case Or(items):
                drivers = [driver for item in items if (driver := self.of(item)) is not None]
                if len(drivers) < len(items):
                    return None
                ids = tuple(dict.fromkeys(number for driver in drivers for number in driver.ids))
                alike = tuple(one for driver in drivers for one in driver.alike)
                terms = tuple(dict.fromkeys(number for driver in drivers for number in driver.terms))
                plain = all(driver == Driver(driver.ids, alike=driver.alike, terms=driver.terms) for driver in drivers)
                rest = None if plain else node
                return Driver(ids, mixed=not plain, rest=rest, alike=alike, terms=terms)
            case _:
                return None

    def _described(self, described: Sequence[Like], items: Sequence[Node]) -> Driver:
        """What drives conditions of which some are descriptions: a photo is as likely as the least likely of them."""
        alike = self.likeness(described[0])
        for other in described[1:]:
            alike = alike.both(self.likeness(other))
        rest = [item for item in items if item not in described]
        return Driver(alike=(alike,), rest=_all(rest) if rest else None)

    def _rarest(self, items: Sequence[Node]) -> Driver | None:
        """The driver among conditions that must all hold: the one with the fewest photos."""
        options = [(driver, item) for item in items if (driver := self.of(item)) is not None]
        if not options:
            return None
        best, chosen = (
            options[0] if len(options) == 1 else min(options, key=lambda option: _weight(option[0], self.reader))
        )
        rest = [item for item in items if item is not chosen]
        if best.rest is not None:
            rest.append(best.rest)
        return replace(best, rest=_all(rest))


def is_many(driver: Driver, reader: Reader, many: int = _MANY) -> bool:
    """Whether a driver has so many photos; by default, that they are better not all looked up."""
    return _weight(driver, reader, many) >= many


def _weight(driver: Driver, reader: Reader, enough: int = _ENOUGH) -> int:
    alike = sum(map(len, driver.alike))
    tables = (("photo_labels", "label_id", driver.ids), ("photo_terms", "term_id", driver.terms))
    for table, column, ids in tables:
        if ids:
            rows = f"SELECT 1 FROM {table} WHERE {column} IN ({id_list(ids)}) LIMIT {enough}"
            alike += int(next(reader.rows(f"SELECT count(*) FROM ({rows}) AS s", {}))[0])
    return alike


def _all(items: Sequence[Node]) -> Node:
    return items[0] if len(items) == 1 else And(tuple(items))
