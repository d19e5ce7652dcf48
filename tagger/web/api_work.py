"""The API of what is going on: status, its changes as they happen, dead letters and their retry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.store import dead_letters
from tagger.web.context import context_of
from tagger.web.problems import ProblemError
from tagger.web.schemas_work import FailedOut, FailedPage, RetryIn, RetryOut, StatusOut

router = APIRouter(tags=["work"])
_TICK = 2.0
# A line now and then keeps proxies from closing a stream on which nothing happens.
_BEAT = 20.0
_STREAMS = 50


@router.get("/status")
def get_status(request: Request) -> StatusOut:
    """What the library holds, what is queued, what failed, and what the service does."""
    return context_of(request).status()


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "`status` events with the status as JSON"}},
)
async def get_events(
    request: Request, once: Annotated[bool, Query(description="End after the first event")] = False
) -> StreamingResponse:
    """The status whenever it changes, as server-sent events."""
    if request.app.state.streams >= _STREAMS:
        raise ProblemError(503, Sentence("Too many pages watch the status already."), headers={"Retry-After": "60"})
    return StreamingResponse(
        _events(request, once), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _events(request: Request, once: bool) -> AsyncIterator[str]:
    context = context_of(request)
    last: dict[str, Any] = {}
    quiet = 0.0
    request.app.state.streams += 1
    try:
        while not context.is_closing:
            status = (await anyio.to_thread.run_sync(context.status)).model_dump()
            if status != last:
                last, quiet = status, 0.0
                yield f"event: status\ndata: {json.dumps(status)}\n\n"
            elif quiet >= _BEAT:
                quiet = 0.0
                yield ": nothing new\n\n"
            if once or await request.is_disconnected():
                return
            await asyncio.sleep(_TICK)
            quiet += _TICK
    finally:
        request.app.state.streams -= 1


@router.get("/failed")
def get_failed(
    request: Request,
    after: Annotated[int, Query(ge=0, le=2**53, description="The `next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> FailedPage:
    """Dead letters: photos that could not be labelled, or whose keywords could not be written, and why."""
    context = context_of(request)
    with context.store.read() as session:
        found = dead_letters.page(session, after, limit + 1)
    more = len(found) > limit
    return FailedPage(
        failed=[
            FailedOut(id=one.photo_id, path=shown_path(one.path.absolute), kind=one.kind, reason=one.reason)
            for one in found[:limit]
        ],
        next=str(found[limit - 1].job_id) if more else None,
    )


@router.post("/retry")
def post_retry(request: Request, which: RetryIn) -> RetryOut:
    """Queue dead letters again: all, or those of some photos."""
    context = context_of(request)
    with context.store.write() as session:
        queued = dead_letters.retry(session, photo_ids=which.photos, reason=which.reason)
    return RetryOut(queued=queued, service=context.wake_service() if queued else False)
