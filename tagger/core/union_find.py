"""Union-find: groups that grow by joining members (Galler and Fischer 1964), with path halving (Tarjan 1984)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class UnionFind:
    """Members 0 to `count` - 1, each in a group of its own at first. A group's root is its smallest member."""

    def __init__(self, count: int) -> None:
        self._above = np.arange(count)

    def root(self, member: int) -> int:
        """The root of a member's group."""
        while self._above[member] != member:
            self._above[member] = self._above[self._above[member]]
            member = int(self._above[member])
        return member

    def join(self, one: int, other: int) -> int:
        """Join the groups of two members; returns the root of the joined group."""
        first, second = sorted((self.root(one), self.root(other)))
        self._above[second] = first
        return first

    def roots(self) -> NDArray[np.int64]:
        """The root of every member, int64 (members,)."""
        found = np.arange(len(self._above))
        for member in np.flatnonzero(self._above != found).tolist():
            found[member] = self.root(member)
        return found
