"""Puts the web server together: routes, pages, the guard in front, and what becomes of faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import current_default_thread_limiter
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from tagger import __version__
from tagger.core.errors import NoLibraryError, TaggerError
from tagger.web import (
    albums,
    api_bulk,
    api_classify,
    api_downloads,
    api_duplicates,
    api_keywords,
    api_labels,
    api_photos,
    api_pictures,
    api_settings,
    api_tasks,
    api_taught,
    api_timeline,
    api_vision,
    api_work,
    first_password,
    installed,
    label_pages,
    pages,
    problems,
    work_pages,
)
from tagger.web.context import WebContext
from tagger.web.guard import Guard, own_path
from tagger.web.problems import Fault, Problem, ProblemError
from tagger.web.remembered import Remembered
from tagger.web.render import problem_json, problem_page, wants_page
from tagger.web.start import SHELVES_FRESH, shelves
from tagger.web.uploads import Uploads

_HERE = Path(__file__).parent
# Each holds a connection to the database while it answers; SQLAlchemy's pool has 15.
_THREADS = 12
_PICTURES, _SCREENS = 4, 2
_LOOKS = 2


def create_app(context: WebContext) -> FastAPI:
    """The ASGI application that serves a library."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = _THREADS
        # Small copies wait for the few processes that make them; nothing else shall wait behind them.
        app.state.pictures = CapacityLimiter(_PICTURES)
        app.state.screens = CapacityLimiter(_SCREENS)
        app.state.making = {}
        app.state.looks = CapacityLimiter(_LOOKS)
        app.state.streams = 0
        app.state.downloads = api_downloads.Downloads()
        app.state.uploads = Uploads(context.settings.web)
        app.state.shelves = Remembered(partial(shelves, context), context.clock, SHELVES_FRESH)
        app.state.shelves.renew()
        context.start()
        yield
        await anyio.to_thread.run_sync(context.close)

    app = FastAPI(
        title="tagger",
        version=__version__,
        description="Search, look at and correct a library of photos. Faults are problem details (RFC 9457).",
        lifespan=life,
        middleware=[Middleware(Guard, settings=context.settings.web, login=context.login, tokens=context.tokens)],
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        # A redirect to the path without the slash would name a host and a port that only a proxy knows.
        redirect_slashes=False,
    )
    app.state.context = context
    version = APIRouter(
        prefix="/api/v1",
        responses={"4XX": {"model": Problem, "content": {problems.MEDIA_TYPE: {}}}},
    )
    for part in (
        albums.api,
        # Before one photo, whose address ends in anything.
        api_bulk.router,
        api_photos.router,
        api_pictures.router,
        api_downloads.router,
        api_timeline.router,
        api_labels.router,
        api_work.router,
        api_settings.router,
        api_tasks.router,
        api_duplicates.router,
        api_keywords.router,
        api_taught.router,
        api_classify.router,
        api_vision.router,
    ):
        version.include_router(part)
    app.include_router(version)
    # The short way, as people type it.
    app.add_api_route("/api/classify", api_classify.post_classify, methods=["POST"], include_in_schema=False)
    app.include_router(pages.router)
    app.include_router(label_pages.router)
    app.include_router(installed.router)
    app.include_router(albums.pages)
    app.include_router(work_pages.router)
    app.include_router(first_password.router)
    # Nothing of the library is compressed: how long it gets then would tell of it whoever listens and asks beside.
    app.mount("/static", GZipMiddleware(StaticFiles(directory=_HERE / "static"), minimum_size=1000))
    app.add_exception_handler(TaggerError, _tagger_error)
    app.add_exception_handler(ProblemError, _problem_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]
    return app


def _description(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, in which every fault is a problem."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        for path in found["paths"].values():
            for operation in path.values():
                # FastAPI describes its own form of a validation fault, which is not what is sent.
                operation["responses"].pop("422", None)
                for code in ("4XX", "5XX"):
                    schema = {"$ref": "#/components/schemas/Problem"}
                    operation["responses"][code] = {
                        "description": "A problem",
                        "content": {problems.MEDIA_TYPE: {"schema": schema}},
                    }
        for name in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(name, None)
    return app.openapi_schema or {}


def _answer(request: Request, fault: Fault, headers: dict[str, str] | None = None) -> Response:
    """A fault as JSON, or as a page where a person asked for one."""
    page = wants_page(request, own_path(request.scope))
    answer = problem_page(request, fault) if page else problem_json(request, fault)
    answer.headers.update(headers or {})
    return answer


def _tagger_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TaggerError)
    if isinstance(error, NoLibraryError) and wants_page(request, own_path(request.scope)):
        return pages.welcome(request)
    return _answer(request, problems.of_error(error))


def _problem_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _answer(request, error.fault, error.headers)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "" if error.status_code == 404 else error.detail
    headers = dict(error.headers or {})
    if headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"
    return _answer(request, Fault(error.status_code, detail), headers)


def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, problems.of_validation(list(error.errors())))
