"""The API of photos: search, suggestions, one photo, what it looks like, and what a person says of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from tagger.core.errors import UsageError
from tagger.core.sentences import Sentence
from tagger.labels.corrections import Correction, correct
from tagger.labels.explain import explain_stored
from tagger.store import records
from tagger.store.corrections import labels_on
from tagger.web import search_pages
from tagger.web.albums import saved_by_id
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
    NamedLabel,
    PhotoDetail,
    PhotoOut,
    SearchOut,
    Suggestion,
    Unknown,
    naming,
)
from tagger.web.search_pages import PAGE, Library
from tagger.web.visitor import Spoken
from tagger.web.words import words_of

router = APIRouter(tags=["photos"])


@router.get("/search")
def get_search(  # noqa: PLR0913 - one parameter a part of the address
    request: Request,
    spoken: Spoken,
    q: Annotated[str, Query(description="As for `tagger search`; empty: everything")] = "",
    after: Annotated[str, Query(max_length=200, description="The `next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = PAGE,
    all: Annotated[bool, Query(description="Behind them those on which the labels are less sure")] = False,  # noqa: A002
    strict: Annotated[bool, Query(description="Words are labels, and not taken for a description")] = False,
    facets: Annotated[bool, Query(description="Also which labels, years, places and cameras are in all of it")] = False,
    album: Annotated[int, Query(ge=0, le=2**31 - 1, description="Within the saved search of this id; 0: all")] = 0,
) -> SearchOut:
    """Photos that show what is asked for, the surest first; where the query names no label, the newest first.

    Behind the last of them, in `alike`, those that look like the words of the query. 503 with Retry-After while the
    photos of a large library are prepared for descriptions for the first time.
    """
    library, words = Library(context_of(request), spoken.code), words_of(request)
    saved = saved_by_id(library.context, album) if album else None
    page = search_pages.search(library, q, after, limit, less_sure=all, strict=strict, saved=saved)
    counted = search_pages.facets_of(library, q, less_sure=all, saved=saved) if facets else None
    alike = page.alike
    return SearchOut(
        photos=[PhotoOut.of(found) for found in page.photos],
        next=page.next or None,
        less_sure=page.less_sure,
        unknown=[
            Unknown(text=word.text, known=word.known, near=list(word.near), hint=words.plain(word.hint))
            for word in page.unknown
        ],
        told=[words.plain(line) for line in page.told],
        facets=None if counted is None else FacetsOut.of(counted),
        alike=None
        if alike is None
        else AlikeOut(
            photos=[PhotoOut.of(found) for found in alike.photos],
            next=alike.next or None,
            told=[words.plain(line) for line in alike.told],
        ),
    )


@router.get("/suggest")
def get_suggest(
    request: Request,
    spoken: Spoken,
    q: Annotated[str, Query(max_length=200, description="The beginning of a word")],
    limit: Annotated[int, Query(ge=1, le=50)] = 8,
) -> list[Suggestion]:
    """Labels of the library for what was typed so far, in English or the language of the request."""
    found = search_pages.suggest(Library(context_of(request), spoken.code), q, limit)
    return [Suggestion.model_validate(naming(one.key, one.name, spoken) | {"photos": count}) for one, count in found]


@router.get("/lookup")
def get_lookup(
    request: Request,
    spoken: Spoken,
    path: Annotated[str, Query(min_length=1, max_length=10_000, description="Its absolute path, as `path` tells it")],
) -> PhotoDetail:
    """Everything known of the photo at a path; 404 where the library has none there."""
    with context_of(request).store.read() as session:
        record = records.get_photo_at(session, path)
        return PhotoDetail.of(records.story(session, record), spoken)


@router.get("/photos/{photo_id}")
def get_photo(request: Request, photo_id: PhotoId, spoken: Spoken) -> PhotoDetail:
    """Everything known of one photo."""
    with context_of(request).photo(photo_id) as (session, record):
        return PhotoDetail.of(records.story(session, record), spoken)


@router.get("/photos/{photo_id}/why")
def get_why(request: Request, photo_id: PhotoId, spoken: Spoken) -> WhyOut:
    """Why the photo has its labels, from its stored features."""
    context = context_of(request)
    with context.photo(photo_id) as (session, record):
        found = explain_stored(session, context.settings, record)
    if found is None:
        raise ProblemError(
            409,
            Sentence("The photo has not been looked at yet."),
            Sentence("Label it: tagger backfill, or tagger run"),
        )
    return WhyOut.of(found, spoken, words_of(request))


@router.get("/photos/{photo_id}/likeness")
def get_likeness(
    request: Request,
    spoken: Spoken,
    photo_id: PhotoId,
    to: Annotated[str, Query(min_length=1, max_length=10_000, description="A description, as of `like:`")],
) -> LikenessOut:
    """Why the photo looks like a description, or not: which words carry how much."""
    context = context_of(request)
    record = context.record(photo_id)
    with context.reader() as reader:
        found = context.describer(reader, spoken.code).descriptions.reason(to, record.id)
    return LikenessOut.of(found, spoken, words_of(request))


@router.get("/photos/{photo_id}/similar")
def get_similar(
    request: Request, photo_id: PhotoId, spoken: Spoken, limit: Annotated[int, Query(ge=1, le=100)] = 24
) -> list[PhotoOut]:
    """More like this, of the whole library, the most similar first: what `tagger similar` answers.

    503 with Retry-After while the features of a large library are gathered for the first time.
    """
    context = context_of(request)
    ids = [other.id for other, _ in context.similar(photo_id, limit)]
    return [PhotoOut.of(found) for found in search_pages.by_ids(Library(context, spoken.code), ids)]


@router.post("/photos/{photo_id}/corrections")
def post_corrections(request: Request, photo_id: PhotoId, said: Corrections, spoken: Spoken) -> LabelsOut:
    """Remove, confirm or add labels, or undo that. What is said stays through other rules and models.

    Labels are named in English, in the language of the request, or by their keys.
    """
    context = context_of(request)
    correction = Correction(said.remove, said.confirm, said.add, said.undo)
    if not correction:
        raise UsageError(Sentence("Nothing was said of the photo."), Sentence("Use remove, confirm, add or undo."))
    [labels] = correct(context.library, [photo_id], correction, spoken)
    context.labels_changed()
    with context.store.read() as session:
        removed = [
            NamedLabel.model_validate(naming(label.key, label.name, spoken))
            for label in labels_on(session, photo_id)
            if label.removed
        ]
    return LabelsOut(
        labels=[LabelOut.of(label, spoken) for label in labels],
        removed=[label.name for label in removed],
        removed_labels=removed,
    )
