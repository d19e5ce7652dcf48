"""Conditions of a query as SQL: query tree -> a condition on a photo, with named parameters."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tagger.core.names import folded
from tagger.search.path_patterns import sql_groups
from tagger.search.query_tree import And, AnyLabel, Comparison, Format, Node, Not, Or, PathPart, Taken, Word, Words
from tagger.search.vocabulary import Vocabulary, id_list
from tagger.store.reader import Reader


class Conditions:
    """Writes the conditions of one query; `parameters` collects what they name."""

    def __init__(self, reader: Reader, vocabulary: Vocabulary) -> None:
        self._reader = reader
        self._vocabulary = vocabulary
        self.parameters: dict[str, Any] = {}

    @cached_property
    def _roots(self) -> list[tuple[int, str]]:
        return [(number, folded(path)) for number, path in self._reader.rows("SELECT id, path FROM roots", {})]

    def sql(self, node: Node, photo: str, *, negated: bool = False) -> str:
        """A condition on the photo whose id is the SQL expression `photo`.

        `negated`: below an odd number of NOTs; there only labels that are shown count.
        """
        match node:
            case Word(_, comparison):
                ids = self._vocabulary.ids(node)
                if not ids:
                    return "1 = 0"
                return self._has_label(photo, f" AND x.label_id IN ({id_list(ids)})", comparison, shown=negated)
            case AnyLabel(comparison):
                return self._has_label(photo, " AND x.shown", comparison, shown=False)
            case Not(item):
                return f"NOT ({self.sql(item, photo, negated=not negated)})"
            case And(items):
                return "(" + " AND ".join(self.sql(item, photo, negated=negated) for item in items) + ")"
            case Or(items):
                return "(" + " OR ".join(self.sql(item, photo, negated=negated) for item in items) + ")"
            case Taken(None, None):
                return self._of_photo(photo, "q.taken IS NULL")
            case Taken(start, end):
                # Not NULL, because NOT of an unknown date must be true, as for any other photo that does not match.
                bounds = f"q.taken >= {self.parameter(start)} AND q.taken < {self.parameter(end)}"
                return self._of_photo(photo, f"q.taken IS NOT NULL AND {bounds}")
            case PathPart(text):
                return self._of_photo(photo, self._path(text))
            case Format(name):
                return self._of_photo(photo, f"q.format IS NOT NULL AND q.format = {self.parameter(name)}")
            case Words():
                raise AssertionError("words are joined before")

    def _path(self, text: str) -> str:
        groups = sql_groups(text, self._roots)
        parts = []
        for like, roots in groups.items():
            path = "" if like == "%" else f"q.path_folded LIKE {self.parameter(like)} ESCAPE '!'"
            # One root, or all of them: nothing to tell apart.
            root = "" if len(roots) == len(self._roots) else f"q.root_id IN ({id_list(roots)})"
            parts.append(" AND ".join(filter(None, (root, path))) or "1 = 1")
        return f"({' OR '.join(parts) or '1 = 0'})"

    def _has_label(self, photo: str, which: str, comparison: Comparison | None, *, shown: bool) -> str:
        bound = f" AND {self.bound('x.confidence', comparison)}" if comparison else (" AND x.shown" if shown else "")
        # OFFSET keeps PostgreSQL from making one join of all the labels of a query, over which it plans for minutes.
        found = f"SELECT 1 FROM photo_labels x WHERE x.photo_id = {photo} AND NOT x.removed{which}{bound}"
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
