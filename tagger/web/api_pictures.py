"""Pictures of the library's photos: small copies, larger ones, and the photo's own bytes.

A photo is named by its id alone; where it is comes from the database. It is opened once, and what was opened is proved
to lie in its folder before a byte is read: a link that leaves it leads nowhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from tagger.core.sentences import Sentence
from tagger.imaging.thumbnails import ThumbnailError
from tagger.web.context import context_of
from tagger.web.opened_photo import opened
from tagger.web.pictures import LaterError
from tagger.web.problems import ProblemError

router = APIRouter(tags=["pictures"])
PhotoId = Annotated[int, Path(ge=1, le=2**53, description="The photo's id, as search gives it")]
# The longer side, in pixels; `full`: the most that a JPEG can have.
SIZES = {"thumbnail": 400, "large": 800, "screen": 1800, "full": 65_000}
_CHUNK = 1 << 20
_IMMUTABLE = "private, max-age=31536000, immutable"
# Seconds that a program, and that a page waits for a picture that is slow, and until it asks for it again.
_PATIENCE, _PATIENCE_OF_PAGES, _PAUSE = 60.0, 3.0, 3
_DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240"><g fill="none" stroke="#8a8780" stroke-width="5" '
    'stroke-linecap="round" stroke-linejoin="round">{}</g></svg>'
)
# A frame with mountains, struck through; and a clock.
_NO_PICTURE = _DRAWING.format(
    '<rect x="80" y="90" width="80" height="60" rx="6"/><path d="M84 142l24-26 16 16 12-10 20 20M76 168l88-96"/>'
)
_NOT_YET = _DRAWING.format('<circle cx="120" cy="120" r="28"/><path d="M120 102v18l12 9"/>')


@router.get(
    "/photos/{photo_id}/picture",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}, "image/svg+xml": {}}, "description": "A JPEG, upright, of an own cache"},
        202: {"content": {"image/svg+xml": {}}, "description": "A symbol: it is being made, ask again"},
    },
)
async def get_picture(
    request: Request,
    photo_id: PhotoId,
    size: Annotated[
        Literal["thumbnail", "large", "screen", "full"], Query(description="400, 800, 1800 pixels, or all there are")
    ] = "thumbnail",
    v: Annotated[str, Query(max_length=40, description="The photo's version, so that it may be kept for ever")] = "",
    symbol: Annotated[bool, Query(description="A symbol for what cannot be shown or takes long, and no fault")] = False,
) -> Response:
    """A small copy of a photo, of any format, as JPEG. What takes long is made behind everything else."""
    context = context_of(request)

    def make() -> bytes:
        return context.pictures.picture(context.record(photo_id), SIZES[size])

    try:
        try:
            making = _making(request.app.state, (photo_id, size), make)
            # Browsers open six connections, which pictures shall not hold while the page asks for something else.
            if symbol and making not in (await asyncio.wait([making], timeout=_PATIENCE_OF_PAGES))[0]:
                return _symbol(_NOT_YET, 202)
            data = await asyncio.shield(making)
        except LaterError as later:
            if symbol:
                return _symbol(_NOT_YET, 202)
            answer = asyncio.wrap_future(later.answer)
            done, _ = await asyncio.wait([answer], timeout=_PATIENCE)
            if not done:
                raise ProblemError(
                    503, later.message, Sentence("Ask again in a moment."), {"Retry-After": str(_PAUSE)}
                ) from later
            data = answer.result()
    except ThumbnailError:
        if symbol:
            return _symbol(_NO_PICTURE, 200)
        raise
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": _IMMUTABLE if v else "no-cache"})


def _making(state: Any, what: tuple[int, str], make: Callable[[], bytes]) -> asyncio.Task[bytes]:
    """The making of a picture, which all who ask for it meanwhile share."""
    found: asyncio.Task[bytes] | None = state.making.get(what)
    if found is None:
        # What somebody looks at waits behind no grid.
        limiter = state.pictures if what[1] in ("thumbnail", "large") else state.screens
        found = state.making[what] = asyncio.create_task(anyio.to_thread.run_sync(make, limiter=limiter))

        def done(task: asyncio.Task[bytes]) -> None:
            del state.making[what]
            if not task.cancelled():
                # Where nobody waits any more, the fault is told to who asks again.
                task.exception()

        found.add_done_callback(done)
    return found


def _symbol(drawing: str, status: int) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(_PAUSE)} if status == 202 else {})
    return Response(drawing, status, headers, "image/svg+xml")


@router.get(
    "/photos/{photo_id}/original",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file's bytes"}},
)
def get_original(request: Request, photo_id: PhotoId) -> Response:
    """The photo's file as it is."""
    record = context_of(request).record(photo_id)
    with opened(record.path) as descriptor:
        size = os.fstat(descriptor).st_size
        file = os.fdopen(os.dup(descriptor), "rb")

    def blocks() -> Iterator[bytes]:
        left = size
        with file:
            while left and (block := file.read(min(left, _CHUNK))):
                left -= len(block)
                yield block

    name = os.path.basename(os.fsencode(record.path.relative))
    return StreamingResponse(
        blocks(),
        # As a download: a file's real content must not be shown under this site's origin.
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(size),
            # RFC 6266 with the bytes as they are, percent-encoded.
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        },
    )
