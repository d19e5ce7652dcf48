"""The page on which the first password is chosen, by whoever knows the code in the log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from tagger.core.sentences import Sentence
from tagger.web.context import context_of
from tagger.web.login import LEAST_LETTERS
from tagger.web.pages import ask_later, go, let_in
from tagger.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/setup")
def get_setup(request: Request) -> Response:
    """Asks for the code and a password."""
    if not context_of(request).login.is_first:
        return go(request, "/")
    return render(request, "setup.html", wrong="", code="", least=LEAST_LETTERS)


@router.post("/setup")
def post_setup(
    request: Request,
    code: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Makes it the password, and lets in who chose it."""

    typed: dict[str, Any] = {"code": code, "least": LEAST_LETTERS}

    def refuse(status: int, why: Sentence) -> Response:
        return render(request, "setup.html", status, wrong=why, **typed)

    login = context_of(request).login
    if not login.is_first:
        return go(request, "/")
    if len(password) < LEAST_LETTERS:
        return refuse(422, Sentence("The password has fewer than {least} characters.", least=LEAST_LETTERS))
    if password != again:
        return refuse(422, Sentence("The two passwords differ."))
    wait = login.choose_first(request.client.host if request.client else "", code, password)
    if wait:
        return ask_later(request, "setup.html", wait, **typed)
    if wait is not None:
        return refuse(401, Sentence("That is not the code. It is a new one at each start of tagger."))
    return let_in(request, "/")
