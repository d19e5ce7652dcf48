"""The photos that a query selects, for commands that act on them."""

from __future__ import annotations

from tagger.core.config import Settings
from tagger.labels import taxonomy
from tagger.search.query import parse
from tagger.search.run import Search
from tagger.store.reader import open_reader


def photos_of(settings: Settings, query: str) -> tuple[int, ...]:
    """The photos that a search finds. Raises QueryError, StoreError."""
    tree = parse(query)
    with open_reader(settings) as reader:
        return tuple(found.photo_id for found in Search(reader, taxonomy.load(), tree).results(labels=False))
