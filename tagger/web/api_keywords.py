"""The API of keywords in files: what writing would do, writing, what was written, and taking it back."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from tagger.core.config import Settings
from tagger.core.errors import BusyError, UsageError
from tagger.core.paths import shown_path
from tagger.core.photo import JobKind
from tagger.core.progress import Callbacks
from tagger.core.sentences import Sentence
from tagger.keywords.runs import undo_keywords, write_keywords
from tagger.keywords.undo_candidates import UndoChoice
from tagger.keywords.write import Written
from tagger.service import control
from tagger.store import jobs, ledger, runs
from tagger.store.library import open_library
from tagger.web.api_pictures import PhotoId
from tagger.web.api_tasks import started
from tagger.web.context import context_of
from tagger.web.schemas_tasks import (
    Failure,
    FileChange,
    KeywordsIn,
    RunOut,
    TaskOut,
    UndoIn,
    UndoneOut,
    WriteOut,
    WrittenOut,
)
from tagger.web.search_pages import Library
from tagger.web.selection import selected
from tagger.web.visitor import Spoken

router = APIRouter(tags=["keywords in files"])
_LISTED = 100


@router.post("/keywords/preview", status_code=202)
def post_preview(request: Request, answer: Response, said: KeywordsIn, spoken: Spoken) -> TaskOut:
    """What writing keywords would do: how many files and bytes, and which keywords. No file is touched."""
    return _write(request, answer, said, Library(context_of(request), spoken.code), dry_run=True)


@router.post("/keywords/write", status_code=202)
def post_write(request: Request, answer: Response, said: KeywordsIn, spoken: Spoken) -> TaskOut:
    """Write labels as keywords, as `keywords.mode` of the settings says: by the service where one runs."""
    return _write(request, answer, said, Library(context_of(request), spoken.code), dry_run=False)


def _write(request: Request, answer: Response, said: KeywordsIn, library: Library, *, dry_run: bool) -> TaskOut:
    settings = library.context.settings
    if settings.keywords.mode == "off":
        raise UsageError(
            Sentence("Writing keywords is off."),
            Sentence('Set mode = "sidecar" or "embed" below [keywords] in the settings, and start tagger again.'),
        )
    ids = None if said.which is None else selected(library, said.which)
    what = "preview of keywords" if dry_run else "keywords"
    return started(request, answer, what, partial(_written, settings, ids, dry_run))


def _written(settings: Settings, ids: list[int] | None, dry_run: bool, callbacks: Callbacks) -> WrittenOut:
    try:
        written = write_keywords(settings, "", callbacks, photo_ids=ids, dry_run=dry_run)
    except BusyError:
        # The service holds the lock for as long as it runs, and writes what is queued.
        if not control.is_running(settings.data_dir):
            raise
        with open_library(settings) as library, library.store.write() as session:
            chosen = ledger.labelled_photos(session) if ids is None else ids
            jobs.enqueue(session, chosen, jobs.PRIORITY_ASKED, kind=JobKind.KEYWORDS)
        control.wake(settings.data_dir)
        return _written_out(Written(total=len(chosen)), "service")
    return _written_out(written, "server")


def _written_out(written: Written, by: str) -> WrittenOut:
    return WrittenOut.model_validate(
        {
            "by": by,
            "run": written.run,
            "photos": written.total,
            "files": written.files,
            "sidecars": written.sidecars,
            "bytes": written.bytes,
            "unchanged": written.unchanged,
            "stale": written.stale,
            "later": written.later,
            "failed": written.failed,
            "added": _counted(written.added),
            "removed": _counted(written.removed),
            "failures": _failures(written.failures),
            "files_listed": [
                FileChange(path=shown_path(path), add=list(add), remove=list(remove))
                for path, add, remove in written.listing[:_LISTED]
            ],
        }
    )


def _counted(counts: Counter[str]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


def _failures(failures: list[tuple[str, str]]) -> list[Failure]:
    return [Failure(path=shown_path(path), reason=reason) for path, reason in failures[:_LISTED]]


@router.post("/keywords/undo/preview", status_code=202)
def post_undo_preview(request: Request, answer: Response, said: UndoIn, spoken: Spoken) -> TaskOut:
    """What taking keywords back would do. No file is touched."""
    return _undo(request, answer, said, Library(context_of(request), spoken.code), dry_run=True)


@router.post("/keywords/undo", status_code=202)
def post_undo(request: Request, answer: Response, said: UndoIn, spoken: Spoken) -> TaskOut:
    """Take keywords back that tagger wrote, and no others: the old bytes where nobody edited the file since."""
    return _undo(request, answer, said, Library(context_of(request), spoken.code), dry_run=False)


def _undo(request: Request, answer: Response, said: UndoIn, library: Library, *, dry_run: bool) -> TaskOut:
    if sum((said.run is not None, said.label is not None, said.which is not None, said.everything)) != 1:
        raise UsageError(
            Sentence("It was not said what is to be taken back."),
            Sentence("Use one of run, label, which or everything."),
        )
    ids = None if said.which is None else tuple(selected(library, said.which))
    choice = UndoChoice(said.run, said.label, ids)
    settings = library.context.settings
    return started(
        request, answer, "preview of undo" if dry_run else "undo", partial(_undone, settings, choice, dry_run)
    )


def _undone(settings: Settings, choice: UndoChoice, dry_run: bool, callbacks: Callbacks) -> UndoneOut:
    undone = undo_keywords(settings, choice, callbacks, dry_run=dry_run)
    return UndoneOut(
        files=undone.files,
        exact=undone.exact,
        bytes=undone.bytes,
        absent=undone.absent,
        removed=_counted(undone.removed),
        failures=_failures(undone.failures),
        files_listed=[
            FileChange(path=shown_path(path), add=[], remove=list(removed))
            for path, removed, _ in undone.listing[:_LISTED]
        ],
    )


@router.get("/keywords/runs")
def get_runs(request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 20) -> list[RunOut]:
    """The last runs that wrote keywords or took them back, the newest first; each can be taken back by its `id`."""
    with context_of(request).store.read() as session:
        found = runs.last_runs(session, limit, runs.WRITING)
    return [
        RunOut(
            id=run.id,
            command=run.command,
            started_at=run.started_at,
            files=run.written,
            failed=run.failed,
            outcome=run.outcome,
        )
        for run in found
    ]


@router.get("/photos/{photo_id}/history")
def get_history(request: Request, photo_id: PhotoId) -> list[WriteOut]:
    """Every write of keywords to a photo and its sidecar, the newest first."""
    with context_of(request).photo(photo_id) as (session, record):
        stories = ledger.history(session, record.id)
    return [
        WriteOut(
            run=story.write.run_id,
            command=story.command,
            written_at=story.write.written_at,
            target=story.write.target,
            path=shown_path(story.write.path),
            size_before=None if story.write.before.hash is None else story.write.before.size,
            size_after=None if story.write.after.hash is None else story.write.after.size,
            added=[(one.field, one.keyword) for one in story.added],
            removed=[(one.field, one.keyword) for one in story.ended],
            reason=story.write.reason,
        )
        for story in stories
    ]
