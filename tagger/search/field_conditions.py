"""Conditions on what photos' files tell, as SQL: camera, rating, place and the like; and which names there are."""

from __future__ import annotations

import difflib
import fnmatch
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from tagger.core.names import folded, spellings
from tagger.search import place_names
from tagger.search.query_tree import And, FieldNode, Format, Located, Measured, Named, Near, Node, Not, Shape
from tagger.store.reader import Reader

_KINDS = {"keyword": ("keyword",), "camera": ("camera",), "lens": ("lens",), "place": ("town", "region", "country")}
# How much a word is like another that may be meant.
_LIKE = 0.8
_SEPARATORS = {"place": re.compile(","), "keyword": re.compile("[|/]")}
_KM_OF_DEGREE = 111.2
# A square may lack a few rows: 49 of 50 are enough. What is no landscape is in an index of its own, which is used where
# its condition is said, even if it follows from the other.
_SHAPES = {
    "portrait": "q.width * 49 <= q.height * 50 AND q.height * 49 > q.width * 50",
    "landscape": "q.width * 49 > q.height * 50",
    "square": "q.width * 49 <= q.height * 50 AND q.height * 49 <= q.width * 50",
}
# A photo has one of these at most.
SINGLE = ("camera", "lens")
# What most photos are, and the condition on the others, which are in an index.
OTHERS: dict[Node, str] = {
    Format("JPEG"): "q.format IS NULL OR q.format <> 'JPEG'",
    Shape("landscape"): "q.width IS NULL OR q.height IS NULL OR q.width * 49 <= q.height * 50",
}
Parameter = Callable[[Any], str]


