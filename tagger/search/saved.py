"""Saved searches as queries."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from tagger.core.errors import QueryError
from tagger.core.sentences import Sentence
from tagger.search.query import parse
from tagger.search.query_tree import Node, both, in_language
from tagger.store.saved_searches import SavedSearch, search_name


def saved_tree(saved: SavedSearch, also: Node | None = None) -> Node:
    """The query of a saved search; `also`: narrowed by another query. Raises QueryError.

    Its words mean what they meant in the language in which they were typed.
    """
    try:
        tree = in_language(parse(saved.query), saved.language)
    except QueryError as error:
        raise QueryError(
            Sentence("The saved search {name!r} cannot be understood. {why}", name=saved.name, why=error.message),
            Sentence("Save it anew: tagger search --save={name} --force 'QUERY'", name=quote(saved.name)),
        ) from error
    return tree if also is None else both(tree, also)


def as_saved(saved: SavedSearch, *, by_labels: bool) -> SavedSearch:
    """A search as it is to be stored. Raises UsageError, QueryError.

    `by_labels`: labels of the library answer it now. Then they do later on, too, and where one is gone it is said,
    instead of something that looks like the word.
    """
    parse(saved.query)
    return replace(saved, name=search_name(saved.name), strict=saved.strict or by_labels)
