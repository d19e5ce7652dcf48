"""What the API says and takes of near-duplicates, and of what is decided of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tagger.web.schemas_photos import RequestBody

_Id = Annotated[int, Field(ge=1, le=2**53)]
Least = Annotated[float, Field(ge=0.5, le=1)]


class DuplicatesIn(RequestBody):
    """`least`: the cosine similarity from which two photos count as the same."""

    least: Least = 0.95


class CopyOut(BaseModel):
    """A photo of a group. `same_bytes`: another of the group is the very same file. `folder`: where it lies.

    `keywords`: a person's. `sharpness`: beside its contrast, seen as large as the others; null where it was not
    measured. `kept`: what was decided; null: nothing yet. `picture`: relative to the API's root.
    """

    id: int
    path: str
    folder: str
    bytes: int
    width: int | None
    height: int | None
    format: str | None
    taken: str | None
    keywords: list[str]
    same_bytes: bool
    sharpness: float | None
    kept: bool | None
    picture: str


class CopiesOut(BaseModel):
    """A group. `number`: its place among all, from 0. `best`: the photo that is proposed, for the reasons in `why`."""

    number: int
    similarity: float
    best: int
    why: list[str]
    decided: bool
    photos: list[CopyOut]


class CopiesPage(BaseModel):
    """Some groups, the largest first, of `groups` with `photos`. `next`: what to pass as `after` for more; or null.

    `looked`: whether somebody looked for them since the server was started; else there are none to tell.

    `decided`: groups of which all is decided; `hidden`: photos that are not kept, with `hidden_bytes`. `clear`: open
    groups whose best photo is not in doubt.
    """

    looked: bool
    groups: int
    photos: int
    decided: int
    clear: int
    hidden: int
    hidden_bytes: int
    listed: list[CopiesOut]
    next: int | None


class DecisionsIn(RequestBody):
    """What to keep of photos that are nearly the same, and what not (`hide`); `open`: what is to be decided again."""

    keep: Annotated[list[_Id], Field(max_length=1000)] = []
    hide: Annotated[list[_Id], Field(max_length=1000)] = []
    open: Annotated[list[_Id], Field(max_length=1000)] = []


class DecidedOut(BaseModel):
    """What was decided. `id`: by which it can be taken back, null if nothing was. `groups`: only where many were."""

    id: int | None
    groups: int
    kept: int
    hidden: int


class ReopenedOut(BaseModel):
    """Decisions that were taken back: of how many photos."""

    photos: int
