"""The API of work that takes long: it is started (202), and asked after until it is done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from tagger.web.context import context_of
from tagger.web.schemas_tasks import TaskOut
from tagger.web.tasks import Task, Work
from tagger.web.words import Words, words_of

router = APIRouter(tags=["work that takes long"])


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