class Terms:
    """The texts that files of one library tell.

    `both`: names that were asked for, of places that are stored under them and of others, with all of these.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._by_kind: dict[str, list[tuple[int, str, str]]] = {}
        self._asked: dict[Named, tuple[int, ...]] = {}
        self.both: dict[str, list[str]] = {}

    def keywords(self, text: str) -> tuple[int, ...]:
        """The keywords of this name, however its accents are typed."""
        found = {number for form in spellings(text) for number in self._keywords.get(form, ())}
        return tuple(sorted(found))

    @cached_property
    def _keywords(self) -> dict[str, list[int]]:
        """The keywords by how they may be typed, and by the levels of a hierarchy that a flat field has."""
        found: dict[str, list[int]] = {}
        for number, _, key in self.all_of("keyword"):
            for name in {key, *key.split("|")} if "|" in key else (key,):
                for form in (name,) if name.isascii() else spellings(name):
                    found.setdefault(form.strip(), []).append(number)
        return found

    def ids(self, node: Named) -> tuple[int, ...]:
        """The terms that a condition means; with an empty text, every one of the field."""
        if not node.text:
            return self._nothing(node.field) if node.text is None else tuple(row[0] for row in self.all_of(node.field))
        if node not in self._asked:
            self._asked[node] = tuple(sorted(self._found(node.field, node.text)))
        return self._asked[node]

    def _nothing(self, field: str) -> tuple[int, ...]:
        """The term of the photos that tell nothing in a field."""
        sql = "SELECT id FROM terms WHERE kind = 'none' AND name = :field"
        return tuple(number for (number,) in self._reader.rows(sql, {"field": field}))

    def others(self, node: Named) -> tuple[int, ...]:
        """The terms of the photos that a condition does not mean, which say that a field tells nothing among them."""
        meant = set(self.ids(node))
        known = (*(row[0] for row in self.all_of(node.field)), *self._nothing(node.field))
        return tuple(number for number in known if number not in meant)

    def rows_of(self, node: Named) -> tuple[str, bool]:
        """As of `Conditions`: the photos with a name, or those without it, whichever are fewer."""
        own, others = self.ids(node), self.others(node) if node.field in SINGLE else ()
        if not others or self._often(own) <= self._often(others):
            return _with_terms(own), False
        unread = f"SELECT p.id FROM photos p WHERE p.fields_as IS NULL AND NOT {has_term('p.id', own)}"
        return f"{_with_terms(others)} UNION ALL {unread}", True

    def _often(self, ids: Sequence[int]) -> int:
        """On how many photos terms stand."""
        return int(next(self._reader.rows(f"SELECT count(*) FROM ({_with_terms(ids)}) AS s", {}))[0])

    def unknown(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Conditions that no photo meets: field, text, and names like it."""
        for node, ids in self._asked.items():
            if node.text and not ids:
                names = self._names(node.field)
                near = _with_words_like(node.text, names) if node.field in SINGLE else []
                near = near or difflib.get_close_matches(folded(node.text), names, 5)
                yield node.field, node.text, tuple(dict.fromkeys(names[key] for key in near))[:3]

    def _names(self, field: str) -> dict[str, str]:
        """What may be asked for in a field, as it is compared, with the name in the library."""
        names = {key: name for _, name, key in self.all_of(field)}
        if field != "place":
            return names
        stored = {form: name for _, name, _ in self.all_of(field) for form in place_names.forms(name)}
        others = ((name, stored[one]) for name, stand in place_names.known_names() for one in stand if one in stored)
        return dict(others) | stored | names

    def _found(self, field: str, text: str) -> set[int]:
        wanted = folded(text)
        if field == "keyword":
            if "*" not in wanted:
                return set(self.keywords(text))
            patterns = [re.compile(fnmatch.translate(re.sub(r"[\[?]", r"[\g<0>]", form))) for form in spellings(text)]
            return {
                number
                for form, numbers in self._keywords.items()
                if any(pattern.fullmatch(form) for pattern in patterns)
                for number in numbers
            }
        if field == "place":
            return self._places(text)
        names = [(number, key if field != "lens" else _lens(key)) for number, _, key in self.all_of(field)]
        wanted = wanted if field != "lens" else _lens(wanted)
        words = wanted.split()
        # What stands between asterisks, from the beginning of a word on.
        parts = ".*".join(re.escape(part.strip()) for part in wanted.split("*"))
        pattern = re.compile(rf"(?<!\S){parts}" if "*" in wanted else "(?!)")
        return {
            number
            for number, key in names
            if wanted in key or all(word in key for word in words) or pattern.search(key) is not None
        }

    def _places(self, text: str) -> set[int]:
        """Places of this name, in any language; else those that have it among their words: York, New York."""
        wanted = place_names.forms(text)
        same = self._at(wanted)
        elsewhere = self._at(place_names.stored_names(wanted)) - same
        if same and elsewhere and self._is_on_others(elsewhere, same):
            self.both[text] = sorted({name for number, name, _ in self.all_of("place") if number in same | elsewhere})
        return (same | elsewhere) or {
            number
            for number, forms in self._place_forms
            if any(f" {one} " in f" {form} " for form in forms for one in wanted if one)
        }

    def _is_on_others(self, terms: Collection[int], than: Collection[int]) -> bool:
        """Whether some terms stand on photos on which none of others does."""
        lacks = f"NOT {has_term('s.photo_id', sorted(than))}"
        sql = f"SELECT 1 FROM ({_with_terms(sorted(terms))}) AS s WHERE {lacks} LIMIT 1"
        return next(self._reader.rows(sql, {}), None) is not None

    def _at(self, wanted: Collection[str]) -> set[int]:
        return {number for number, forms in self._place_forms if not forms.isdisjoint(wanted)}

    @cached_property
    def _place_forms(self) -> list[tuple[int, frozenset[str]]]:
        return [(number, place_names.forms(name)) for number, name, _ in self.all_of("place")]

    def apart(self, node: Named) -> Node:
        """`place:"Munich, Germany"` and `keyword:Orte|Bayern` as parts of which each must hold.

        Of hierarchical keywords each level is stored. Not where something has the whole name.
        """
        separators = _SEPARATORS.get(node.field)
        parts = [part.strip() for part in separators.split(node.text or "")] if separators else []
        if len(parts) < 2 or not all(parts) or self._found(node.field, node.text or ""):
            return node
        return And(tuple(Named(node.field, part) for part in parts))

    def means(self, node: Named) -> bool:
        """Whether the library has what a condition asks for."""
        apart = self.apart(node)
        return all(
            self.ids(part) for part in (apart.items if isinstance(apart, And) else (apart,)) if isinstance(part, Named)
        )

    def all_of(self, field: str) -> list[tuple[int, str, str]]:
        """Every text of a field: id, name, folded name."""
        if field not in self._by_kind:
            kinds = ", ".join(f"'{kind}'" for kind in _KINDS[field])
            rows = self._reader.rows(f"SELECT id, name, folded FROM terms WHERE kind IN ({kinds})", {})
            self._by_kind[field] = [(number, name, key) for number, name, key in rows]
        return self._by_kind[field]


