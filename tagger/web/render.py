"""Pages from templates, and faults as pages for people or as JSON for programs."""

from __future__ import annotations

import os
import re
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, Response

from tagger.core.languages import LANGUAGES, LanguageCode
from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.search.found_photo import FoundPhoto
from tagger.search.query_tree import quoted
from tagger.web import problems
from tagger.web.context import context_of
from tagger.web.problems import Fault
from tagger.web.review_questions import MOST
from tagger.web.visitor import chosen_code, code_of, shown_name
from tagger.web.words import Words, words, words_of

# The names that faults have in HTTP say nothing to people.
_TITLES = {
    400: Sentence("That cannot be understood"),
    401: Sentence("Please log in"),
    403: Sentence("This was refused"),
    404: Sentence("There is nothing here"),
    405: Sentence("That cannot be done here"),
    409: Sentence("Not yet"),
    413: Sentence("That is too much"),
    421: Sentence("Not known by this name"),
    422: Sentence("That cannot be understood"),
    429: Sentence("Too many tries"),
    500: Sentence("Something went wrong in tagger"),
    503: Sentence("Not now"),
}

# Where the second column of the help of queries begins.
_COLUMN = 24

# How large photos are in a grid, as a cookie that a script writes says.
DENSITIES = ("small", "large")


@cache
def _environment(code: LanguageCode) -> Environment:
    """The templates in one of the languages that the page's words are in."""
    spoken = words(code)
    found = Environment(
        loader=PackageLoader("tagger.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "phrase": quoted,
        "wraps": _wraps,
        "columns": columns,
        "moment": spoken.moment,
        "clock": spoken.clock,
        "month": spoken.month,
        "taken": spoken.taken,
        "size": spoken.size,
        "share": spoken.share,
        "number": spoken.number,
    }
    found.globals |= {"_": spoken.text, "ngettext": spoken.plural, "said": spoken.said}
    return found


def render(request: Request, template: str, status: int = 200, here: str = "", **values: Any) -> HTMLResponse:
    """A page. `here`: the path of its entry in the navigation."""
    root = request.scope.get("root_path", "")

    def at(path: str) -> str:
        return str(root) + path

    def picture(found: FoundPhoto, size: str = "") -> str:
        asked = f"&size={size}" if size else ""
        return f"{root}/api/v1/photos/{found.photo_id}/picture?v={found.version}{asked}&symbol=1"

    spoken, code = words_of(request), code_of(request)
    text = (
        _environment(spoken.code)
        .get_template(template)
        .render(
            root=root,
            lang=spoken.code,
            labels_lang=code,
            # For elements with the names of labels in them; empty where they are in the page's own language.
            in_labels_lang="" if code == spoken.code else Markup(' lang="{}"').format(code),
            menu=[(one, shown_name(one)) for one in LANGUAGES],
            chosen=chosen_code(request),
            asked=_asked(request),
            at=at,
            picture=picture,
            alt=partial(_alt, spoken),
            here=here,
            density=density if (density := request.cookies.get("density")) in DENSITIES else "",
            login_required=context_of(request).login.required,
            to_review=context_of(request).to_review.last() or 0,
            most_to_review=MOST,
            **values,
        )
    )
    return HTMLResponse(text, status, {"Content-Language": spoken.code})


def _asked(request: Request) -> str:
    """Where to go on when the language was chosen: the page as it was asked for."""
    if request.method != "GET":
        return "/"
    path = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", ""))) or "/"
    return quote(path) + (f"?{request.url.query}" if request.url.query else "")


def _wraps(name: str) -> Markup:
    """A file's name or path, which may be wrapped behind what separates its words, but not within them."""
    return Markup("").join(
        Markup("{}<wbr>").format(part) if part in ("/", "_", "-") else Markup("<wbr>.") if part == "." else part
        for part in re.split(r"([/_.-])", name)
    )


def columns(text: str) -> list[tuple[str, str]]:
    """What stands in two columns, as pairs; a line that has only the second goes on with the one before."""
    found: list[tuple[str, str]] = []
    for line in str(text).splitlines():
        # The second begins at the same place in every line.
        first, second = line[:_COLUMN].strip(), line[_COLUMN:].strip()
        if second and not first and found:
            found[-1] = found[-1][0], f"{found[-1][1]} {second}"
        elif first and second:
            found.append((first, second))
    return found


def _alt(spoken: Words, found: FoundPhoto) -> str:
    names = ", ".join(name for name, _ in found.labels[:3]) or str(spoken.text("Photo without labels"))
    if found.less_sure:
        names += str(spoken.text(" (less sure)"))
    if found.likeness is not None:
        names += str(spoken.text(", {share} % alike", share=spoken.number(100 * found.likeness)))
    return f"{names}, {shown_path(os.path.basename(found.path.relative))}"


def wants_page(request: Request, path: str) -> bool:
    """Whether a person asks with a browser, and not a program. `path`: without the prefix of a proxy."""
    return (not path.startswith("/api/") or path == "/api/docs") and "text/html" in request.headers.get("accept", "")


def problem_page(request: Request, fault: Fault, *, bare: bool = False) -> Response:
    """A fault, for people. `bare`: without the navigation, which would lead to more of them."""
    return render(
        request,
        "message.html",
        fault.status,
        title=_TITLES.get(fault.status, HTTPStatus(fault.status).phrase),
        detail=fault.detail or (Sentence("There is no page at this address.") if fault.status == 404 else ""),
        cure=fault.cure,
        bare=bare,
    )


def problem_json(request: Request, fault: Fault) -> Response:
    """A fault, for programs."""
    return JSONResponse(fault.problem(words_of(request)).model_dump(), fault.status, media_type=problems.MEDIA_TYPE)
