from __future__ import annotations

import pytest

from tagger.search.path_patterns import sql_groups

ROOTS = [(1, "/home/me/photos"), (2, "/mnt/backup/phone"), (3, "/")]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("zoo", {"%zoo%": [1, 2, 3]}),
        # A root's own name counts; what leads to it does only where the match reaches the name.
        ("photos", {"%": [1], "%photos%": [2, 3]}),
        ("photos/zoo", {"%photos/zoo%": [1, 2, 3], "zoo%": [1]}),
        ("me/photos/zoo", {"%me/photos/zoo%": [1, 2, 3], "zoo%": [1]}),
        ("backup/", {"%backup/%": [1, 2, 3]}),
        ("backup/phone/", {"%": [2], "%backup/phone/%": [1, 3]}),
        # A * does not reach back before the name.
        ("ho*e/z", {"%ho%e/z%": [1, 2, 3], "%e/z%": [1, 2], "z%": [2]}),
        # A whole path, or its beginning.
        ("/mnt/backup", {"%": [2], "%/mnt/backup%": [1, 3], "mnt/backup%": [1, 3]}),
        ("/home/me/photos/zoo", {"%/home/me/photos/zoo%": [1, 2, 3], "zoo%": [1], "home/me/photos/zoo%": [1, 2, 3]}),
        ("**", {"%": [1, 2, 3]}),
        ("/*", {"%": [1, 2, 3]}),
    ],
)
def test_what_is_left_of_a_pattern_below_each_root(text: str, groups: dict[str, list[int]]) -> None:
    assert {like: sorted(roots) for like, roots in sql_groups(text, ROOTS).items()} == groups


def test_home_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert sql_groups("~/photos/zoo", ROOTS[:1]) == {
        "%/home/me/photos/zoo%": [1],
        "home/me/photos/zoo%": [1],
        "zoo%": [1],
    }
