"""The query language: text -> query tree.

    query   = either
    either  = both { OR both }
    both    = item { [AND] item }
    item    = (NOT | -) item | ( either ) | phrase [comparison] | words [comparison] | field:value
    words   = bare words in a row; run.py finds out which of them belong together
    field   = taken | path | format

A tree prints as a query that parses to the same tree.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.core.errors import QueryError

FIELDS = ("taken", "path", "format")
HELP = """\b
Queries:
  tiger                 photos of tigers; dog finds every breed
  grey whale            words that are one label together are taken so
  animal -dog           and not; also: animal NOT dog, animal AND NOT dog
  "wild animal" OR food either; ( ) group
  label>0.8             any shown label surer than 0.8; also tiger>0.5
  taken:2023-06..2024   taken in that time; also taken:2023, taken:..2019-05
  path:holiday/         the path contains it, from the library folder's name
                        on; * and ? stand for anything; or a whole path
  format:heif           by file format"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bound on a label's confidence. `operator`: one of > >= < <= ."""

    operator: str
    value: float

    def __str__(self) -> str:
        return f"{self.operator}{self.value:g}"


@dataclass(frozen=True, slots=True)
class Word:
    """A label by name: from `"a phrase"`, from one bare word, or put together from several."""

    text: str
    comparison: Comparison | None = None

    def __str__(self) -> str:
        return f"{_quoted(self.text)}{self.comparison or ''}"


@dataclass(frozen=True, slots=True)
class Words:
    """Bare words in a row, before the vocabulary says which of them form one label."""

    words: tuple[str, ...]
    comparison: Comparison | None = None

    def __str__(self) -> str:
        return " ".join(self.words) + str(self.comparison or "")


@dataclass(frozen=True, slots=True)
class AnyLabel:
    """`label>0.8`: any shown label with that confidence."""

    comparison: Comparison

    def __str__(self) -> str:
        return f"label{self.comparison}"


@dataclass(frozen=True, slots=True)
class Taken:
    """Taken from `start` up to, not including, `end`, as ISO texts of any length; both None: no date known."""

    start: str | None
    end: str | None
    text: str

    def __str__(self) -> str:
        return f"taken:{self.text}"


@dataclass(frozen=True, slots=True)
class PathPart:
    """The path contains a text, in which * and ? stand for anything."""

    text: str

    def __str__(self) -> str:
        return f"path:{_quoted(self.text)}"


@dataclass(frozen=True, slots=True)
class Format:
    """The file format, as Pillow names it."""

    name: str

    def __str__(self) -> str:
        return f"format:{self.name}"


@dataclass(frozen=True, slots=True)
class Not:
    """Photos that the item does not find."""

    item: Node

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


