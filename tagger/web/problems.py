"""Faults as RFC 9457 problem details: `application/problem+json` for programs, a page for people."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from tagger.core.errors import (
    BusyError,
    ModelError,
    MustLookError,
    NoLibraryError,
    StoreError,
    TaggerError,
    UnknownPhotoError,
    UsageError,
)
from tagger.imaging.thumbnails import ThumbnailError
from tagger.web.words import Words

MEDIA_TYPE = "application/problem+json"
# The first that fits.
_STATUS: tuple[tuple[type[TaggerError], int], ...] = (
    (UnknownPhotoError, 404),
    (UsageError, 400),
    (BusyError, 409),
    (MustLookError, 409),
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
        self.fault = Fault(status, detail, cure)
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, as it can be said in any language that has it: `detail` and `cure` may be sentences."""

    status: int
    detail: str = ""
    cure: str = ""

    def problem(self, words: Words) -> Problem:
        """For programs, with the title that its status has in HTTP."""
        title = HTTPStatus(self.status).phrase
        return Problem(title=title, status=self.status, detail=words.plain(self.detail), cure=words.plain(self.cure))


def of_error(error: TaggerError) -> Fault:
    """What a fault of tagger's own is in HTTP."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return Fault(status, error.message, error.cure)


def of_validation(errors: list[Any]) -> Fault:
    """What is wrong with the parameters or the body, in one line each."""
    lines = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in errors[:10]]
    return Fault(422, "\n".join(lines))
