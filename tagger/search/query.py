"""The query language: text -> query tree.

query   = either
either  = both { OR both }
both    = item { [AND] item }
item    = (NOT | -) item | ( either ) | phrase [comparison] | words [comparison] | likeness | field:value
words   = bare words in a row; run.py finds out which of them belong together
field   = taken | path | format (or type), or one of field_values.py
likeness = (like: | ~) (phrase | words) [comparison]
phrase  = "text", in which "" is a quote that belongs to it
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tagger.core.errors import QueryError
from tagger.core.names import folded
from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.search import field_values
from tagger.search.query_tree import (
    And,
    AnyLabel,
    Comparison,
    Like,
    Node,
    Not,
    Or,
    PathPart,
    Word,
    Words,
)

FIELDS = ("taken", "path", "format", "like", *field_values.FIELDS)
# Other names of fields.
_OTHER_NAMES = {"type": "format", "keywords": "keyword", "tag": "keyword"}
HELP = """\b
Queries:
  tiger                 photos that show tigers; dog finds every breed
  grey whale            words that are one label together are taken so
  animal -dog           and not; also: animal NOT dog, animal AND NOT dog
  "wild animal" OR food either; ( ) group; AND, OR, NOT in capitals
  tiger>50%             surer than that; tiger>0.1 also where it is too unsure
                        to be shown; label>0.8 any label that is shown
  taken:2023-06..2024   taken in that time; also taken:2023, taken:..2019-05,
                        taken:"summer 2019", taken:"last month", taken:monday
  path:holiday/         the path contains it, from the library folder's name
                        on; * and ? stand for anything; or a whole path
  format:heif           by file format; type:heic is the same
  keyword:"summer 2019" a keyword of your own, in the photo or its sidecar;
                        summer* begins so; found by plain words, too
  camera:nikon          the camera's name contains it; also lens:50mm
  rating:>=4            stars; also rating:5, rating:3..5, rating:none,
                        rating:rejected
  width:>4000           in pixels; also height:; orientation:portrait,
                        landscape or square
  place:Paris           a town, region or country, in any language of labels;
                        also place:"Paris, France", gps:yes, gps:no,
                        near:48.85,2.35,10km
  like:"dog on a beach" photos that look like a description, the likeliest
                        first; ~"dog on a beach" is the same
  *                     every photo"""

# What a query may have, so that every database can answer it.
_LONGEST, _MOST, _DEEPEST = 10_000, 500, 20


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<open>\() | (?P<close>\))
  | (?P<comparison>>=|<=|[><≥≤])\s*(?P<number>[^\s()"<>≥≤%]*)(?P<percent>\s*%)?
  | (?P<near>(?i:near)):(?:"(?P<quoted_position>(?:[^"]|""|(?<=[0-9])"(?=(?i:[NSEW])\b))*)"
                   |(?P<position>(?:[^\s()"]|(?<=[0-9])"(?![^\s(),NSEWnsew]))+))
  | (?P<field>[A-Za-z]+):(?:"(?P<quoted_value>(?:[^"]|"")*)"|(?P<value>[^\s()"]*))
  | (?P<tilde>~)(?:"(?P<quoted_sentence>(?:[^"]|"")*)"|(?P<sentence>[^\s()"<>≥≤]*))
  | "(?P<phrase>(?:[^"]|"")*)"
  | (?P<minus>-)(?=[^\s)])
  | (?P<everything>\*)(?![^\s()])
  | (?P<word>[^\s()"<>≥≤]+)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")


_CONDITIONS = frozenset({"word", "phrase", "everything", *FIELDS})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int
    quoted: bool = False


def parse(text: str) -> Node:
    """The tree of a query. Raises QueryError that shows where it cannot be understood."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        _check(text)
        self._text = text
        self._tokens = [*_tokens(text), _Token("end", "", len(text))]
        self._next = self._depth = 0

    def query(self) -> Node:
        if self._token.kind == "end":
            raise _error(self._text, 0, Sentence("The query is empty; * is every photo"))
        conditions = [token for token in self._tokens if token.kind in _CONDITIONS]
        if len(conditions) > _MOST:
            raise _error(
                self._text,
                conditions[_MOST].position,
                Sentence("A query has at most {most} words and conditions", most=_MOST),
            )
        tree = self._either()
        if self._token.kind != "end":
            raise _error(self._text, self._token.position, Sentence("This closes nothing"))
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
        if self._depth == _DEEPEST:
            raise _error(
                self._text,
                self._token.position,
                Sentence("This is deeper than {most} brackets and NOTs", most=_DEEPEST),
            )
        self._depth += 1
        item = self._one()
        self._depth -= 1
        return item

    def _one(self) -> Node:
        token = self._take()
        match token.kind:
            case "NOT" | "minus":
                return Not(self._item())
            case "open":
                inner = self._either()
                if self._token.kind != "close":
                    raise _error(self._text, token.position, Sentence("This bracket is not closed"))
                self._take()
                return inner
            case "phrase":
                if not token.text.strip():
                    raise _error(self._text, token.position, Sentence("There is nothing between the quotes"))
                return Word(" ".join(token.text.split()), self._comparison())
            case "word":
                return self._words(token)
            case "everything":
                return PathPart("*")
            case "like":
                return self._like(token)
            case kind if kind in FIELDS:
                return self._field(token)
            case "comparison":
                raise _error(self._text, token.position, Sentence("A label must stand before this, as in tiger>0.5"))
            case "end":
                raise _error(self._text, token.position, Sentence("Something is missing here"))
        raise _error(self._text, token.position, Sentence("{word} must stand between two things", word=token.kind))

    def _words(self, first: _Token) -> Node:
        words = [first.text]
        while self._token.kind == "word":
            words.append(self._take().text)
        if self._token.kind == "comparison" and (field := folded(words[-1])) in field_values.MEASURES:
            measured = self._value(field, self._take())
            return And((Words(tuple(words[:-1])), measured)) if len(words) > 1 else measured
        comparison = self._comparison()
        if [folded(word) for word in words] == ["label"] and comparison is not None:
            return AnyLabel(comparison)
        if len(words) == 1:
            return Word(words[0], comparison)
        return Words(tuple(words), comparison)

    def _like(self, token: _Token) -> Node:
        """A description: what stands between quotes, or the bare words in a row."""
        words = token.text.split()
        if not token.quoted:
            while words and self._token.kind == "word":
                words.append(self._take().text)
        if not words:
            example = Sentence('like: needs a description right behind it, as in like:"a child on a swing"')
            raise _error(self._text, token.position, example)
        return Like(" ".join(words), self._comparison())

    def _comparison(self) -> Comparison | None:
        if self._token.kind != "comparison":
            return None
        token = self._take()
        operator = token.text.rstrip("0123456789.%")
        number = token.text[len(operator) :]
        value = float(number.rstrip("%")) / (100 if "%" in number else 1)
        if not 0 <= value <= 1:
            what = Sentence("A confidence is from 0 to 1, or from 0% to 100%")
            if 1 < value <= 100 and "%" not in number:
                what = Sentence("{what}; did you mean {near}?", what=what, near=f"{operator}{number}%")
            raise _error(self._text, token.position, what)
        if (operator, value) in (("<", 0), (">", 1)):
            below = Sentence("No confidence is below 0")
            what = below if operator == "<" else Sentence("No confidence is above 1, which is 100%")
            raise _error(self._text, token.position, what)
        return Comparison(operator, round(value, 6))

    def _field(self, token: _Token) -> Node:
        if not token.text:
            raise _error(
                self._text, token.position, Sentence("{field}: needs a value right behind it", field=token.kind)
            )
        if token.kind == "path":
            if not folded(token.text):
                raise _error(self._text, token.position, Sentence("path: needs a part of a path right behind it"))
            return PathPart(token.text)
        return self._value(token.kind, token)

    def _value(self, field: str, token: _Token) -> Node:
        try:
            return field_values.node_of(field, token.text)
        except ValueError as error:
            raise _error(self._text, token.position, error.args[0]) from error


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            what = (
                Sentence('This quote is not closed (one that belongs to a name is written twice: "")')
                if text[start] == '"'
                else Sentence("This cannot be understood")
            )
            raise _error(text, start, what)
        kind = match.lastgroup or ""
        start = match.end() - len(match.group().lstrip())
        if match["near"]:
            # There " stands for seconds, too.
            quoted, bare = match["quoted_position"], match["position"]
            yield _Token("near", (quoted or "").replace('""', '"') or bare or "", start, quoted is not None)
        elif match["comparison"]:
            yield _Token("comparison", _bound(text, match, start), start)
        elif match["field"]:
            name = _OTHER_NAMES.get(match["field"].lower(), match["field"].lower())
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, 1)
                hint = (
                    Sentence("did you mean {near}?", near=f"{near[0]}:")
                    if near
                    else Sentence("there are {names}", names=", ".join(f"{field}:" for field in FIELDS))
                )
                raise _error(
                    text, start, Sentence("There is no field {name}: ({hint})", name=match["field"], hint=hint)
                )
            quoted, bare = match["quoted_value"], match["value"]
            if name == "like" and bare is not None:
                # A comparison may stand right behind it, as behind a label.
                bare = re.split("[<>≥≤]", bare, maxsplit=1)[0]
                position = match.start("value") + len(bare)
                yield _Token(name, bare, start)
                continue
            yield _Token(name, (quoted or "").replace('""', '"') or bare or "", start, quoted is not None)
        elif match["tilde"]:
            quoted = match["quoted_sentence"]
            text_of = (quoted or "").replace('""', '"') or match["sentence"] or ""
            yield _Token("like", text_of, start, quoted is not None)
        elif match["word"] and match["word"] in ("AND", "OR", "NOT"):
            yield _Token(match["word"], match["word"], start)
        elif kind == "phrase":
            yield _Token(kind, match[kind].replace('""', '"'), start)
        else:
            yield _Token(kind, match[kind], start)
        position = match.end()


