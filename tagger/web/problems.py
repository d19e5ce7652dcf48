"""Faults as RFC 9457 problem details: `application/problem+json` for programs, a page for people."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from tagger.core.errors import (
    BusyError,
    ModelError,
    NoLibraryError,
    StoreError,
    TaggerError,
    UnknownPhotoError,
    UsageError,
)
from tagger.imaging.thumbnails import ThumbnailError

MEDIA_TYPE = "application/problem+json"
# The first that fits.
_STATUS: tuple[tuple[type[TaggerError], int], ...] = (
    (UnknownPhotoError, 404),
    (UsageError, 400),
    (BusyError, 409),
    (ThumbnailError, 422),
    (NoLibraryError, 503),
    (StoreError, 503),
    (ModelError, 503),
)


class Problem(BaseModel):
    """What went wrong (RFC 9457, section 3.1). `cure`: what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    cure: str = ""


class ProblemError(Exception):
    """A fault that only the web has: the request itself is wrong. `headers` go with the answer."""

    def __init__(self, status: int, detail: str, cure: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = problem(status, detail, cure)
        self.headers = headers or {}


def problem(status: int, detail: str, cure: str = "") -> Problem:
    """A problem with the title that its status has in HTTP."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, cure=cure)


def of_error(error: TaggerError) -> Problem:
    """What a fault of tagger's own is in HTTP."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return problem(status, error.message, error.cure)


def of_validation(errors: list[Any]) -> Problem:
    """What is wrong with the parameters or the body, in one line each."""
    lines = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in errors[:10]]
    return problem(422, "\n".join(lines))
