"""The pages that people see, made on the server; scripts only bring them to life."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from tagger.core.errors import NoLibraryError, QueryError
from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.core.sidecar_names import sidecar_path
from tagger.imaging.thumbnails import ThumbnailError
from tagger.inference.selection import model_status
from tagger.keywords.file_content import ChangedError, UnwritableError, read_content
from tagger.keywords.read import keywords_in
from tagger.labels.search_only import search_only
from tagger.search.query import HELP
from tagger.search.unlabelled import unlabelled_photos, unlabelled_sentence
from tagger.service.status import why_unlabelled
from tagger.store import ledger, records
from tagger.store.records import PhotoRecord
from tagger.store.roots import all_roots
from tagger.store.sizes import sizes_of
from tagger.web import albums, api_work, search_pages
from tagger.web.api_pictures import PhotoId
from tagger.web.context import WebContext, context_of
from tagger.web.guard import too_often
from tagger.web.layout import Shape, by_month, shapes, style_sheet
from tagger.web.login import COOKIE, DEVICE_COOKIE, DEVICE_SECONDS, SESSION_SECONDS
from tagger.web.opened_photo import opened
from tagger.web.render import render
from tagger.web.schemas_photos import PhotoDetail
from tagger.web.schemas_work import FailedOut
from tagger.web.search_pages import Library
from tagger.web.start import start
from tagger.web.status_words import chart, cure_of, sentence
from tagger.web.visitor import COOKIE as LANGUAGE_COOKIE
from tagger.web.visitor import COOKIE_SECONDS as LANGUAGE_COOKIE_SECONDS
from tagger.web.visitor import code_of, known_code, spoken_of
from tagger.web.words import words_of

router = APIRouter(include_in_schema=False)
HELP_TEXT = HELP.removeprefix("\b\n")
_READ = 64 << 20


@router.get("/")
def get_photos(  # noqa: PLR0913 - one parameter a part of the address
    request: Request,
    q: str = "",
    after: Annotated[str, Query(max_length=200)] = "",
    all: bool = False,  # noqa: A002
    facets: bool = False,
    album: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """The grid: everything, or what a query finds; `all`: also where its labels are less sure; `album`: within it."""
    context = context_of(request)
    library, saved = Library(context, code_of(request)), None
    try:
        saved = albums.saved_by_id(context, album) if album else None
        page = search_pages.search(library, q, after, less_sure=all, saved=saved)
    except QueryError as error:
        return render(request, "photos.html", 400, "/", q=q, error=error.message, help=HELP_TEXT)
    if not page.photos and not q.strip() and not after:
        with context.store.read() as session:
            if not all_roots(session):
                return welcome(request)
    facets_found = (
        search_pages.facets_of(library, q, less_sure=all, most=None if facets else search_pages.COUNTED, saved=saved)
        if page.photos and not after
        else None
    )
    with context.reader() as reader:
        count = facets_found.photos if facets_found is not None and not facets_found.about else None
        if page.photos and not after and count is None and not q.strip() and saved is None:
            count = context.photos.get()
        seen = [*page.photos, *(page.alike.photos if page.alike is not None else ())]
        sizes = sizes_of(reader, [one.photo_id for one in seen])
    is_start = bool(page.photos) and not (after or q.strip() or saved is not None)
    return render(
        request,
        "photos.html",
        200,
        "/",
        start=start(request) if is_start else None,
        q=q,
        photos=page.photos,
        next=page.next,
        all=all,
        less_sure=page.less_sure,
        counted=search_pages.COUNTED,
        unknown=() if page.alike is not None and page.alike.photos else page.unknown,
        alike=page.alike,
        told=page.told,
        facets=facets_found,
        groups=by_month(page.photos),
        shapes=shapes(seen, sizes),
        count=count,
        first=bool(page.photos) and not after,
        counting=facets,
        album=saved,
        after=after,
        unlabelled=_unlabelled(context),
        help=HELP_TEXT,
    )


def _unlabelled(context: WebContext) -> tuple[str, str] | None:
    """That no photo is labelled yet, and why with the cure; None if some are, or there are none."""
    with context.reader() as reader:
        number = unlabelled_photos(reader)
    return (unlabelled_sentence(number), why_unlabelled(context.settings)) if number else None


def welcome(request: Request) -> Response:
    """The first page of a first use: what is there already, and what to do next."""
    context = context_of(request)
    settings = context.settings
    try:
        with context.store.read() as session:
            has_roots = bool(all_roots(session))
    except NoLibraryError:
        has_roots = False
    status = model_status(settings)
    model, note = status.labels, status.note
    return render(
        request,
        "welcome.html",
        here="/",
        has_roots=has_roots,
        model=model,
        model_note=note,
        data_dir=settings.data_dir,
    )


@router.get("/static/proportions.css")
def get_proportions() -> Response:
    """The classes of the proportions that photos may have."""
    return Response(style_sheet(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@router.get("/photos/{photo_id}")
def get_photo(request: Request, photo_id: PhotoId) -> Response:
    """One photo and everything about it."""
    context = context_of(request)
    with context.photo(photo_id) as (session, record):
        story = records.story(session, record)
        history = ledger.history(session, record.id)
    detail = PhotoDetail.of(story, spoken_of(request))
    version = record.fingerprint.version
    return render(
        request,
        "photo.html",
        name=shown_path(os.path.basename(record.path.relative)),
        photo=detail,
        shape=Shape(detail.width, detail.height) if detail.width and detail.height else None,
        labels=detail.labels,
        search_only=search_only(),
        cure=cure_of(str(detail.error)) if detail.error else "",
        history=history,
        keywords=_keywords(context, record),
        screen=f"{request.scope.get('root_path', '')}/api/v1/photos/{record.id}/picture?size=screen&v={version}",
    )


def _keywords(context: WebContext, record: PhotoRecord) -> dict[str, list[str]]:
    """The keywords in the file and in its sidecar, as they are now."""
    try:
        with opened(record.path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            photo = file.read(_READ)
    except (ThumbnailError, OSError):
        return {}
    place, there = sidecar_path(record.path.absolute, context.settings.keywords)
    if not there:
        return keywords_in(photo, None)
    try:
        return keywords_in(photo, bytes(read_content(place, _READ, _READ).data))
    except (UnwritableError, ChangedError, OSError):
        return keywords_in(photo, None)


@router.get("/drop")
def get_drop(request: Request) -> Response:
    """Drop a photo and see what is on it."""
    return render(request, "drop.html", here="/drop")


@router.get("/review")
def get_review(
    request: Request,
    view: Annotated[Literal["one", "many"], Query()] = "one",
    label: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """Uncertain labels, one after the other, or several photos of one label at once. Raises NoLibraryError."""
    with context_of(request).reader():
        # The script asks for them; without a library there is nothing to ask.
        pass
    return render(request, "review.html", here="/review", many=view == "many", label=label)


@router.get("/failed")
def get_failed(request: Request, after: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Photos that could not be labelled, by the reason."""
    page = api_work.get_failed(request, after)
    groups: dict[tuple[str, str], list[FailedOut]] = {}
    for one in page.failed:
        groups.setdefault((one.kind, str(one.reason)), []).append(one)
    most = sorted(groups.values(), key=len, reverse=True)
    return render(
        request,
        "failed.html",
        here="/failed",
        page=page,
        groups=[(photos[0].reason, cure_of(str(photos[0].reason)), photos) for photos in most],
    )


