"""The API of near-duplicates: looking for them, comparing them, what is kept of them, and the list of what is not.

Nothing is ever deleted: what comes out is a list of paths.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from starlette.responses import StreamingResponse

from tagger.core.errors import UsageError
from tagger.core.paths import shown_path
from tagger.core.progress import Callbacks
from tagger.core.sentences import Sentence
from tagger.imaging.thumbnails import ThumbnailError
from tagger.search.best_copy import best_copy
from tagger.search.duplicate_lists import hidden_photos
from tagger.search.feature_index import FeatureIndex
from tagger.search.similar import duplicate_groups
from tagger.store import records
from tagger.store.duplicate_decisions import Decision, Decisions, decide, read_decisions, take_back
from tagger.store.fields import keywords_of
from tagger.store.records import PhotoRecord
from tagger.web.api_pictures import SIZES
from tagger.web.api_tasks import started
from tagger.web.context import WebContext, context_of
from tagger.web.duplicate_groups import KnownGroup, hash_text, known
from tagger.web.problems import ProblemError
from tagger.web.schemas_duplicates import (
    CopiesOut,
    CopiesPage,
    CopyOut,
    DecidedOut,
    DecisionsIn,
    DuplicatesIn,
    Least,
    ReopenedOut,
)
from tagger.web.schemas_tasks import DuplicateOut, DuplicatesOut, GroupOut, TaskOut
from tagger.web.words import Words, words_of

router = APIRouter(tags=["duplicates"])
_LISTED = 500
_MEDIA = {"text": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8", "null": "application/octet-stream"}
_Similarity = Annotated[Least, Query(description="The `least` that they were looked for with")]


@router.post("/duplicates", status_code=202)
def post_duplicates(request: Request, answer: Response, which: DuplicatesIn) -> TaskOut:
    """Look for photos that are nearly the same, in the whole library. Nothing is changed."""
    return started(request, answer, "duplicates", partial(_look, context_of(request), which.least))


def _look(context: WebContext, least: float, callbacks: Callbacks) -> DuplicatesOut:
    def on_stage(_stage: str, done: int, total: int) -> None:
        callbacks.on_progress(done, total)

    groups = duplicate_groups(FeatureIndex(context.library), least, on_stage, callbacks.stop)
    if not callbacks.stop():
        context.duplicates.put(least, known(groups))
    return DuplicatesOut(
        groups=len(groups),
        photos=sum(len(group.photos) for group in groups),
        listed=[
            GroupOut(
                similarity=round(group.similarity, 4),
                photos=[
                    DuplicateOut(
                        id=record.id,
                        path=shown_path(record.path.absolute),
                        bytes=record.fingerprint.size,
                        width=record.width,
                        height=record.height,
                        format=record.format,
                        taken=record.taken,
                        same_bytes=same,
                    )
                    for record, same in group.photos
                ],
            )
            for group in groups[:_LISTED]
        ],
    )


@router.get("/duplicates")
def get_duplicates(  # noqa: PLR0913 - one parameter a part of the address
    request: Request,
    least: _Similarity = 0.95,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="The `next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
    open: Annotated[bool, Query(description="Only groups of which something is to be decided")] = False,  # noqa: A002
    sharpness: Annotated[bool, Query(description="Measure it, which opens the photos that are listed")] = False,
) -> CopiesPage:
    """Groups of near-duplicates with their differences, and which photo of each is proposed to be kept, and why.

    They are looked for by `POST /duplicates`.
    """
    context = context_of(request)
    found = context.duplicates.find(least)
    groups, decisions = found or [], _decisions(context)
    still_open = [group.is_open(decisions) for group in groups]
    chosen = [place for place in range(after, len(groups)) if still_open[place] or not open]
    there = _there(context, [number for place in chosen[:limit] for number in groups[place].photos])
    hidden = [size for group in groups for size in group.hidden(decisions)]
    listed = []
    for place in chosen[:limit]:
        photos = [there[number] for number in groups[place].photos if number in there]
        if len(photos) > 1:
            listed.append(_compared(context, words_of(request), place, groups[place], photos, decisions, sharpness))
    return CopiesPage(
        looked=found is not None,
        groups=len(groups),
        photos=sum(len(group.photos) for group in groups),
        decided=len(groups) - sum(still_open),
        clear=sum(bool(is_open and group.best) for group, is_open in zip(groups, still_open, strict=True)),
        hidden=len(hidden),
        hidden_bytes=sum(hidden),
        listed=listed,
        next=chosen[limit] if len(chosen) > limit else None,
    )


def _there(context: WebContext, ids: Sequence[int]) -> dict[int, PhotoRecord]:
    with context.store.read() as session:
        found = records.photos_by_ids(session, ids)
    return {number: record for number, record in found.items() if record.missing_since is None}


def _compared(  # noqa: PLR0913 - what a group is compared by
    context: WebContext,
    words: Words,
    place: int,
    group: KnownGroup,
    photos: list[PhotoRecord],
    decisions: Decisions,
    measured: bool,
) -> CopiesOut:
    with context.store.read() as session:
        keywords = keywords_of(session, [one.id for one in photos])
    sharp = _sharpness(context, photos) if measured else {}
    best = best_copy(photos, {number: len(found) for number, found in keywords.items()}, sharp)
    contents = [one.content_hash for one in photos if one.content_hash is not None]
    kept = {one.id: decisions.of(one.id, hash_text(one.content_hash)) for one in photos}
    return CopiesOut(
        number=place,
        similarity=round(group.similarity, 4),
        best=best.photo_id,
        why=[words.plain(sentence) for sentence in best.why],
        decided=None not in kept.values(),
        photos=[
            CopyOut(
                id=one.id,
                path=shown_path(one.path.absolute),
                folder=shown_path(os.path.dirname(one.path.absolute)),
                bytes=one.fingerprint.size,
                width=one.width,
                height=one.height,
                format=one.format,
                taken=one.taken,
                keywords=keywords.get(one.id, []),
                same_bytes=contents.count(one.content_hash or b"") > 1,
                sharpness=round(sharp[one.id], 4) if one.id in sharp else None,
                kept=kept[one.id],
                picture=f"photos/{one.id}/picture?v={one.fingerprint.version}",
            )
            for one in photos
        ],
    )


def _sharpness(context: WebContext, photos: Sequence[PhotoRecord]) -> dict[int, float]:
    """How sharp photos are; without those that cannot be shown, or not soon."""
    # Pillow is loaded when somebody compares.
    from tagger.imaging.sharpness import sharpness

    found = {}
    for one in photos:
        try:
            found[one.id] = sharpness(context.pictures.picture(one, SIZES["large"]))
        except ThumbnailError:
            continue
    # One that is not known would be beaten by all others.
    return found if len(found) == len(photos) else {}


@router.post("/duplicates/decisions")
def post_decisions(request: Request, said: DecisionsIn) -> DecidedOut:
    """Decide what to keep of photos that are nearly the same. Nothing is deleted; see `duplicates/hidden`."""
    context = context_of(request)
    keep, hide, undecided = set(said.keep), set(said.hide), set(said.open)
    if not keep | hide | undecided:
        raise UsageError(Sentence("Nothing was said of the photos."), Sentence("Use keep, hide or open."))
    if keep & hide or undecided & (keep | hide):
        raise UsageError(Sentence("A photo can be decided in one way only."))
    there = _there(context, sorted(keep | hide | undecided))
    lost = sorted((keep | hide) - there.keys())
    if lost:
        raise UsageError(Sentence("These photos are not there: {ids}", ids=", ".join(map(str, lost[:10]))))
    instead = said.keep[0] if said.keep else 0
    decided: dict[int, Decision | None] = dict.fromkeys(undecided, None)
    decided |= {number: Decision(True, hash_text(there[number].content_hash)) for number in keep}
    decided |= {number: Decision(False, hash_text(there[number].content_hash), instead) for number in hide}
    return DecidedOut(id=_decided(context, decided), groups=0, kept=len(keep), hidden=len(hide))


def _decisions(context: WebContext) -> Decisions:
    with context.store.read() as session:
        return read_decisions(session)


def _decided(context: WebContext, said: dict[int, Decision | None]) -> int:
    with context.store.write() as session:
        return decide(session, said)


@router.post("/duplicates/decisions/clear")
def post_clear(request: Request, which: DuplicatesIn) -> DecidedOut:
    """Keep the best photo of every open group where it is not in doubt: the very same files, or clearly more pixels."""
    context = context_of(request)
    groups, decisions = context.duplicates.find(which.least) or [], _decisions(context)
    decided: dict[int, Decision | None] = {}
    number = 0
    for group in groups:
        if not group.best or not group.is_open(decisions):
            continue
        number += 1
        for photo, content in zip(group.photos, group.hashes, strict=True):
            # What a person said of one photo stays.
            if decisions.of(photo, content) is None:
                is_best = photo == group.best
                decided[photo] = Decision(is_best, content, 0 if is_best else group.best)
    if not decided:
        return DecidedOut(id=None, groups=0, kept=0, hidden=0)
    kept = sum(one is not None and one.keep for one in decided.values())
    return DecidedOut(id=_decided(context, decided), groups=number, kept=kept, hidden=len(decided) - kept)


@router.post("/duplicates/decisions/{decision_id}/undo")
def post_undo(
    request: Request, decision_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="Its `id`")]
) -> ReopenedOut:
    """Take decisions back, the last fifty times that some were made: the photos are as they were before."""
    with context_of(request).store.write() as session:
        found = take_back(session, decision_id)
    if found is None:
        raise ProblemError(404, Sentence("There is nothing of this number to take back."))
    return ReopenedOut(photos=found)


@router.get(
    "/duplicates/hidden",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {} for kind in _MEDIA.values()}, "description": "The list, as a file to keep"}},
)
def get_hidden(
    request: Request,
    form: Annotated[
        Literal["text", "csv", "null"],
        Query(description="A path a line; with bytes and what is kept instead; or ended by null bytes, for xargs -0"),
    ] = "text",
) -> StreamingResponse:
    """The photos that are not kept, as a list of their paths. Nothing is deleted: what to do with them is yours."""
    context = context_of(request)
    with context.store.read() as session:
        found = hidden_photos(session, read_decisions(session))
    name = {"text": "not-kept.txt", "csv": "not-kept.csv", "null": "not-kept.nul"}[form]
    return StreamingResponse(
        _listed(found, form),
        media_type=_MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _listed(found: Sequence[tuple[PhotoRecord, PhotoRecord | None]], form: str) -> Iterator[bytes]:
    if form == "csv":
        yield _row("path", "bytes", "kept instead")
    for record, instead in found:
        if form == "csv":
            other = "" if instead is None else shown_path(instead.path.absolute)
            yield _row(shown_path(record.path.absolute), record.fingerprint.size, other)
        elif form == "null":
            yield os.fsencode(record.path.absolute) + b"\0"
        else:
            yield shown_path(record.path.absolute).encode() + b"\n"


def _row(*cells: object) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()
