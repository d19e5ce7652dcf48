"""How many photos meet a combination of conditions of which none is rare.

The photos of each condition are read from its index, all together are grouped, and each group is asked which conditions
it stands for. No photo is looked at, which would take ten times as long; of what most photos are, the others are read.
"""

from __future__ import annotations

from dataclasses import dataclass

from tagger.search.conditions import Conditions
from tagger.search.query_tree import And, Node, Not, Or


@dataclass(frozen=True, slots=True)
class Combined:
    """`count`: a query that counts the photos that match, or those that do not; those included whose files are gone.

    `are_others`: those that do not. `rows`: a query for all that is read for it.
    """

    count: str
    are_others: bool
    rows: str


def combined(where: Conditions, query: Node) -> Combined | None:
    """How to count the photos of a query without descriptions; None where a condition is in no index."""
    rows = _Rows(where)
    found = rows.condition(query)
    if found is None:
        return None
    condition, otherwise = found
    every = " UNION ALL ".join(rows.queries)
    wanted = f"NOT ({condition})" if otherwise else condition
    grouped = f"SELECT 1 AS one FROM ({every}) AS u GROUP BY photo_id HAVING {wanted}"
    return Combined(f"SELECT count(*) FROM ({grouped}) AS g", otherwise, every)


class _Rows:
    """Collects a query for each condition, which tells photos and the condition's number."""

    def __init__(self, where: Conditions) -> None:
        self._where = where
        self._numbers: dict[Node, tuple[str, bool]] = {}
        self.queries: list[str] = []

    def condition(self, node: Node) -> tuple[str, bool] | None:
        """A condition on the group of a photo, and whether it holds for photos without any row."""
        match node:
            case Not(item, wide=False):
                found = self.condition(item)
                return None if found is None else (f"NOT ({found[0]})", not found[1])
            case And(items) | Or(items):
                parts = [self.condition(item) for item in items]
                known = [part for part in parts if part is not None]
                if len(known) < len(parts):
                    return None
                both = isinstance(node, And)
                sql = f"({(' AND ' if both else ' OR ').join(part for part, _ in known)})"
                return sql, (all if both else any)(otherwise for _, otherwise in known)
            case Not():
                return None
            case _:
                return self._single(node)

    def _single(self, node: Node) -> tuple[str, bool] | None:
        if node not in self._numbers:
            told = self._where.rows_of(node)
            if told is None:
                return None
            sql, others = told
            number = len(self.queries)
            self.queries.append(f"SELECT photo_id, {number} AS which FROM ({sql}) AS s{number}")
            stands = f"max(CASE WHEN which = {number} THEN 1 ELSE 0 END)"
            self._numbers[node] = f"{stands} = {0 if others else 1}", others
        return self._numbers[node]
