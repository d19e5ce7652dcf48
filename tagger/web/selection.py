"""The photos that a request is for: named by their ids, or by a search and how many the client saw it find."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Self

from pydantic import Field, model_validator

from tagger.core.sentences import Sentence
from tagger.search.run import Search
from tagger.web.albums import saved_by_id
from tagger.web.problems import ProblemError
from tagger.web.schemas_photos import RequestBody
from tagger.web.search_pages import Library, query_tree

# So many photos at once: more would hold up whoever else writes to the database.
MOST = 10_000


class Selection(RequestBody):
    """Photos: `photos`, by their ids; or what `query` finds within `album` (0: everywhere), with `all` the less sure.

    With a query, `expected` is how many the client saw; where it finds another number now, the answer is 409 and
    nothing is done.
    """

    photos: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(min_length=1, max_length=MOST)] | None = None
    query: Annotated[str, Field(max_length=10_000)] | None = None
    album: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    all: bool = False
    expected: Annotated[int, Field(ge=0, le=MOST)] | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.photos is None) == (self.query is None):
            raise ValueError("name either photos or a query")
        if (self.query is None) != (self.expected is None):
            raise ValueError("expected goes with a query: how many photos the client saw")
        return self


def selected(library: Library, which: Selection) -> list[int]:
    """The ids of the photos. Raises ProblemError where the search finds another number than was seen, or too many."""
    if which.photos is not None:
        return list(dict.fromkeys(which.photos))
    found = ids_of(library, which.query or "", which.album, less_sure=which.all)
    if len(found) > MOST:
        raise ProblemError(
            422,
            Sentence("The search finds more than {most} photos.", most=str(MOST)),
            Sentence("Narrow it, and go on part by part."),
        )
    if len(found) != which.expected:
        raise ProblemError(
            409,
            Sentence(
                "The search finds {now} photos now, and not {seen} any more.", now=len(found), seen=which.expected or 0
            ),
            Sentence("Look at them again; nothing was done."),
        )
    return found


def ids_of(library: Library, query: str, album: int, *, less_sure: bool) -> list[int]:
    """The photos that a search finds, one more than `MOST` at most. Raises QueryError, StoreError, ProblemError."""
    with _searched(library, query, album, less_sure) as (search, wide):
        return search.ids(MOST + 1, less_sure=wide)


def count(library: Library, query: str, album: int, *, less_sure: bool) -> int:
    """How many photos a search finds. Raises QueryError, StoreError, ProblemError."""
    with _searched(library, query, album, less_sure) as (search, wide):
        return search.count(less_sure=wide)


@contextmanager
def _searched(library: Library, query: str, album: int, less_sure: bool) -> Iterator[tuple[Search, bool]]:
    """A search, and whether it is for what is less sure, too, as an album may say."""
    saved = saved_by_id(library.context, album) if album else None
    tree = query_tree(query, saved)
    with library.context.reader() as reader:
        search = library.search(reader, tree, library.context.describer(reader, library.code))
        yield search, less_sure or (saved is not None and saved.less_sure)
