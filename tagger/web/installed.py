"""What an installed page needs beside its manifest: the service worker, and the page that it shows without a server."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from tagger.web.render import render

router = APIRouter(include_in_schema=False)
_WORKER = Path(__file__).parent / "static" / "worker.js"


@router.get("/worker.js")
def get_worker() -> Response:
    """The service worker. It stands here, and not beside the other scripts, because it is for all pages below."""
    return FileResponse(_WORKER, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/offline")
def get_offline(request: Request) -> Response:
    """The page that the service worker keeps: it says nothing of the library."""
    return render(request, "offline.html")
