"""The tree of errors in the header of errors.py is the real one."""

from __future__ import annotations

import re

from tagger.core import errors
from tagger.core.errors import TaggerError


def _tree(kind: type[TaggerError], depth: int = 0) -> list[tuple[str, int, int]]:
    """(name, depth, exit code) of an error and of those of its module below it, in the order of their definition."""
    below = [
        line
        for child in kind.__subclasses__()
        if child.__module__ == errors.__name__
        for line in _tree(child, depth + 1)
    ]
    return [(kind.__name__, depth, int(kind.exit_code)), *below]


def test_the_tree_in_the_header_names_each_error_with_its_parent_and_exit_code() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"^    ([ │├└─]*)(\w+Error) +(\d+)", errors.__doc__, re.MULTILINE)
    assert [(name, len(branch) // 4, int(code)) for branch, name, code in drawn] == _tree(TaggerError)
