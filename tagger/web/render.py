"""Pages from templates, and faults as pages for people or as JSON for programs."""

from __future__ import annotations

import os
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, JSONResponse, Response

from tagger.core.clock import local_time
from tagger.core.paths import shown_path
from tagger.search.query_tree import quoted
from tagger.search.run import FoundPhoto
from tagger.web import problems
from tagger.web.context import context_of
from tagger.web.problems import Problem

# The names that faults have in HTTP say nothing to people.
_TITLES = {
    403: "This was refused",
    404: "There is nothing here",
    405: "That cannot be done here",
    413: "That is too much",
    421: "Not known by this name",
    429: "Too many tries",
    500: "Something went wrong in tagger",
    503: "Not now",
}


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 1e6 else f"{number / 1e3:.0f} kB"


def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("tagger.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "phrase": quoted,
        "moment": local_time,
        "size": _size,
        "share": lambda value: f"{value:.0%}".replace("%", " %"),
    }
    return found


_TEMPLATES = _environment()


def render(request: Request, template: str, status: int = 200, here: str = "", **values: Any) -> HTMLResponse:
    """A page. `here`: the path of its entry in the navigation."""
    root = request.scope.get("root_path", "")

    def at(path: str) -> str:
        return str(root) + path

    def picture(found: FoundPhoto) -> str:
        return f"{root}/api/v1/photos/{found.photo_id}/picture?v={found.version}"

    text = _TEMPLATES.get_template(template).render(
        root=root,
        at=at,
        picture=picture,
        alt=_alt,
        here=here,
        login_required=context_of(request).login.required,
        **values,
    )
    return HTMLResponse(text, status)


def _alt(found: FoundPhoto) -> str:
    names = ", ".join(name for name, _ in found.labels[:3])
    doubt = " (less sure)" if found.less_sure else ""
    doubt += "" if found.likeness is None else f", {found.likeness:.0%} alike"
    return f"{names or 'Photo without labels'}{doubt}, {shown_path(os.path.basename(found.path.relative))}"


def wants_page(request: Request, path: str) -> bool:
    """Whether a person asks with a browser, and not a program. `path`: without the prefix of a proxy."""
    return (not path.startswith("/api/") or path == "/api/docs") and "text/html" in request.headers.get("accept", "")


def problem_page(request: Request, problem: Problem, *, bare: bool = False) -> Response:
    """A fault, for people. `bare`: without the navigation, which would lead to more of them."""
    return render(
        request,
        "message.html",
        problem.status,
        title=_TITLES.get(problem.status, problem.title),
        detail=problem.detail or ("There is no page at this address." if problem.status == 404 else ""),
        cure=problem.cure,
        bare=bare,
    )


def problem_json(problem: Problem) -> Response:
    """A fault, for programs."""
    return JSONResponse(problem.model_dump(), problem.status, media_type=problems.MEDIA_TYPE)