@router.get("/status")
def get_status(request: Request) -> Response:
    """What is going on, live."""
    status = context_of(request).status()
    time = context_of(request).clock.now()
    return render(
        request,
        "status.html",
        here="/status",
        now=status,
        lead=sentence(status, words_of(request), time),
        chart=chart(status.speed, time),
    )


@router.get("/api/docs")
def get_docs(request: Request) -> Response:
    """The API for people, made from its OpenAPI description."""
    root_url = str(request.base_url).rstrip("/")
    return render(request, "docs.html", api=request.app.openapi(), root_url=root_url)


@router.get("/login")
def get_login(request: Request, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:  # noqa: A002
    """Asks for the password."""
    if not context_of(request).login.required:
        return go(request, "/")
    return render(request, "login.html", next=_local(next), wrong="")


@router.post("/login")
def post_login(
    request: Request,
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Lets in who knows the password, with a cookie."""
    login = context_of(request).login
    client = request.client.host if request.client else ""
    if not login.required:
        return go(request, "/")
    wait = login.attempt(client, password, request.cookies.get(DEVICE_COOKIE, ""))
    if wait:
        return ask_later(request, "login.html", wait, next=_local(next))
    if wait is not None:
        return render(request, "login.html", 401, next=_local(next), wrong=Sentence("That is not the password."))
    return let_in(request, _local(next))


def ask_later(request: Request, template: str, wait: float, **values: Any) -> Response:
    """A form again, which says that the next try is possible in so many seconds."""
    error = too_often(wait)
    answer = render(request, template, 429, wrong=error.fault.detail, **values)
    answer.headers.update(error.headers)
    return answer


def let_in(request: Request, path: str) -> Response:
    """Sends somebody who knew the password to a page, with the cookies that say so."""
    login = context_of(request).login
    found = go(request, path)
    _set_cookie(request, found, COOKIE, login.new_session(), SESSION_SECONDS)
    _set_cookie(request, found, DEVICE_COOKIE, login.new_device(), DEVICE_SECONDS)
    return found


@router.post("/language")
def post_language(
    request: Request,
    lang: Annotated[str, Form(max_length=20)] = "",
    next: Annotated[str, Form(max_length=70_000)] = "/",  # noqa: A002
) -> Response:
    """Keeps in which language a visitor wants the page; an empty one, or none of ours: as the browser asks."""
    answer = go(request, _local(next))
    code = known_code(lang)
    if code is None:
        answer.delete_cookie(LANGUAGE_COOKIE, path=request.scope.get("root_path", "") or "/")
    else:
        _set_cookie(request, answer, LANGUAGE_COOKIE, code, LANGUAGE_COOKIE_SECONDS)
    return answer


def _set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=request.scope.get("root_path", "") or "/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


@router.post("/logout")
def post_logout(request: Request) -> Response:
    """Forgets who was logged in here; that this browser was let in before is not forgotten."""
    answer = go(request, "/login")
    answer.delete_cookie(COOKIE, path=request.scope.get("root_path", "") or "/")
    # The service worker and what it kept, and what scripts remember of photos.
    answer.headers["Clear-Site-Data"] = '"storage"'
    return answer


def go(request: Request, path: str) -> RedirectResponse:
    """Sends a browser to another page of this server."""
    return RedirectResponse(request.scope.get("root_path", "") + path, 303)


def _local(path: str) -> str:
    """A path of this server; whatever would lead to another becomes the first page."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if fine else "/"
