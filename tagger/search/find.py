"""The photos that a query selects, for commands that act on them."""

from __future__ import annotations

from tagger.core.config import Settings
from tagger.labels import taxonomy
from tagger.search.looks import Describer
from tagger.search.query import parse
from tagger.search.query_tree import Node
from tagger.search.run import Search
from tagger.store.reader import Reader, open_reader


def photos_of(settings: Settings, query: str) -> tuple[int, ...]:
    """The photos that a search finds. Raises QueryError, StoreError; WeightsError for a description.

    Words are labels here and nothing else: a command that acts takes no guess. A description must be written as one.
    """
    tree = parse(query)
    with open_reader(settings) as reader:
        return tuple(found.photo_id for found in search_of(settings, reader, tree).results(labels=False))


def search_of(settings: Settings, reader: Reader, tree: Node) -> Search:
    """The search for a query in a library, with the settings' labels and words."""
    return Search(reader, taxonomy.load(), tree, settings.labels, Describer(settings, reader))
