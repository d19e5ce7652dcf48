"""The API of work that takes long: it is started (202), and asked after until it is done."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from tagger.core.paths import shown_path
from tagger.core.progress import Callbacks
from tagger.search.feature_index import FeatureIndex
from tagger.search.similar import duplicate_groups
from tagger.store.library import Library
from tagger.web.context import context_of
from tagger.web.schemas_tasks import DuplicateOut, DuplicatesIn, DuplicatesOut, GroupOut, TaskOut
from tagger.web.tasks import Task, Work
from tagger.web.words import Words, words_of

router = APIRouter(tags=["work that takes long"])
_LISTED = 500


def started(request: Request, answer: Response, what: str, work: Work) -> TaskOut:
    """Start some work, and tell where to ask after it. Raises ProblemError."""
    task = context_of(request).tasks.start(what, work)
    answer.headers["Location"] = f"{request.scope.get('root_path', '')}/api/v1/tasks/{task.id}"
    return told(task, words_of(request))


def told(task: Task, words: Words) -> TaskOut:
    """How far some work is."""
    return TaskOut.model_validate(
        {
            "id": task.id,
            "what": task.kind,
            "state": task.state,
            "done": task.done,
            "total": task.total,
            "result": task.result,
            "problem": None if task.fault is None else task.fault.problem(words),
        }
    )


@router.get("/tasks/{task_id}")
def get_task(
    request: Request,
    task_id: Annotated[int, Path(ge=1, le=2**53, description="The `id` that starting it answered")],
    wait: Annotated[float, Query(ge=0, le=10, description="Seconds to wait for its end")] = 0,
) -> TaskOut:
    """How far some work is, and what came of it. The last 100 are told, until the server ends."""
    task = context_of(request).tasks.find(task_id)
    task.ended.wait(wait)
    return told(task, words_of(request))


@router.post("/duplicates", status_code=202)
def post_duplicates(request: Request, answer: Response, which: DuplicatesIn) -> TaskOut:
    """Look for photos that are nearly the same, in the whole library. Nothing is changed."""
    library = context_of(request).library
    return started(request, answer, "duplicates", partial(_duplicates, library, which.least))


def _duplicates(library: Library, least: float, callbacks: Callbacks) -> DuplicatesOut:
    def on_stage(_stage: str, done: int, total: int) -> None:
        callbacks.on_progress(done, total)

    groups = duplicate_groups(FeatureIndex(library), least, on_stage, callbacks.stop)
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
