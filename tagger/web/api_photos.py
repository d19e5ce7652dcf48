"""The API of photos: search, suggestions, one photo, what it looks like, and what a person says of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request

from tagger.core.errors import UsageError
from tagger.labels.corrections import Correction, correct
from tagger.labels.explain import explain_stored
from tagger.store import records
from tagger.store.corrections import labels_on
from tagger.web import search_pages
from tagger.web.api_pictures import PhotoId
from tagger.web.context import context_of
from tagger.web.problems import ProblemError
from tagger.web.schemas_classify import WhyOut
from tagger.web.schemas_photos import (
    AlikeOut,
    Corrections,
    FacetsOut,
    LabelOut,
    LabelsOut,
    LikenessOut,
    PhotoDetail,
    PhotoOut,
    SearchOut,
    Suggestion,
    Unknown,
)
from tagger.web.search_pages import PAGE

router = APIRouter(tags=["photos"])


@router.get("/search")
def get_search(  # noqa: PLR0913 - one parameter a part of the address
    request: Request,
    q: Annotated[str, Query(description="As for `tagger search`; empty: everything")] = "",
    after: Annotated[str, Query(max_length=200, description="The `next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = PAGE,
    all: Annotated[bool, Query(description="Behind them those on which the labels are less sure")] = False,  # noqa: A002
    strict: Annotated[bool, Query(description="Words are labels, and not taken for a description")] = False,
    facets: Annotated[bool, Query(description="Also which labels, years, places and cameras are in all of it")] = False,
) -> SearchOut:
    """Photos that show what is asked for, the surest first; where the query names no label, the newest first.

    Behind the last of them, in `alike`, those that look like the words of the query. 503 with Retry-After while the
    photos of a large library are prepared for descriptions for the first time.
    """
    context = context_of(request)
    page = search_pages.search(context, q, after, limit, less_sure=all, strict=strict)
    counted = search_pages.facets_of(context, q, less_sure=all) if facets else None
    alike = page.alike
    return SearchOut(
        photos=[PhotoOut.of(found) for found in page.photos],
        next=page.next or None,
        less_sure=page.less_sure,
        unknown=[
            Unknown(text=word.text, known=word.known, near=list(word.near), hint=word.hint) for word in page.unknown
        ],
        told=list(page.told),
        facets=None if counted is None else FacetsOut.model_validate(asdict(counted)),
        alike=None
        if alike is None
        else AlikeOut(
            photos=[PhotoOut.of(found) for found in alike.photos], next=alike.next or None, told=list(alike.told)
        ),
    )


@router.get("/suggest")
def get_suggest(
    request: Request,
    q: Annotated[str, Query(max_length=200, description="The beginning of a word")],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> list[Suggestion]:
    """Labels of the library for what was typed so far."""
    found = search_pages.suggest(context_of(request), q, limit)
    return [Suggestion(name=name, photos=photos) for name, photos in found]


@router.get("/photos/{photo_id}")
def get_photo(request: Request, photo_id: PhotoId) -> PhotoDetail:
    """Everything known of one photo."""
    with context_of(request).photo(photo_id) as (session, record):
        return PhotoDetail.of(records.story(session, record), context_of(request).spoken)


@router.get("/photos/{photo_id}/why")
def get_why(request: Request, photo_id: PhotoId) -> WhyOut:
    """Why the photo has its labels, from its stored features."""
    context = context_of(request)
    with context.photo(photo_id) as (session, record):
        found = explain_stored(session, context.settings, record)
    if found is None:
        raise ProblemError(409, "The photo has not been looked at yet.", "Label it: tagger backfill, or tagger run")
    return WhyOut.of(found, context.spoken)


@router.get("/photos/{photo_id}/likeness")
def get_likeness(
    request: Request,
    photo_id: PhotoId,
    to: Annotated[str, Query(min_length=1, max_length=10_000, description="A description, as of `like:`")],
) -> LikenessOut:
    """Why the photo looks like a description, or not: which words carry how much."""
    context = context_of(request)
    record = context.record(photo_id)
    with context.reader() as reader:
        return LikenessOut.of(context.describer(reader).descriptions.reason(to, record.id))


@router.get("/photos/{photo_id}/similar")
def get_similar(request: Request, photo_id: PhotoId, limit: Annotated[int, Query(ge=1, le=100)] = 24) -> list[PhotoOut]:
    """More like this, of the whole library, the most similar first: what `tagger similar` answers.

    503 with Retry-After while the features of a large library are gathered for the first time.
    """
    context = context_of(request)
    ids = [other.id for other, _ in context.similar(photo_id, limit)]
    return [PhotoOut.of(found) for found in search_pages.by_ids(context, ids)]


@router.post("/photos/{photo_id}/corrections")
def post_corrections(request: Request, photo_id: PhotoId, said: Corrections) -> LabelsOut:
    """Remove, confirm or add labels, or undo that. What is said stays through other rules and models."""
    context = context_of(request)
    correction = Correction(said.remove, said.confirm, said.add, said.undo)
    if not correction:
        raise UsageError("Nothing was said of the photo.", "Use remove, confirm, add or undo.")
    [labels] = correct(context.library, [photo_id], correction)
    context.forget_counts()
    if context.settings.keywords.mode != "off":
        context.wake_service()
    with context.store.read() as session:
        removed = [label.name for label in labels_on(session, photo_id) if label.removed]
    return LabelsOut(labels=[LabelOut.of(label, context.spoken) for label in labels], removed=removed)
