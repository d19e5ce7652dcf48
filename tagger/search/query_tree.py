"""What a query means, as a tree. A tree prints as a query that parses to the same tree."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tagger.core.languages import LanguageCode

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bound on a label's confidence. `operator`: one of > >= < <= ."""

    operator: str
    value: float

    def holds(self, confidence: float) -> bool:
        """Whether a confidence is within the bound."""
        return _OPERATORS[self.operator](confidence, self.value)

    def __str__(self) -> str:
        return f"{self.operator}{f'{self.value:.6f}'.rstrip('0').rstrip('.')}"


@dataclass(frozen=True, slots=True)
class Word:
    """A label by name: from `"a phrase"`, from one bare word, or put together from several.

    `spoken`: the language in which it was typed; None: that of the search.
    """

    text: str
    comparison: Comparison | None = None
    spoken: LanguageCode | None = None

    def __str__(self) -> str:
        return f"{quoted(self.text)}{self.comparison or ''}"


@dataclass(frozen=True, slots=True)
class Words:
    """Bare words in a row, before the vocabulary says which of them form one label. `spoken`: as of a `Word`."""

    words: tuple[str, ...]
    comparison: Comparison | None = None
    spoken: LanguageCode | None = None

    def __str__(self) -> str:
        return " ".join(self.words) + str(self.comparison or "")


@dataclass(frozen=True, slots=True)
class AnyLabel:
    """`label>0.8`: any shown label with that confidence."""

    comparison: Comparison

    def __str__(self) -> str:
        return f"label{self.comparison}"


@dataclass(frozen=True, slots=True)
class Like:
    """`like:"a child on a swing"`: the photo looks like what a sentence describes.

    With a comparison, its probability is within that bound; without, it is likely enough. `spoken`: as of a `Word`.
    """

    text: str
    comparison: Comparison | None = None
    spoken: LanguageCode | None = None

    def __str__(self) -> str:
        return f"like:{quoted(self.text)}{self.comparison or ''}"


@dataclass(frozen=True, slots=True)
class Taken:
    """Taken from `start` up to, not including, `end`, as ISO texts of any length; both None: no date known."""

    start: str | None
    end: str | None
    text: str

    def __str__(self) -> str:
        return f"taken:{quoted(self.text) if set(self.text) & set(' ()') else self.text}"


@dataclass(frozen=True, slots=True)
class PathPart:
    """The path contains a text, in which * and ? stand for anything."""

    text: str

    def __str__(self) -> str:
        return f"path:{quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Format:
    """The file format, as Pillow names it."""

    name: str

    def __str__(self) -> str:
        return f"format:{self.name}"


@dataclass(frozen=True, slots=True)
class Named:
    """The photo's file tells such a text; None: it tells none. `field`: keyword, camera, lens or place."""

    field: str
    text: str | None

    def __str__(self) -> str:
        return f"{self.field}:{'none' if self.text is None else quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Measured:
    """A number within bounds, both included; both None: there is none. `field`: rating, width or height."""

    field: str
    least: int | None
    most: int | None

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.field}:{'none' if self.least is None else self.least}"
        return f"{self.field}:{self.least}..{self.most}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Portrait, landscape or square."""

    name: str

    def __str__(self) -> str:
        return f"orientation:{self.name}"


@dataclass(frozen=True, slots=True)
class Located:
    """Whether it is known where the photo was taken."""

    there: bool

    def __str__(self) -> str:
        return f"gps:{'yes' if self.there else 'no'}"


@dataclass(frozen=True, slots=True)
class Near:
    """Taken within a distance of a place: degrees north and east, kilometres."""

    latitude: float
    longitude: float
    km: float

    def __str__(self) -> str:
        return f"near:{self.latitude:.7f},{self.longitude:.7f},{self.km:.6f}km"


@dataclass(frozen=True, slots=True)
class Not:
    """Photos that the item does not find. `wide`: nor those of which it is less sure."""

    item: Node
    wide: bool = False

    def __str__(self) -> str:
        return f"NOT {_grouped(self.item)}"


@dataclass(frozen=True, slots=True)
class And:
    """Photos that every item finds."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(map(_grouped, self.items))


@dataclass(frozen=True, slots=True)
class Or:
    """Photos that any item finds."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(map(_grouped, self.items))


FieldNode = Named | Measured | Shape | Located | Near | Format
Node = Word | Words | AnyLabel | Like | Taken | PathPart | FieldNode | Not | And | Or


def quoted(name: str) -> str:
    """A query for a label with this name, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def query_for(name: str) -> str:
    """As `quoted`, without quotes where words stand for themselves: what a person would type."""
    plain = re.fullmatch(r"\w[\w -]*", name) and not {"AND", "OR", "NOT"} & set(re.split("[ -]", name.upper()))
    return name if plain else quoted(name)


def in_language(node: Node, code: LanguageCode) -> Node:
    """A query whose words were typed in a language, whatever that of a search is."""
    match node:
        case Word() | Words() | Like():
            return replace(node, spoken=code)
        case Not(item, wide):
            return Not(in_language(item, code), wide)
        case And(items) | Or(items):
            return type(node)(tuple(in_language(item, code) for item in items))
        case _:
            return node


def both(one: Node, other: Node) -> Node:
    """A query for what two queries find."""
    return And(tuple(part for node in (one, other) for part in (node.items if isinstance(node, And) else (node,))))


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or | Words) else str(node)


def likes(node: Node | None) -> Iterator[Like]:
    """The descriptions in a query."""
    match node:
        case Like():
            yield node
        case Not(item):
            yield from likes(item)
        case And(items) | Or(items):
            for item in items:
                yield from likes(item)
        case _:
            return


def words_of(node: Node) -> Iterator[Word]:
    """The words of a query that are not below a NOT."""
    match node:
        case Word():
            yield node
        case And(items) | Or(items):
            for item in items:
                yield from words_of(item)
        case _:
            return


def kinds_of(node: Node) -> set[type]:
    """The kinds of conditions in an OR; of a single condition, its own."""
    return set().union(*map(kinds_of, node.items)) if isinstance(node, Or) else {type(node)}


def may_be_less_sure(node: Node, below_not: bool = False) -> bool:
    """Whether a query has a word without a bound, of which photos could be less sure."""
    match node:
        case Word(_, None) | Like(_, None):
            return not below_not
        case Not(item):
            return may_be_less_sure(item, not below_not)
        case And(items) | Or(items):
            return any(may_be_less_sure(item, below_not) for item in items)
        case _:
            return False
