"""Writing keywords and taking them back as a whole: what `tagger write`, `tagger undo` and the service do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.paths import is_object
from tagger.core.photo import JobKind
from tagger.core.progress import SILENT, Callbacks
from tagger.keywords.batches import THREADS, batches
from tagger.keywords.draft import draft_all
from tagger.keywords.from_labels import settings_digest
from tagger.keywords.journal import FileWriter, recover_pending
from tagger.keywords.strays import photos_with_strays, preview_strays, take_strays_back, unsettle_strays
from tagger.keywords.undo import Undone, undo
from tagger.keywords.undo_candidates import UndoChoice, on_this_machine
from tagger.keywords.write import Written, write_queued
from tagger.keywords.write_lock import write_lock
from tagger.search.find import photos_of
from tagger.store import jobs, ledger, runs
from tagger.store.library import Library, open_library
from tagger.store.photos import roots_of
from tagger.store.roots import all_roots
from tagger.store.session import Store
from tagger.system.filesystem import has_files

_ELSEWHERE = "not on this machine; they stay queued for the one that has them"


def write_keywords(  # noqa: PLR0913 - which photos may be said in several ways
    settings: Settings,
    query: str,
    callbacks: Callbacks = SILENT,
    *,
    photo_ids: Sequence[int] | None = None,
    again: bool = False,
    dry_run: bool = False,
) -> Written:
    """Write keywords: to the photos that a query finds; without one, to all whose keywords are not settled.

    `photo_ids`: to these. `again`: without a query, to every photo. `dry_run`: only work out,
    file by file, what would be written. Raises BusyError, StoreError, UsageError, QueryError.
    """
    if settings.keywords.mode == "off":
        raise UsageError(
            "Writing keywords is off.",
            'Set mode = "sidecar" or "embed" in [keywords] of the config file, or try: tagger write --dry-run '
            "--mode sidecar",
        )
    chosen = photos_of(settings, query) if query else photo_ids
    with open_library(settings) as library:
        if dry_run:
            ids = _to_write(library, chosen, again=again, queued_too=True)
            if chosen is None:
                ids = sorted({*ids, *photos_with_strays(library)})
            return _preview(library, ids, callbacks)
        roots = _roots_with_files(library, chosen)
        with write_lock(library, "write", roots, some_will_do=chosen is None) as (owner, library):
            if chosen is None:
                unsettle_strays(library)
            ids = _to_write(library, chosen, again=again)
            # Whoever names photos has these written, as the preview says, and none that wait besides.
            priority, up_to = (jobs.PRIORITY_NEW, jobs.PRIORITY_STALE) if chosen is None else (jobs.PRIORITY_ASKED,) * 2
            with library.store.write() as session:
                jobs.enqueue(session, ids, priority, kind=JobKind.KEYWORDS)
            written = Written()
            if chosen is not None and (elsewhere := len(ids) - len(on_this_machine(library, ids))):
                written.notes[_ELSEWHERE] = elsewhere
            return write_due(library, owner, written, callbacks, lambda: up_to)


def write_due(
    library: Library,
    owner: str,
    written: Written,
    callbacks: Callbacks = SILENT,
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE,
) -> Written:
    """Write the keywords that are queued, as a run; counts in `written` and returns it.

    `up_to`: the priority of the last jobs to take now. Caller must hold the write lock, as `owner`.
    """
    recover_pending(FileWriter(library), owner)
    now = library.clock.now()
    with library.store.read() as session:
        due = jobs.next_due(session, library.here(), up_to(), kind=JobKind.KEYWORDS, now=now)
        counts = jobs.counts(session, library.here(), kind=JobKind.KEYWORDS, up_to=up_to())
    written.total = counts.queued + counts.leased
    if due is None or due > now:
        return written
    with runs.recorded(library, runs.WRITE, callbacks.stop) as run:
        written.run = run.id
        writer = FileWriter(library, run.id)
        take_strays_back(writer, written, up_to())
        write_queued(writer, owner, written, callbacks, up_to)
    with library.store.write() as session:
        runs.count_run(session, run.id, failed=written.failed)
    return written


def _preview(library: Library, ids: Sequence[int], callbacks: Callbacks) -> Written:
    written = Written(total=len(ids))
    writer = FileWriter(library)
    preview_strays(writer, ids, written)
    with ThreadPoolExecutor(THREADS, "keywords") as pool:
        for page in jobs.chunks(ids):
            with library.store.read() as session:
                photos = jobs.as_jobs(session, page)
            for part in batches(photos):
                if callbacks.stop():
                    return written
                for job, draft in zip(part, draft_all(writer, part, pool), strict=True):
                    written.preview(str(job.path), draft)
                callbacks.on_progress(written.done, written.total)
    return written


def undo_keywords(
    settings: Settings, choice: UndoChoice, callbacks: Callbacks = SILENT, *, dry_run: bool = False
) -> Undone:
    """Take keywords back; with `dry_run` only work out what would be done. Raises BusyError, StoreError, UsageError."""
    with open_library(settings) as library:
        if choice.run_id is not None:
            _refuse_unknown_run(library.store, choice.run_id)
        if dry_run:
            return undo(FileWriter(library), choice, callbacks, dry_run=True)
        roots = _roots_with_files(library, choice.photo_ids)
        with write_lock(library, "undo", roots) as (owner, library):
            recover_pending(FileWriter(library), owner)
            with runs.recorded(library, runs.UNDO, callbacks.stop) as run:
                return undo(FileWriter(library, run.id), choice, callbacks, dry_run=False)


def _to_write(library: Library, chosen: Sequence[int] | None, *, again: bool, queued_too: bool = False) -> list[int]:
    with library.store.read() as session:
        if chosen is not None:
            wanted = frozenset(chosen)
            return [photo_id for photo_id in ledger.labelled_photos(session) if photo_id in wanted]
        if again:
            return ledger.labelled_photos(session)
        return ledger.unsettled(session, settings_digest(library.settings), queued_too=queued_too)


def _roots_with_files(library: Library, photo_ids: Sequence[int] | None) -> list[int]:
    """Those of the roots (of some photos) that are on this machine, as object storage is on every one."""
    with library.store.read() as session:
        wanted = None if photo_ids is None else roots_of(session, photo_ids)
        roots = all_roots(session)
    return [
        root.id
        for root in roots
        if (wanted is None or root.id in wanted) and (is_object(root.path) or has_files(root.path))
    ]


def _refuse_unknown_run(store: Store, run_id: int) -> None:
    with store.read() as session:
        known = {run.id: run for run in runs.last_runs(session, 10_000) if run.written}
    if run_id not in known:
        near = ", ".join(str(number) for number in sorted(known, reverse=True)[:5]) or "none"
        raise UsageError(f"No run {run_id} wrote keywords.", f"The last that did: {near}. See: tagger history PHOTO")
