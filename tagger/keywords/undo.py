"""Taking back what tagger wrote: the old bytes where nobody edited the file since, else exactly tagger's keywords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tagger.core.photo import JobKind
from tagger.core.progress import SILENT, Callbacks
from tagger.keywords.batches import THREADS, batches
from tagger.keywords.from_labels import settings_digest
from tagger.keywords.journal import FileWriter, full_disk
from tagger.keywords.undo_candidates import UndoChoice, on_this_machine, undo_candidates
from tagger.keywords.undo_draft import UndoDraft, draft_undo
from tagger.store import jobs, ledger
from tagger.store.jobs import Job


@dataclass(slots=True)
class Undone:
    """The result of taking keywords back. `exact`: files restored byte for byte; `absent`: photos without a file.

    `removed`: keywords with counts; `listing`: each file with the keywords removed and whether it is exact.
    """

    total: int = 0
    done: int = 0
    files: int = 0
    exact: int = 0
    bytes: int = 0
    absent: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    listing: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)

    def count(self, draft: UndoDraft) -> None:
        """Count a photo's files."""
        for change, removed, exact in draft.files:
            self.files += 1
            self.exact += exact
            self.bytes += change.after.size
            self.removed.update(removed)
            self.listing.append((change.path, removed, exact))


def undo(writer: FileWriter, choice: UndoChoice, callbacks: Callbacks = SILENT, *, dry_run: bool) -> Undone:
    """Take keywords back; with `dry_run` only work out what would be done.

    Caller must hold the write lock, unless `dry_run`. Raises StoreError if a disk is full.
    """
    library = writer.library
    undone = Undone()
    candidates = undo_candidates(library, choice)
    ids = on_this_machine(library, candidates)
    undone.total, undone.absent = len(ids), len(candidates) - len(ids)
    with ThreadPoolExecutor(THREADS, "undo") as pool:
        for page in jobs.chunks(ids):
            with library.store.read() as session:
                photos = jobs.as_jobs(session, page, missing_too=True)
            for part in batches(photos):
                if callbacks.stop():
                    return undone
                drafts = draft_undo(writer, choice, part, pool)
                if not dry_run:
                    writer.write_batch([draft.work for draft in drafts], pool)
                _record(writer, part, drafts, undone, dry_run=dry_run)
                callbacks.on_progress(undone.done, undone.total)
    return undone


def _record(
    writer: FileWriter, part: Sequence[Job], drafts: Sequence[UndoDraft], undone: Undone, *, dry_run: bool
) -> None:
    """Count the results of a batch and, unless `dry_run`, store them."""
    store = writer.library.store
    digest = settings_digest(writer.library.settings)
    full = ""
    with store.read() if dry_run else store.write() as session:
        for job, draft in zip(part, drafts, strict=True):
            work = draft.work
            undone.done += 1
            undone.absent += draft.absent
            full = full or work.full
            if work.changed and not work.failed:
                work.failed = "Somebody changed it at this moment; run the command again."
            if work.failed:
                undone.failures.append((str(job.path), work.failed))
            elif not work.full:
                undone.count(draft)
                if not dry_run:
                    ledger.settle(session, {(job.photo_id, t): (after, None) for t, after in draft.settled.items()})
                    jobs.drop_queued(session, [job.photo_id], JobKind.KEYWORDS)
                    # Otherwise the service would write them again at once.
                    ledger.mark_settled(session, [job.photo_id], digest)
    if full:
        raise full_disk(full)