def _lens(key: str) -> str:
    """A lens as lenses are compared: f/2.8, F 2.8 and f2.8 are the same, and so are 50 mm and 50.0mm."""
    whole = re.sub(r"\.0(?=(?:-[\d.]+)? ?mm\b)", "", re.sub(r"\bf ?/? ?(?=\d)", "f", key))
    return re.sub(r"(?<=\d) (?=mm\b)", "", whole)


def _with_words_like(text: str, names: Iterable[str]) -> list[str]:
    """The names in which each word of a text stands, or one that is spelt nearly so."""
    words = folded(text).replace("*", " ").split()
    of_names = {key: key.split() for key in sorted(names)}
    known = sorted({word for spoken in of_names.values() for word in spoken})
    near = [{word} if word in known else set(difflib.get_close_matches(word, known, 5, _LIKE)) for word in words]
    return [key for key, spoken in of_names.items() if words and all(not like.isdisjoint(spoken) for like in near)]


def has_term(photo: str, ids: Sequence[int]) -> str:
    """The condition that a photo has one of some terms."""
    if not ids:
        return "1 = 0"
    # OFFSET as for labels: it keeps PostgreSQL from joining them. The plus has SQLite look through the few terms of
    # the photo, instead of looking up each of many.
    term = "t.term_id" if len(ids) == 1 else "+t.term_id"
    found = f"SELECT 1 FROM photo_terms t WHERE t.photo_id = {photo} AND {term} IN ({','.join(map(str, ids))})"
    return f"EXISTS ({found} LIMIT 1 OFFSET 0)"


def of_photo(node: FieldNode, parameter: Parameter) -> str:
    """A condition on the row `q` of a photo, never NULL. Not for `Named`."""
    match node:
        case Measured(field, None, None):
            return f"q.{field} IS NULL"
        case Measured(field, least, most):
            return f"q.{field} IS NOT NULL AND q.{field} BETWEEN {parameter(least)} AND {parameter(most)}"
        case Shape(name):
            return f"q.width IS NOT NULL AND q.height IS NOT NULL AND {_SHAPES[name]}"
        case Format(name):
            # What follows from the name is said for the index.
            other = "" if node in OTHERS else " AND q.format <> 'JPEG'"
            return f"q.format IS NOT NULL AND q.format = {parameter(name)}{other}"
        case Located(there):
            return f"q.latitude IS {'NOT ' if there else ''}NULL"
        case Near():
            return _near(node, parameter)
        case Named():
            raise AssertionError("names are terms")


def _near(node: Near, parameter: Parameter) -> str:
    """Within a circle, measured as on a plane, which is right to a percent for a few hundred kilometres."""
    up, width = node.km / _KM_OF_DEGREE, max(0.001, math.cos(math.radians(node.latitude)))
    south, north = parameter(node.latitude - up), parameter(node.latitude + up)
    high, across, radius = parameter(node.latitude), parameter(width), parameter(up * up)
    circles = []
    # Across the 180th meridian, too.
    for turn in (0, 360, -360):
        if turn and abs(node.longitude - turn) - 180 > up / width:
            continue
        wide = parameter(node.longitude - turn)
        circles.append(
            f"(q.latitude - {high}) * (q.latitude - {high})"
            f" + (q.longitude - {wide}) * (q.longitude - {wide}) * {across} * {across} <= {radius}"
        )
    return f"q.latitude IS NOT NULL AND q.latitude BETWEEN {south} AND {north} AND ({' OR '.join(circles)})"


def photos_sql(node: FieldNode, ids: Sequence[int], parameter: Parameter) -> str | None:
    """A query for the `photo_id` of the photos that meet a condition, from its index; None if it has none."""
    match node:
        case Located(False) | Measured(_, None, None) | Format("JPEG"):
            return None
        case Named():
            return _with_terms(ids)
        case _:
            return f"SELECT q.id AS photo_id FROM photos q WHERE {of_photo(node, parameter)}"


def _with_terms(ids: Sequence[int]) -> str:
    return f"SELECT t.photo_id FROM photo_terms t WHERE t.term_id IN ({','.join(map(str, ids)) or 'NULL'})"


def without_not(node: Node) -> Node:
    """A condition, without a NOT before it where it can be said so."""
    match node:
        case Not(Located(there)):
            return Located(not there)
        case Not(Measured(field, None, None)):
            return Measured(field, -1, 999_999_999)
        case Not(Named(field, None)):
            return Named(field, "")
        case _:
            return node
