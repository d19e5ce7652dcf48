"""Pictures of the library's photos: small copies, larger ones, and the photo's own bytes.

A photo is named by its id alone; where it is comes from the database. It is opened once, and what was opened is proved
to lie in its folder before a byte is read: a link that leaves it leads nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from tagger.core.paths import PhotoPath
from tagger.core.sentences import Sentence
from tagger.imaging.thumbnails import ThumbnailError
from tagger.store.records import PhotoRecord
from tagger.web.context import WebContext, context_of

router = APIRouter(tags=["pictures"])
PhotoId = Annotated[int, Path(ge=1, le=2**53, description="The photo's id, as search gives it")]
# The longer side, in pixels.
SIZES = {"thumbnail": 400, "screen": 1800}
_CHUNK = 1 << 20
_IMMUTABLE = "private, max-age=31536000, immutable"


class MissingError(ThumbnailError):
    """The photo's file cannot be opened, or is not where it should be."""


@contextmanager
def opened(path: PhotoPath) -> Iterator[int]:
    """A descriptor of a photo's file. Raises MissingError where there is none, or it lies outside of its folder."""
    try:
        # Without O_NONBLOCK a pipe of that name would hold everything up.
        descriptor = os.open(path.absolute, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise MissingError(Sentence("The photo's file cannot be opened: {what}.", what=what)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MissingError(Sentence("It is not a regular file."))
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        if not real.startswith(os.path.realpath(path.root).rstrip("/") + "/"):
            raise MissingError(Sentence("The photo is a link that leaves its folder."))
        yield descriptor
    finally:
        os.close(descriptor)


def picture(context: WebContext, record: PhotoRecord, longest: int) -> bytes:
    """A small copy of a photo: the one that is kept, or a new one. Raises ThumbnailError."""
    version = record.fingerprint.version
    kept = context.pictures.get(record.id, version, longest)
    if kept is not None:
        return kept
    with opened(record.path) as descriptor:
        # The child gets the open file, because the name may lead elsewhere in the meantime.
        here = f"/proc/{os.getpid()}/fd/{descriptor}"
        data = context.thumbnailer.small_copy(here, os.path.basename(record.path.relative), longest)
    context.pictures.put(record.id, version, longest, data)
    return data


@router.get(
    "/photos/{photo_id}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "A JPEG, upright, of an own cache"}},
)
async def get_picture(
    request: Request,
    photo_id: PhotoId,
    size: Annotated[Literal["thumbnail", "screen"], Query(description="400 or 1800 pixels")] = "thumbnail",
    v: Annotated[str, Query(max_length=40, description="The photo's version, so that it may be kept for ever")] = "",
) -> Response:
    """A small copy of a photo, of any format, as JPEG."""
    context = context_of(request)

    def make() -> bytes:
        return picture(context, context.record(photo_id), SIZES[size])

    data = await anyio.to_thread.run_sync(make, limiter=request.app.state.pictures)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": _IMMUTABLE if v else "no-cache"})


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