def _check(text: str) -> None:
    """Refuse what no database takes: texts without end, and characters that are none."""
    if len(text) > _LONGEST:
        raise QueryError(
            Sentence("The query is too long: {number:,} characters.", number=len(text)),
            Sentence("It may have {most:,}.", most=_LONGEST),
        )
    for char in text:
        # Bytes of the command line that are no text stay: a path may have them.
        if (
            (char < " " and not char.isspace())
            or char == "\x7f"
            or "\ud800" <= char < "\udc80"
            or "\udcff" < char < "\ue000"
        ):
            raise QueryError(
                Sentence("The query contains a character that cannot be typed (U+{code:04X}).", code=ord(char)),
                Sentence("Leave it out; in path: a ? stands for any character."),
            )


def _bound(text: str, match: re.Match[str], start: int) -> str:
    """A comparison as `>=0.5` or `>50%`."""
    number = match["number"]
    example = Sentence("a label's confidence is written >0.5 or >50%")
    if not number:
        raise _error(text, start, Sentence("This cannot be understood: {hint}", hint=example))
    if not _NUMBER.fullmatch(number.removeprefix("-")):
        raise _error(text, start, Sentence("{what} is no confidence: {hint}", what=shown_path(number), hint=example))
    if number.startswith("-"):
        raise _error(text, start, Sentence("A confidence is from 0 to 1, or from 0% to 100%"))
    operator = {"≥": ">=", "≤": "<="}.get(match["comparison"], match["comparison"])
    return operator + number + ("%" if match["percent"] else "")


def _error(text: str, position: int, what: str) -> QueryError:
    line = re.sub(r"\s", " ", text)
    before, behind = line[:position], line[position:]
    # A long query is shown around the fault.
    before = shown_path(before if len(before) <= 60 else "..." + before[-57:])
    behind = shown_path(behind if len(behind) <= 40 else behind[:37] + "...")
    shown = f"\n  {before}{behind}\n  {' ' * len(before)}^"
    return QueryError(Sentence("{what}:{query}", what=what, query=shown), "See: tagger search --help")
