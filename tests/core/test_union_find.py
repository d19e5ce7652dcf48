"""Groups that grow by joining their members."""

from __future__ import annotations

from tagger.core.union_find import UnionFind


def test_members_that_a_chain_of_joins_connects_have_the_smallest_of_them_as_their_root() -> None:
    groups = UnionFind(7)
    assert groups.join(5, 6) == 5
    assert groups.join(3, 1) == 1
    assert groups.join(6, 3) == 1
    assert groups.join(5, 1) == 1
    assert groups.root(6) == 1
    assert groups.roots().tolist() == [0, 1, 2, 1, 4, 1, 1]
