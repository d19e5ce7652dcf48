"""Writing keywords and taking them back as a whole: what `tagger write`, `tagger undo` and the backfill do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.photo import JobKind
from tagger.keywords.draft import draft_all
from tagger.keywords.journal import THREADS, FileWriter, batches, recover, settings_digest
from tagger.keywords.undo import Choice, Undone, undo
from tagger.keywords.write import Written, write_queued
from tagger.search.find import photos_of
from tagger.store import jobs, ledger, runs
from tagger.store.library import Library
from tagger.store.lock import WRITE_LOCK, work_lock, worker_name
from tagger.store.session import Store, open_store


def write_keywords(
    settings: Settings,
    query: str,
    report: Callable[[Written], None],
    stop: Callable[[], bool],
    *,
    again: bool = False,
    clock: Clock | None = None,
) -> Written:
    """Write keywords: to the photos that a query finds; without one, to all whose keywords are not settled.

    `again`: without a query, look at every photo. Raises BusyError, StoreError, UsageError, QueryError.
    """
    _refuse_off(settings)
    clock = clock or SystemClock()
    chosen = photos_of(settings, query) if query else None
    with open_store(settings) as store, work_lock(settings.data_dir, "write", WRITE_LOCK):
        with store.write() as session:
            jobs.enqueue(session, _to_write(store, settings, chosen, again), jobs.PRIORITY_NEW, kind=JobKind.KEYWORDS)
        return write_due(store, settings, clock, report, stop)


def write_due(
    store: Store,
    settings: Settings,
    clock: Clock,
    report: Callable[[Written], None],
    stop: Callable[[], bool],
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE,
) -> Written:
    """Write the keywords that are queued, as a run of its own. Only for who holds the write lock."""
    owner = worker_name(settings.data_dir)
    recover(FileWriter(store, settings, clock, 0), owner)
    with store.read() as session:
        counts = jobs.counts(session, kind=JobKind.KEYWORDS)
    progress = Written(total=counts.queued)
    if not progress.total:
        return progress
    with runs.recorded(Library(store, settings, clock), runs.WRITE, stop) as run:
        writer = FileWriter(store, settings, clock, run.id)
        write_queued(writer, owner, progress, stop=stop, report=report, up_to=up_to)
        with store.write() as session:
            runs.count_run(session, run.id, failed=progress.failed)
    return progress


def preview_write(
    settings: Settings,
    query: str,
    report: Callable[[Written], None],
    stop: Callable[[], bool],
    *,
    again: bool = False,
    clock: Clock | None = None,
) -> Written:
    """What `write_keywords` would do, file by file; nothing is written. Raises StoreError, UsageError, QueryError."""
    _refuse_off(settings)
    chosen = photos_of(settings, query) if query else None
    progress = Written()
    with open_store(settings) as store, ThreadPoolExecutor(THREADS, "keywords") as pool:
        writer = FileWriter(store, settings, clock or SystemClock(), 0)
        ids = _to_write(store, settings, chosen, again, queued_too=True)
        progress.total = len(ids)
        for page in jobs.chunks(ids):
            with store.read() as session:
                photos = jobs.as_jobs(session, page)
            for part in batches(photos):
                if stop():
                    return progress
                for job, draft in zip(part, draft_all(writer, part, pool), strict=True):
                    progress.preview(str(job.path), draft)
                report(progress)
    return progress


def undo_keywords(
    settings: Settings,
    choice: Choice,
    report: Callable[[Undone], None],
    stop: Callable[[], bool],
    *,
    dry_run: bool = False,
    clock: Clock | None = None,
) -> Undone:
    """Take keywords back. Raises BusyError, StoreError, UsageError."""
    clock = clock or SystemClock()
    progress = Undone()
    with open_store(settings) as store:
        if choice.run_id is not None:
            _refuse_unknown_run(store, choice.run_id)
        if dry_run:
            undo(FileWriter(store, settings, clock, 0), choice, progress, dry_run=True, stop=stop, report=report)
            return progress
        with work_lock(settings.data_dir, "undo", WRITE_LOCK):
            recover(FileWriter(store, settings, clock, 0), worker_name(settings.data_dir))
            with runs.recorded(Library(store, settings, clock), runs.UNDO, stop) as run:
                writer = FileWriter(store, settings, clock, run.id)
                undo(writer, choice, progress, dry_run=False, stop=stop, report=report)
    return progress


def _to_write(
    store: Store, settings: Settings, chosen: Sequence[int] | None, again: bool, *, queued_too: bool = False
) -> list[int]:
    with store.read() as session:
        labelled = ledger.labelled_photos(session) if again or chosen is not None else []
        if chosen is not None:
            wanted = frozenset(chosen)
            return [photo_id for photo_id in labelled if photo_id in wanted]
        if again:
            return labelled
        return ledger.unsettled(session, settings_digest(settings.keywords), queued_too=queued_too)


def _refuse_off(settings: Settings) -> None:
    if settings.keywords.mode == "off":
        raise UsageError(
            "Writing keywords is off.",
            'Set mode = "sidecar" or "embed" in [keywords] of the config file, or try: tagger write --dry-run '
            "--mode sidecar",
        )


def _refuse_unknown_run(store: Store, run_id: int) -> None:
    with store.read() as session:
        known = {run.id: run for run in runs.last_runs(session, 10_000) if run.written}
    if run_id not in known:
        near = ", ".join(str(number) for number in sorted(known, reverse=True)[:5]) or "none"
        raise UsageError(f"No run {run_id} wrote keywords.", f"The last that did: {near}. See: tagger history PHOTO")
