"""The API of many photos at once: corrections of their labels, each with an undo, and how many a search finds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from tagger.core.errors import UsageError
from tagger.core.sentences import Sentence
from tagger.labels.bulk_corrections import correct_many, preview_many, take_back
from tagger.labels.corrections import Correction
from tagger.labels.languages import Language
from tagger.store.bulk_corrections import KEPT, last_corrections
from tagger.web.context import context_of
from tagger.web.schemas_photos import Names
from tagger.web.search_pages import Library
from tagger.web.selection import MOST, Selection, count, ids_of, selected
from tagger.web.visitor import Spoken

router = APIRouter(tags=["many photos"])


class BulkCorrections(Selection):
    """What a person says of the labels of many photos, by name or key; `add` also takes words of their own.

    A label is removed or confirmed where a photo has it, and added where no person gave it yet.
    """

    remove: Names = []
    confirm: Names = []
    add: Names = []


class CorrectedOut(BaseModel):
    """What a correction did. `photos`: those that it was for; `changed`: on how many something is otherwise now.

    `id`: by which it can be taken back; null if nothing changed.
    """

    id: int | None
    photos: int
    changed: int


class CorrectionOut(BaseModel):
    """A correction of many photos. Times: seconds since the epoch, UTC. `undone_at`: when it was taken back."""

    id: int
    remove: list[str]
    confirm: list[str]
    add: list[str]
    photos: int
    made_at: int
    undone_at: int | None


class TakenBackOut(BaseModel):
    """What taking back did. `changed`: photos that are as before; `kept`: those of which a person said more since."""

    changed: int
    kept: int


class IdsOut(BaseModel):
    """Photos by their ids, in the order of the search. `more`: there are more than these."""

    photos: list[int]
    more: bool


class CountOut(BaseModel):
    """How many photos a search finds."""

    photos: int


@router.get("/search/count")
def get_count(
    request: Request,
    spoken: Spoken,
    q: Annotated[str, Query(max_length=10_000, description="As for `search`; empty: everything")] = "",
    all: Annotated[bool, Query(description="Also those on which the labels are less sure")] = False,  # noqa: A002
    album: Annotated[int, Query(ge=0, le=2**31 - 1, description="Within the saved search of this id; 0: all")] = 0,
) -> CountOut:
    """How many photos a search finds by labels and fields, exactly."""
    return CountOut(photos=count(Library(context_of(request), spoken.code), q, album, less_sure=all))


@router.get("/search/ids")
def get_ids(
    request: Request,
    spoken: Spoken,
    q: Annotated[str, Query(max_length=10_000, description="As for `search`; empty: everything")] = "",
    all: Annotated[bool, Query(description="Also those on which the labels are less sure")] = False,  # noqa: A002
    album: Annotated[int, Query(ge=0, le=2**31 - 1, description="Within the saved search of this id; 0: all")] = 0,
) -> IdsOut:
    """The photos that a search finds by labels and fields, by their ids, up to 10,000 of them."""
    found = ids_of(Library(context_of(request), spoken.code), q, album, less_sure=all)
    return IdsOut(photos=found[:MOST], more=len(found) > MOST)


@router.get("/corrections")
def get_corrections(request: Request, limit: Annotated[int, Query(ge=1, le=KEPT)] = 20) -> list[CorrectionOut]:
    """The last corrections of many photos, the newest first; the last 200 can be taken back."""
    with context_of(request).store.read() as session:
        found = last_corrections(session, limit)
    return [
        CorrectionOut(
            id=one.id,
            remove=one.said.get("remove", []),
            confirm=one.said.get("confirm", []),
            add=one.said.get("add", []),
            photos=one.photos,
            made_at=one.made_at,
            undone_at=one.undone_at,
        )
        for one in found
    ]


@router.post("/corrections")
def post_corrections(request: Request, said: BulkCorrections, spoken: Spoken) -> CorrectedOut:
    """Remove, confirm or add labels of up to 10,000 photos, all or none. What is said stays through other models.

    409 where a search finds another number of photos than was `expected`: nothing was changed then.
    """
    found = correct_many(context_of(request).library, *_asked(request, said, spoken), spoken)
    if found.changed:
        context_of(request).labels_changed()
    return CorrectedOut(id=found.id, photos=found.photos, changed=found.changed)


@router.post("/corrections/preview")
def post_preview(request: Request, said: BulkCorrections, spoken: Spoken) -> CorrectedOut:
    """What a correction of many photos would do: on how many something would change. Nothing is stored."""
    found = preview_many(context_of(request).library, *_asked(request, said, spoken), spoken)
    return CorrectedOut(id=None, photos=found.photos, changed=found.changed)


def _asked(request: Request, said: BulkCorrections, spoken: Language) -> tuple[list[int], Correction]:
    correction = Correction(said.remove, said.confirm, said.add)
    if not correction:
        raise UsageError(Sentence("Nothing was said of the photos."), Sentence("Use remove, confirm or add."))
    return selected(Library(context_of(request), spoken.code), said), correction


@router.post("/corrections/{correction_id}/undo")
def post_undo(
    request: Request, correction_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="Its `id`")]
) -> TakenBackOut:
    """Take a correction of many photos back, once. What was said of their labels since stays."""
    found = take_back(context_of(request).library, correction_id)
    if found.photos:
        context_of(request).labels_changed()
    return TakenBackOut(changed=len(found.photos), kept=len(found.later))
