"""`POST /api/classify`: labels for an uploaded photo, which is not stored."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import APIRouter, Request

from tagger.core.errors import UsageError
from tagger.labels.languages import Language
from tagger.web.context import context_of
from tagger.web.schemas_classify import ClassifyOut, ModelState, UploadOut, WhyOut
from tagger.web.uploads import MAX_PHOTOS, Upload, Uploads
from tagger.web.visitor import Spoken
from tagger.web.words import words_of

router = APIRouter(tags=["classify"])
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "properties": {
                        "photo": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "maxItems": MAX_PHOTOS,
                        }
                    },
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/classify", openapi_extra=_BODY)
async def post_classify(request: Request, spoken: Spoken) -> ClassifyOut:
    """Labels for photos that are not in the library: one as the body, or several as form files named `photo`.

    They are held in memory, looked at, and forgotten. The first may take some seconds, until the model is loaded.
    """
    uploads: Uploads = request.app.state.uploads
    async with uploads.received(request) as photos:
        answers = await anyio.to_thread.run_sync(_look, request, photos, spoken, limiter=request.app.state.looks)
    return ClassifyOut(photos=answers)


@router.get("/classify")
def get_classify(request: Request) -> ModelState:
    """Whether the model is loaded, and how far its weights have been fetched."""
    context = context_of(request)
    done, total = context.fetched or (0, None)
    return ModelState(ready=context.looker.is_ready, fetched_bytes=done, total_bytes=total)


def _look(request: Request, photos: list[Upload], spoken: Language) -> list[UploadOut]:
    looker, words = context_of(request).looker, words_of(request)
    found = []
    for photo in photos:
        try:
            why = WhyOut.of(looker.explain(photo.path, photo.name), spoken, words)
            found.append(UploadOut(name=photo.name, why=why, error=""))
        except UsageError as error:
            found.append(UploadOut(name=photo.name, why=None, error=words.plain(error.message)))
    return found
