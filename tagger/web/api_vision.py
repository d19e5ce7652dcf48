"""`POST /api/v1/vision/labels`: tagger as the vision service of PhotoPrism, which sends thumbnails and takes labels.

Request and answer have the form of PhotoPrism's `ApiRequest` and `ApiResponse` (its internal/ai/vision), of which the
fields below are read and written.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError

from tagger.core.errors import UsageError
from tagger.core.photo import Label
from tagger.core.sentences import Sentence
from tagger.labels.languages import Language
from tagger.web.context import context_of
from tagger.web.problems import ProblemError
from tagger.web.uploads import MAX_PHOTOS, Upload, Uploads
from tagger.web.visitor import Spoken
from tagger.web.words import words_of

router = APIRouter(tags=["classify"])


class VisionIn(BaseModel):
    """`images`: views of one photo, each a `data:` URL or its base64 alone."""

    id: Annotated[str, Field(max_length=200)] = ""
    images: Annotated[list[str], Field(min_length=1, max_length=MAX_PHOTOS)]


class VisionModel(BaseModel):
    """What made the labels. `version`: the network and its weights."""

    type: str = "labels"
    name: str = "tagger"
    version: str


class VisionLabel(BaseModel):
    """`confidence`, `topicality`: 0 to 1. `source`: what PhotoPrism calls labels that were seen in the picture."""

    name: str
    source: str = "image"
    confidence: float
    topicality: float


class VisionResult(BaseModel):
    """The surest first."""

    labels: list[VisionLabel]


class VisionOut(BaseModel):
    """The answer. `id`: that of the request."""

    id: str
    code: int = 200
    model: VisionModel
    result: VisionResult


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": VisionIn.model_json_schema()}}}
}


@router.post("/vision/labels", openapi_extra=_BODY)
async def post_vision_labels(request: Request, spoken: Spoken) -> VisionOut:
    """Labels for a photo, in the form of PhotoPrism's vision services. The photo is held in memory and forgotten.

    Several images are views of one photo: each label has the confidence of the view that shows it best.
    """
    uploads: Uploads = request.app.state.uploads
    asked = VisionIn(images=[""])

    def split(body: bytes) -> list[bytes]:
        nonlocal asked
        try:
            asked = VisionIn.model_validate_json(body)
        except ValidationError as error:
            [first, *_] = error.errors(include_url=False)
            where = ".".join(map(str, first["loc"])) or "JSON"
            raise ProblemError(
                422, Sentence("The request cannot be read: {where}: {error}", where=where, error=first["msg"])
            ) from error
        return [_picture(text) for text in asked.images]

    async with uploads.received(request, split) as photos:
        labels, version = await anyio.to_thread.run_sync(
            _look, request, photos, spoken, limiter=request.app.state.looks
        )
    found = [
        VisionLabel(name=label.name, confidence=round(label.confidence, 4), topicality=round(label.confidence, 4))
        for label in labels
    ]
    return VisionOut(id=asked.id, model=VisionModel(version=version), result=VisionResult(labels=found))


def _picture(text: str) -> bytes:
    """The bytes of a picture that stands in the request. Raises ProblemError, also for addresses to fetch it from."""
    head, comma, rest = text.partition(",")
    if text[:100].casefold().startswith(("http:", "https:")):
        raise ProblemError(
            422,
            Sentence("tagger fetches no pictures from elsewhere."),
            Sentence("Let them be sent along: FileScheme: data"),
        )
    if comma and not (head.casefold().startswith("data:") and head.casefold().endswith(";base64")):
        raise ProblemError(422, Sentence("An image must be a data: URL in base64."))
    try:
        found = base64.b64decode(rest if comma else head, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(422, Sentence("An image must be a data: URL in base64.")) from error
    if not found:
        raise ProblemError(422, Sentence("There is no photo in it."))
    return found


def _look(request: Request, photos: list[Upload], spoken: Language) -> tuple[list[Label], str]:
    looker, words = context_of(request).looker, words_of(request)
    best: dict[str, Label] = {}
    version = ""
    for photo in photos:
        try:
            seen = looker.explain(photo.path, photo.name)
        except UsageError as error:
            raise ProblemError(422, words.plain(error.message)) from error
        version = f"{seen.architecture} {seen.model_id}"
        for label in seen.named(spoken).labels:
            if label.shown and (label.name not in best or best[label.name].confidence < label.confidence):
                best[label.name] = label
    return sorted(best.values(), key=lambda label: -label.confidence), version
