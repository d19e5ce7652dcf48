"""The pages on which several photos are worked on: near-duplicates, and labels that were taught."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from tagger.store.sizes import photos_there
from tagger.web.context import context_of
from tagger.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/duplicates")
def get_duplicates(request: Request) -> Response:
    """Groups of near-duplicates, one after the other."""
    with context_of(request).reader() as reader:
        photos = photos_there(reader)
    return render(request, "duplicates.html", here="/duplicates", photos=photos)


@router.get("/taught")
def get_taught(request: Request) -> Response:
    """The labels that were taught; the script fills them in."""
    return render(request, "taught.html", here="/taught")
