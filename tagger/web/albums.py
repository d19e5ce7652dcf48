"""Saved searches as albums: for the page and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse, Response

from tagger.core.errors import QueryError
from tagger.core.languages import LanguageCode
from tagger.core.sentences import Sentence
from tagger.labels.languages import Language
from tagger.search.found_photo import FoundPhoto
from tagger.search.saved import as_saved, saved_tree
from tagger.store.saved_searches import SavedSearch, Sort, remove_search, rename_search, save_search, saved_searches
from tagger.web.context import WebContext, context_of
from tagger.web.problems import ProblemError
from tagger.web.render import render
from tagger.web.schemas_photos import PhotoOut, RequestBody
from tagger.web.search_pages import Library
from tagger.web.visitor import Spoken, code_of

api = APIRouter(tags=["albums"])
pages = APIRouter(include_in_schema=False)
COUNTED = 10_000
AlbumId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Name = Annotated[str, Field(min_length=1, max_length=400)]
Query = Annotated[str, Field(min_length=1, max_length=10_000)]


@dataclass(frozen=True, slots=True)
class Album:
    """A saved search, its first photo, and how many it finds, counted up to `COUNTED`. `fault`: why it finds none."""

    saved: SavedSearch
    photos: int = 0
    first: FoundPhoto | None = None
    fault: str = ""


class AlbumOut(BaseModel):
    """A saved search. `language`: in which it was typed. `photos`: how many it finds; 10001 stands for that or more.

    `sort`: confidence, date or path; empty: the surest first, without labels the newest. `fault`: why it can find
    nothing any more.
    """

    id: int
    name: str
    query: str
    language: LanguageCode
    sort: Sort
    photos: int
    first: PhotoOut | None
    fault: str

    @classmethod
    def of(cls, album: Album) -> AlbumOut:
        """From the domain's value."""
        saved, first = album.saved, album.first
        photo = None if first is None else PhotoOut.of(first)
        return cls(
            id=saved.id,
            name=saved.name,
            query=saved.query,
            language=saved.language,
            sort=saved.sort,
            photos=album.photos,
            first=photo,
            fault=album.fault,
        )


class AlbumIn(RequestBody):
    """A search to be saved, in the language of the request."""

    name: Name
    query: Query
    sort: Sort = ""


class AlbumName(RequestBody):
    """Another name, and another order; null: as it was."""

    name: Name
    sort: Sort | None = None


def albums(library: Library) -> list[Album]:
    """All saved searches. Raises StoreError."""
    with library.context.reader() as reader:
        found = saved_searches(reader)
    return [_album(library, saved) for saved in found]


def _album(library: Library, saved: SavedSearch) -> Album:
    with library.context.reader() as reader:
        try:
            tree = saved_tree(saved)
        except QueryError as error:
            return Album(saved, fault=error.message)
        search = library.search(reader, tree, library.context.describer(reader, library.code))
        first = next(search.results(1, less_sure=saved.less_sure, sort=saved.sort), None)
        number = len(search.ids(COUNTED + 1, less_sure=saved.less_sure))
        unknown = [word.sentence for word in search.unknown_words] if first is None else []
        return Album(saved, number, first, _together(unknown))


def _together(sentences: list[Sentence]) -> str:
    """One behind another, still to be said in another language."""
    if not sentences:
        return ""
    told = sentences[0]
    for each in sentences[1:]:
        told = Sentence("{first} {then}", first=told, then=each)
    return told


def saved_by_id(context: WebContext, number: int) -> SavedSearch:
    """The saved search of an id. Raises ProblemError."""
    with context.reader() as reader:
        found = next((saved for saved in saved_searches(reader) if saved.id == number), None)
    if found is None:
        raise ProblemError(404, Sentence("There is no such album."), Sentence("All of them: the page of albums."))
    return found


def save(library: Library, name: str, query: str, sort: Sort = "") -> Album:
    """Save a search, in the visitor's language. Raises UsageError, QueryError."""
    context = library.context
    wanted = as_saved(SavedSearch(name, query, library.code, sort), by_labels=False)
    by_labels = _album(library, wanted).first is not None
    with context.store.write(durable=True) as session:
        stored = save_search(session, as_saved(wanted, by_labels=by_labels), context.clock.now())
    return _album(library, stored)


def _library(request: Request, spoken: Language | None = None) -> Library:
    return Library(context_of(request), code_of(request) if spoken is None else spoken.code)


@api.get("/albums")
def get_albums(request: Request, spoken: Spoken) -> list[AlbumOut]:
    """The searches that were saved, each with its first photo."""
    return [AlbumOut.of(album) for album in albums(_library(request, spoken))]


@api.post("/albums", status_code=201)
def post_album(request: Request, album: AlbumIn, spoken: Spoken) -> AlbumOut:
    """Save a search under a name that no other has."""
    return AlbumOut.of(save(_library(request, spoken), album.name, album.query, album.sort))


@api.put("/albums/{album_id}")
def put_album(request: Request, album_id: AlbumId, album: AlbumName, spoken: Spoken) -> list[AlbumOut]:
    """Give it another name, or order; answers all of them."""
    with context_of(request).store.write(durable=True) as session:
        rename_search(session, album_id, album.name, album.sort)
    return get_albums(request, spoken)


@api.delete("/albums/{album_id}")
def delete_album(request: Request, album_id: AlbumId, spoken: Spoken) -> list[AlbumOut]:
    """Forget it; no photo changes. Answers those that are left."""
    with context_of(request).store.write(durable=True) as session:
        remove_search(session, album_id)
    return get_albums(request, spoken)


@pages.get("/albums")
def get_page(request: Request) -> Response:
    """All albums."""
    return render(request, "albums.html", here="/albums", albums=albums(_library(request)), counted=COUNTED)


@pages.post("/albums")
def post_page(
    request: Request,
    name: Annotated[str, Form(max_length=400)],
    q: Annotated[str, Form(max_length=10_000)],
    sort: Annotated[Sort, Form()] = "",
) -> Response:
    """Saves what was searched for."""
    save(_library(request), name, q, sort)
    return _back(request)


@pages.post("/albums/{album_id}/rename")
def post_rename(
    request: Request,
    album_id: AlbumId,
    name: Annotated[str, Form(max_length=400)],
    sort: Annotated[Sort | None, Form()] = None,
) -> Response:
    """Gives an album another name, or order."""
    with context_of(request).store.write(durable=True) as session:
        rename_search(session, album_id, name, sort)
    return _back(request)


@pages.post("/albums/{album_id}/remove")
def post_remove(request: Request, album_id: AlbumId) -> Response:
    """Forgets an album."""
    with context_of(request).store.write(durable=True) as session:
        remove_search(session, album_id)
    return _back(request)


def _back(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/albums", 303)
