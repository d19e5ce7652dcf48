"""Writing the keywords of queued photos: the loop over the second kind of job.

The changes to a photo's files are drafted in memory, several photos at a time; `tagger.keywords.journal` makes them.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tagger.core.paths import shown_path
from tagger.core.photo import JobKind
from tagger.core.progress import Callbacks
from tagger.keywords.batches import THREADS, batches
from tagger.keywords.draft import Draft, draft_all
from tagger.keywords.from_labels import settings_digest
from tagger.keywords.journal import FileWriter, full_disk
from tagger.store import jobs, ledger
from tagger.store.jobs import Job, JobFilter
from tagger.store.leases import Heartbeat
from tagger.store.ledger import SIDECAR, Entry
from tagger.store.photos import change_photos

# Batches that are written at the same time.
_AT_ONCE = 2
_CLAIM = 512
_LATER_SECONDS = 30


@dataclass(slots=True)
class Written:
    """The result of writing keywords. `run`: by which it can be taken back; None if nothing was due.

    `photos` counts those that are done; `files` those that were written.
    `added`, `removed`: keywords by field; `declined`: why photos got a sidecar instead, with counts; `stale`: photos
    that changed since they were labelled; `later`: photos that changed or went away meanwhile; `followed`: sidecars
    taken away from where their photo was before; `listing`: for a dry run, each file with the keywords it would get and
    lose.
    """

    total: int = 0
    run: int | None = None
    photos: int = 0
    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    stale: int = 0
    failed: int = 0
    later: int = 0
    sidecars: int = 0
    followed: int = 0
    added: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    listing: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> int:
        """Photos that this run is done with."""
        return self.photos + self.failed + self.stale + self.later

    def preview(self, path: str, draft: Draft) -> None:
        """Count the changes of a draft that is not carried out, and list its files."""
        if draft.stale is not None or draft.gone:
            self.stale += draft.stale is not None
            self.later += draft.gone
        elif draft.work.failed:
            self.failed += 1
            self.failures.append((path, draft.work.failed))
        else:
            self.photos += 1
            self.unchanged += not draft.work.changes
            self.count(draft)
            for change, plan in draft.plans:
                self.files += 1
                self.bytes += change.after.size
                add = tuple(f"{name.value}: {text}" for name, fields in plan.changes.items() for text in fields.add)
                gone = tuple(f"{name.value}: {text}" for name, fields in plan.changes.items() for text in fields.remove)
                self.listing.append((shown_path(change.path), add, gone))

    def count(self, draft: Draft) -> None:
        """Count a draft's changes."""
        for change, plan in draft.plans:
            for name, fields in plan.changes.items():
                self.added.update([name.value] * len(fields.add))
                self.removed.update([name.value] * len(fields.remove))
            self.sidecars += change.target == SIDECAR
        self.declined.update([draft.declined] if draft.declined else [])
        self.notes.update(draft.notes)


def write_queued(
    writer: FileWriter,
    owner: str,
    written: Written,
    callbacks: Callbacks,
    up_to: Callable[[], int],
) -> None:
    """Write the keywords of queued photos until none is due or `callbacks.stop()`. Counts in `written`.

    `up_to`: the priority of the last jobs to take now. Caller must hold the write lock. Claimed jobs are released on
    every way out. Raises StoreError if a disk is full.
    """
    store, clock = writer.library.store, writer.library.clock
    with ThreadPoolExecutor(THREADS, "keywords") as pool, ThreadPoolExecutor(_AT_ONCE + 1) as workers:
        while not callbacks.stop():
            # It begins with the leases.
            heartbeat = Heartbeat(writer.library, owner)
            with store.write() as session:
                which = JobFilter(JobKind.KEYWORDS, writer.library.here(), up_to())
                claimed = jobs.claim(session, which, owner, _CLAIM, clock.now())
            if not claimed:
                return
            ids = [job.job_id for job in claimed]
            left = set(ids)
            writing: deque[tuple[Future[None], list[Job]]] = deque()
            try:
                for part in batches(claimed):
                    # While some batches are written (which is mostly waiting), the next one is drafted.
                    if callbacks.stop():
                        break
                    drafts = heartbeat.wait(workers.submit(draft_all, writer, part, pool), ids)
                    if len(writing) == _AT_ONCE:
                        left -= _finished(writing, heartbeat, ids)
                        callbacks.on_progress(written.done, written.total)
                    writing.append((workers.submit(_write_part, writer, part, drafts, written, pool), part))
                while writing:
                    left -= _finished(writing, heartbeat, ids)
                    callbacks.on_progress(written.done, written.total)
            finally:
                wait(future for future, _ in writing)
                if left:
                    with store.write() as session:
                        jobs.release(session, list(left), owner)


def _finished(writing: deque[tuple[Future[None], list[Job]]], heartbeat: Heartbeat, claimed: list[int]) -> set[int]:
    """Wait for the oldest batch to be written; returns its jobs, which need no release."""
    future, part = writing[0]
    heartbeat.wait(future, claimed)
    writing.popleft()
    return {job.job_id for job in part}


def _write_part(
    writer: FileWriter, part: Sequence[Job], drafts: Sequence[Draft], written: Written, pool: ThreadPoolExecutor
) -> None:
    store, clock = writer.library.store, writer.library.clock
    writer.write_batch([draft.work for draft in drafts], pool)
    full = ""
    settled: list[int] = []
    complete: list[int] = []
    learned: dict[tuple[int, str], tuple[Sequence[Entry], None]] = {}
    # One writer at a time, so that the counts are right.
    with store.write() as session, written.lock:
        for job, draft in zip(part, drafts, strict=True):
            work = draft.work
            if draft.gone:
                # The next scan finds out where it went; its keywords are queued again when it is labelled.
                complete.append(job.job_id)
                written.later += 1
            elif draft.stale is not None:
                complete.append(job.job_id)
                change_photos(session, [(job.photo_id, draft.stale)], clock.now(), 0.0)
                written.stale += 1
            elif work.failed:
                jobs.fail(session, job.job_id, work.failed)
                written.failed += 1
                written.failures.append((str(job.path), work.failed))
            elif work.full or work.changed:
                jobs.postpone(session, job.job_id, 0 if work.full else int(clock.now()) + _LATER_SECONDS)
                written.later += not work.full
                full = full or work.full
            else:
                learned |= {(job.photo_id, target): (after, None) for target, after in draft.settled.items()}
                settled.append(job.photo_id)
                complete.append(job.job_id)
                written.photos += 1
                written.unchanged += not work.changes
                written.files += work.written
                written.bytes += work.bytes
                written.count(draft)
        ledger.settle(session, learned)
        for draft in drafts:
            if draft.found is not None and draft.work.photo_id in settled:
                ledger.sidecar_found(session, writer.run_id, draft.found, clock.now())
        # A photo that was moved while its sidecar was written left it behind: the next round has it follow.
        now_at = {job.photo_id: job.path for job in jobs.as_jobs(session, settled, missing_too=True)}
        moved = {job.photo_id for job in part if now_at.get(job.photo_id, job.path) != job.path}
        here = [number for number in settled if number not in moved]
        ledger.mark_settled(session, here, settings_digest(writer.library.settings))
        ledger.mark_settled(session, sorted(moved.intersection(settled)), None)
        jobs.complete(session, *complete)
    if full:
        raise full_disk(full)
