"""Conditions of a query as SQL: query tree -> a condition on a photo, with named parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from tagger.core.names import folded
from tagger.search.field_conditions import OTHERS, has_term, of_photo, photos_sql, without_not
from tagger.search.looks import Likeness, LikenessOf
from tagger.search.path_patterns import sql_groups
from tagger.search.query_tree import (
    And,
    AnyLabel,
    Comparison,
    FieldNode,
    Format,
    Like,
    Located,
    Measured,
    Named,
    Near,
    Node,
    Not,
    Or,
    PathPart,
    Shape,
    Taken,
    Word,
    Words,
)
from tagger.search.vocabulary import Vocabulary, id_list
from tagger.store.reader import Reader

# Where a condition waits for the photos that it is to be decided for.
_WAITS = re.compile("<alike ([0-9]+)>")
_LABELLED = "SELECT l.photo_id FROM photo_labels l"
# So many labels of a word are looked up one by one.
_LOOKED_UP = 4


class Conditions:
    """Writes the conditions of one query; `parameters` collects what they name."""

    def __init__(self, reader: Reader, vocabulary: Vocabulary, likeness: LikenessOf) -> None:
        self._likeness = likeness
        self._alike: list[Likeness] = []
        self._reader = reader
        self._vocabulary = vocabulary
        self.parameters: dict[str, Any] = {}

    @cached_property
    def _roots(self) -> list[tuple[int, str]]:
        return [(number, folded(path)) for number, path in self._reader.rows("SELECT id, path FROM roots", {})]

    def sql(self, node: Node, photo: str, *, less_sure: bool = False, below_not: bool = False) -> str:
        """A condition on the photo whose id is the SQL expression `photo`.

        `less_sure`: words also find photos on which their labels are not sure enough to be shown; `below_not`: those
        below a NOT do.
        """
        match node:
            case Word(_, comparison):
                return self._word(node, photo, comparison, less_sure)
            case AnyLabel(comparison):
                return self._has_label(photo, f"x.shown AND {self.bound('x.confidence', comparison)}")
            case Like():
                # No database compares vectors.
                self._alike.append(self._likeness(node, less_sure))
                return f"<alike {len(self._alike) - 1}>"
            case Not(Located() | Named(_, None) | Measured(_, None, None)):
                return self.sql(without_not(node), photo)
            case Not(item, wide=True):
                # Whatever is looked for beside it, these are the same photos.
                return f"NOT ({self.sql(item, photo, less_sure=True)})"
            case Not(item):
                return f"NOT ({self.sql(item, photo, less_sure=below_not, below_not=less_sure)})"
            case And(items):
                return f"({' AND '.join(self._each(items, photo, less_sure, below_not))})"
            case Or(items):
                return f"({' OR '.join(self._each(items, photo, less_sure, below_not))})"
            case Taken(None, None):
                return self._of_photo(photo, "q.taken IS NULL")
            case Taken(start, end):
                # Not NULL, because NOT of an unknown date must be true, as for any other photo that does not match.
                bounds = f"q.taken >= {self.parameter(start)} AND q.taken < {self.parameter(end)}"
                return self._of_photo(photo, f"q.taken IS NOT NULL AND {bounds}")
            case PathPart(text):
                return self._of_photo(photo, self._path(text))
            case Named():
                return has_term(photo, self._vocabulary.terms.ids(node))
            case Measured() | Shape() | Located() | Near() | Format():
                return self._of_photo(photo, of_photo(node, self.parameter))
            case Words():
                raise AssertionError("words are joined before")

    def for_photos(self, condition: str, photos: Sequence[int]) -> str:
        """A condition on `p.id`, to be decided for these photos: those that are alike are named."""

        def named(found: re.Match[str]) -> str:
            alike = self._alike[int(found[1])].among(photos)
            return f"p.id IN ({id_list(alike)})" if alike else "1 = 0"

        return _WAITS.sub(named, condition)

    def photos_of(self, node: Node) -> str | None:
        """A query for the photos that meet a condition on what files tell, from its own index; None if it has none."""
        if isinstance(node, Not) and node.item in OTHERS:
            return f"SELECT q.id AS photo_id FROM photos q WHERE {OTHERS[node.item]}"
        node = without_not(node)
        if not isinstance(node, FieldNode):
            return None
        ids = self._vocabulary.terms.ids(node) if isinstance(node, Named) else ()
        return photos_sql(node, ids, self.parameter)

    def rows_of(self, node: Node) -> tuple[str, bool] | None:
        """A query for the `photo_id` of the photos that meet one condition, and False; or of all others, and True.

        A photo may come several times. None where no index tells them.
        """
        if node in OTHERS:
            return f"SELECT q.id AS photo_id FROM photos q WHERE {OTHERS[node]}", True
        match node:
            case Word(_, comparison):
                parts = []
                if ids := self._vocabulary.ids(node):
                    sure = self.sure("l", ids) if comparison is None else self.bound("l.confidence", comparison)
                    parts.append(f"{_LABELLED} WHERE l.label_id IN ({id_list(ids)}) AND NOT l.removed AND {sure}")
                if terms := self._vocabulary.keywords(node):
                    parts.append(f"SELECT t.photo_id FROM photo_terms t WHERE t.term_id IN ({id_list(terms)})")
                return " UNION ALL ".join(parts) or f"{_LABELLED} WHERE 1 = 0", False
            case AnyLabel(comparison):
                some = f"l.label_id IN ({id_list(self._vocabulary.names)}) AND NOT l.removed AND l.shown"
                return f"{_LABELLED} WHERE {some} AND {self.bound('l.confidence', comparison)}", False
            case Taken() | PathPart():
                return f"SELECT p.id AS photo_id FROM photos p WHERE {self.sql(node, 'p.id')}", False
            case Located(False) | Measured(_, None, None):
                some_sql = self.photos_of(Not(node))
                return None if some_sql is None else (some_sql, True)
            case Named():
                return self._vocabulary.terms.rows_of(node)
            case _:
                sql = self.photos_of(node)
                return None if sql is None else (sql, False)

    def without_name(self, node: Named) -> str:
        """A query for photos among which are all without a name: of which something else is told, or nothing."""
        others = (
            f"SELECT t.photo_id FROM photo_terms t WHERE t.term_id IN ({id_list(self._vocabulary.terms.others(node))})"
        )
        return f"{others} UNION ALL SELECT p.id FROM photos p WHERE p.fields_as IS NULL"

    def is_one_term(self, node: Named) -> bool:
        """Whether a condition means a single text, which a photo has once."""
        return len(self._vocabulary.terms.ids(node)) <= 1

    def are_all_terms(self, node: Named) -> bool:
        """Whether a condition on a name means every text of its field, so that whoever tells any meets it."""
        return len(self._vocabulary.terms.ids(node)) == len(self._vocabulary.terms.all_of(node.field))

    def _word(self, word: Word, photo: str, comparison: Comparison | None, less_sure: bool) -> str:
        """A label of this name, or a keyword of the person's."""
        ids, terms = self._vocabulary.ids(word), self._vocabulary.keywords(word)
        parts = [self._has_label(photo, self.of_labels("x", ids, comparison, less_sure))] if ids else []
        parts += [has_term(photo, terms)] if terms else []
        return f"({' OR '.join(parts)})" if parts else "1 = 0"

    def _path(self, text: str) -> str:
        groups = sql_groups(text, self._roots)
        parts = []
        for like, roots in groups.items():
            path = "" if like == "%" else f"q.path_folded LIKE {self.parameter(like)} ESCAPE '!'"
            # One root, or all of them: nothing to tell apart.
            root = "" if len(roots) == len(self._roots) else f"q.root_id IN ({id_list(roots)})"
            parts.append(" AND ".join(filter(None, (root, path))) or "1 = 1")
        return f"({' OR '.join(parts) or '1 = 0'})"

    def _each(self, items: tuple[Node, ...], photo: str, less_sure: bool, below_not: bool) -> Iterator[str]:
        return (self.sql(item, photo, less_sure=less_sure, below_not=below_not) for item in items)

    def of_labels(self, row: str, ids: Sequence[int], comparison: Comparison | None, less_sure: bool) -> str:
        """A condition on the row of photo_labels with this alias: one of these labels, sure enough."""
        # The plus has SQLite look through the few labels of the photo, instead of looking up each of many.
        labels = f"{'+' if len(ids) > _LOOKED_UP else ''}{row}.label_id IN ({id_list(ids)})"
        if comparison is not None:
            return f"{labels} AND {self.bound(f'{row}.confidence', comparison)}"
        return labels if less_sure else f"{labels} AND {self.sure(row, ids)}"

    def sure(self, row: str, ids: Sequence[int]) -> str:
        """The condition that the label of a row is shown, or would be if it served more than search."""
        least: dict[float, list[int]] = {}
        for number in ids:
            if number in self._vocabulary.sure_from:
                least.setdefault(self._vocabulary.sure_from[number], []).append(number)
        others = (
            f"({row}.label_id IN ({id_list(numbers)}) AND {row}.confidence >= {self.parameter(value)})"
            for value, numbers in least.items()
        )
        return f"({' OR '.join((f'{row}.shown', *others))})"

    def _has_label(self, photo: str, which: str) -> str:
        # OFFSET keeps PostgreSQL from making one join of all the labels of a query, over which it plans for minutes.
        found = f"SELECT 1 FROM photo_labels x WHERE x.photo_id = {photo} AND NOT x.removed AND {which}"
        return f"EXISTS ({found} LIMIT 1 OFFSET 0)"

    def _of_photo(self, photo: str, condition: str) -> str:
        if photo == "p.id":
            # The outer query has the photo's row already.
            return f"({condition.replace('q.', 'p.')})"
        return f"EXISTS (SELECT 1 FROM photos q WHERE q.id = {photo} AND {condition})"

    def bound(self, column: str, comparison: Comparison) -> str:
        """A comparison of a column with a value."""
        return f"{column} {comparison.operator} {self.parameter(comparison.value)}"

    def parameter(self, value: Any) -> str:
        """A value as a named parameter."""
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"