Node = Word | Words | AnyLabel | Taken | PathPart | Format | Not | And | Or

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<open>\() | (?P<close>\))
  | (?P<comparison>>=|<=|>|<)\s*(?P<number>[0-9]*\.?[0-9]+)
  | (?P<field>[A-Za-z]+):(?:"(?P<quoted_value>[^"]*)"|(?P<value>[^\s()"]*))
  | "(?P<phrase>[^"]*)"
  | (?P<minus>-)(?=[^\s])
  | (?P<word>[^\s()"<>]+)
    )""",
    re.VERBOSE,
)
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """The tree of a query. Raises QueryError that shows where it cannot be understood."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [*_tokens(text), _Token("end", "", len(text))]
        self._next = 0

    def query(self) -> Node:
        if self._token.kind == "end":
            raise _error(self._text, 0, "The query is empty")
        tree = self._either()
        if self._token.kind != "end":
            raise _error(self._text, self._token.position, "This closes nothing")
        return tree

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._token
        self._next += 1
        return token

    def _either(self) -> Node:
        items = [self._both()]
        while self._token.kind == "OR":
            self._take()
            items.append(self._both())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _both(self) -> Node:
        items = [self._item()]
        while self._token.kind not in ("end", "close", "OR"):
            if self._token.kind == "AND":
                self._take()
            items.append(self._item())
        return items[0] if len(items) == 1 else And(tuple(items))

    def _item(self) -> Node:
        token = self._take()
        match token.kind:
            case "NOT" | "minus":
                return Not(self._item())
            case "open":
                inner = self._either()
                if self._token.kind != "close":
                    raise _error(self._text, token.position, "This bracket is not closed")
                self._take()
                return inner
            case "phrase":
                if not token.text.strip():
                    raise _error(self._text, token.position, "There is nothing between the quotes")
                return Word(" ".join(token.text.split()), self._comparison())
            case "word":
                return self._words(token)
            case "taken" | "path" | "format":
                return self._field(token)
            case "comparison":
                raise _error(self._text, token.position, "A label must stand before this, as in tiger>0.5")
            case "end":
                raise _error(self._text, token.position, "Something is missing here")
        raise _error(self._text, token.position, f"{token.kind} must stand between two things")

    def _words(self, first: _Token) -> Node:
        words = [first.text]
        while self._token.kind == "word":
            words.append(self._take().text)
        comparison = self._comparison()
        if words == ["label"] and comparison is not None:
            return AnyLabel(comparison)
        if len(words) == 1:
            return Word(words[0], comparison)
        return Words(tuple(words), comparison)

    def _comparison(self) -> Comparison | None:
        if self._token.kind != "comparison":
            return None
        token = self._take()
        operator = token.text.rstrip("0123456789. ")
        return Comparison(operator.strip(), float(token.text[len(operator) :]))

    def _field(self, token: _Token) -> Node:
        if not token.text:
            raise _error(self._text, token.position, f"{token.kind}: needs a value right behind it")
        if token.kind == "path":
            return PathPart(token.text)
        if token.kind == "format":
            return Format(token.text.upper().replace("JPG", "JPEG").replace("HEIC", "HEIF"))
        return _taken(self._text, token)


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            what = "This quote is not closed" if text[start] == '"' else "This cannot be understood"
            raise _error(text, start, what)
        kind = match.lastgroup or ""
        start = match.end() - len(match.group().lstrip())
        if match["comparison"]:
            yield _Token("comparison", match["comparison"] + match["number"], start)
        elif match["field"]:
            name = match["field"].lower()
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, 1)
                hint = f"did you mean {near[0]}:?" if near else f"there are {', '.join(f + ':' for f in FIELDS)}"
                raise _error(text, start, f"There is no field {match['field']}: ({hint})")
            yield _Token(name, match["quoted_value"] or match["value"] or "", start)
        elif match["word"] and match["word"] in ("AND", "OR", "NOT"):
            yield _Token(match["word"], match["word"], start)
        else:
            yield _Token(kind, match[kind], start)
        position = match.end()


def _taken(text: str, token: _Token) -> Taken:
    """`2023`, `2023-06`, `2023-06-01`, a range `A..B` with either end open, or `none`."""
    if token.text == "none":
        return Taken(None, None, "none")
    first, dots, last = token.text.partition("..")
    if not dots:
        last = first
    for part in (first, last):
        if part and not _DATE.fullmatch(part):
            raise _error(text, token.position, f"{part} is no date; write 2023, 2023-06 or 2023-06-01")
    if not first and not last:
        raise _error(text, token.position, "taken: needs a date, as in taken:2023-06..2024")
    if first and last and _after(last) <= first:
        raise _error(text, token.position, f"{last} is before {first}")
    return Taken(first or "0000", _after(last) if last else "9999", token.text)


def _after(date: str) -> str:
    """The first text that sorts behind every moment of a year, month or day."""
    return date + "~"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or | Words) else str(node)


def _error(text: str, position: int, what: str) -> QueryError:
    line = " ".join(text.split("\n"))
    return QueryError(f"{what}:\n  {line}\n  {' ' * position}^", "See: tagger search --help")
