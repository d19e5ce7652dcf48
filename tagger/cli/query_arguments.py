"""The arguments of `tagger search` as they were typed: the shell took the quotes away that a query needs."""

from __future__ import annotations

import re

from tagger.search.dates import span_of
from tagger.search.field_conditions import Terms
from tagger.search.query_tree import Named, quoted
from tagger.store.reader import Reader

# The shell takes the quotes of like:"a dog on a beach" away, and what stood between them stays one argument.
_DESCRIPTION = re.compile(r"(-*)(?:like:|~)([^\"()<>≥≤]*\s[^\"()<>≥≤]*)", re.IGNORECASE)
_MORE_QUERY = re.compile(r"(?:^|\s)(?:-\S|~|\*(?:\s|$)|[A-Za-z]+:|(?:AND|OR|NOT)\b)")
_FIELD = re.compile(r"(-*)(keyword|tag|camera|lens|place|taken):([^\"()]*\s[^\"()]*)", re.IGNORECASE)


def as_typed(argument: str, reader: Reader) -> str:
    """An argument with its quotes, if it is a description or a field with a value of several words."""
    return _in_quotes(_named(argument, reader))


def _named(argument: str, reader: Reader) -> str:
    """An argument that is a field with a value of several words, with the quotes that the shell took away.

    Only where the value means something as a whole: `taken:last month dog` may be a query.
    """
    found = _FIELD.fullmatch(argument)
    if found is None:
        return argument
    field, value = {"tag": "keyword"}.get(found[2].lower(), found[2].lower()), found[3]
    if field == "taken":
        means = all(not part or span_of(part) is not None for part in value.split(".."))
    else:
        means = Terms(reader).means(Named(field, value))
    return f"{found[1]}{field}:{quoted(value)}" if means else argument


def _in_quotes(argument: str) -> str:
    """An argument that is a description of several words, with the quotes that the shell took away."""
    found = _DESCRIPTION.fullmatch(argument)
    return argument if found is None or _MORE_QUERY.search(found[2]) else f"{found[1]}like:{quoted(found[2])}"
