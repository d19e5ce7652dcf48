"""Keywords in files: from a photo's labels to what its file or sidecar should hold, and writing that.

`write_queued` is the loop over the second kind of job. What a photo needs is drafted in memory, several photos at a
time; `tagger.filewrites` carries it out.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from tagger.core.formats import JPEG_START
from tagger.core.paths import shown_path
from tagger.core.photo import Fingerprint, Label
from tagger.filewrites import THREADS, Change, Files, RealPaths, Work, change_of, digest, entries, full_disk, own, parts
from tagger.keywords import sidecar, write, xmp
from tagger.keywords.choose import Keyword, keywords_for
from tagger.keywords.embed import DeclinedError, FieldError, Found, Photo
from tagger.keywords.fields import Field, asked_for
from tagger.keywords.patch import Splice
from tagger.keywords.plan import Own, Plan, owned, plan_write
from tagger.keywords.sidecar import Sidecar
from tagger.keywords.write import ChangedError, UnwritableError
from tagger.labels import taxonomy
from tagger.store import jobs, ledger
from tagger.store.jobs import Job
from tagger.store.labels import labels_of
from tagger.store.ledger import PHOTO, SIDECAR, Entry
from tagger.store.photos import change_photos, stored_fingerprint
from tagger.store.roots import all_roots

# So many parts are written at the same time.
_AT_ONCE = 2
_CLAIM = 512
# Enough for the metadata of nearly every JPEG.
_HEAD_BYTES = 256 << 10
_LATER_SECONDS = 30


@dataclass(slots=True)
class Written:
    """What writing keywords came to. `photos` counts those that are done; `files` those that were written.

    `declined`: why photos got a sidecar instead, with counts; `fields`: keywords added and removed, by field;
    `stale`: photos that changed since they were labelled; `listing`: for a dry run, each file with what it would get.
    """

    total: int = 0
    photos: int = 0
    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    stale: int = 0
    failed: int = 0
    later: int = 0
    sidecars: int = 0
    added: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    listing: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> int:
        """Photos that need no more work in this run."""
        return self.photos + self.failed + self.stale + self.later

    def preview(self, path: str, draft: Draft) -> None:
        """Count what a draft would do, and list its files."""
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
        """Count what a draft changes."""
        for change, plan in draft.plans:
            for name, fields in plan.changes.items():
                self.added.update([name.value] * len(fields.add))
                self.removed.update([name.value] * len(fields.remove))
            self.sidecars += change.target == SIDECAR
        self.declined.update([draft.declined] if draft.declined else [])
        self.notes.update(draft.notes)


@dataclass(slots=True)
class Draft:
    """What one photo needs. `stale`: its file is not the one that was labelled; then its state now."""

    work: Work
    plans: list[tuple[Change, Plan]] = field(default_factory=list)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    declined: str = ""
    notes: tuple[str, ...] = ()
    stale: Fingerprint | None = None
    gone: bool = False

    def add(self, target: str, plan: Plan, before: Sequence[Entry], change: Change | None) -> None:
        """Add a file's plan; without a change only the ledger may have something to learn."""
        self.notes += plan.notes
        if change is not None:
            self.plans.append((change, plan))
            self.work.changes.append(change)
            return
        after = _entries(plan)
        if set(after) != set(before):
            self.settled[target] = after


def write_queued(
    files: Files,
    owner: str,
    progress: Written,
    *,
    stop: Callable[[], bool],
    report: Callable[[Written], None],
    up_to: Callable[[], int] = lambda: jobs.PRIORITY_STALE,
) -> None:
    """Write the keywords of queued photos until none is due or `stop()`. Raises StoreError when a disk is full.

    Only for who holds the write lock. Jobs that were claimed are given back on every way out.
    """
    with ThreadPoolExecutor(THREADS, "keywords") as pool, ThreadPoolExecutor(_AT_ONCE) as writers:
        while not stop():
            with files.store.write() as session:
                claimed = jobs.claim(
                    session, owner, _CLAIM, files.clock.now(), None, alone_too=True, up_to=up_to(), kind=jobs.KEYWORDS
                )
            if not claimed:
                return
            left = {job.job_id for job in claimed}
            writing: deque[tuple[Future[None], list[Job]]] = deque()
            try:
                for part in parts(claimed):
                    # While some parts are written (which is mostly waiting), the next one is drafted.
                    if stop():
                        break
                    drafts = draft_all(files, part, pool)
                    if len(writing) == _AT_ONCE:
                        left -= _finished(writing.popleft())
                        report(progress)
                    writing.append((writers.submit(_write_part, files, part, drafts, progress, pool), part))
                while writing:
                    left -= _finished(writing.popleft())
                    report(progress)
            finally:
                wait(future for future, _ in writing)
                if left:
                    with files.store.write() as session:
                        jobs.release(session, list(left), owner)


def _finished(writing: tuple[Future[None], list[Job]]) -> set[int]:
    """Wait for a part to be written; the jobs that need not be given back."""
    future, part = writing
    future.result()
    return {job.job_id for job in part}


def _write_part(
    files: Files, part: Sequence[Job], drafts: Sequence[Draft], progress: Written, pool: ThreadPoolExecutor
) -> None:
    files.carry_out([draft.work for draft in drafts], pool)
    full = ""
    settled: list[int] = []
    complete: list[int] = []
    learned: dict[tuple[int, str], tuple[Sequence[Entry], None]] = {}
    # Writers take turns here, so that the counts are right.
    with files.store.write() as session, progress.lock:
        for job, draft in zip(part, drafts, strict=True):
            work = draft.work
            if draft.gone:
                # The scan decides what became of it; its keywords are queued again when it is labelled.
                complete.append(job.job_id)
                progress.later += 1
            elif draft.stale is not None:
                complete.append(job.job_id)
                change_photos(session, [(job.photo_id, draft.stale)], files.clock.now(), 0.0)
                progress.stale += 1
            elif work.failed:
                jobs.fail(session, job.job_id, work.failed)
                progress.failed += 1
                progress.failures.append((str(job.path), work.failed))
            elif work.full or work.changed:
                jobs.postpone(session, job.job_id, 0 if work.full else int(files.clock.now()) + _LATER_SECONDS)
                progress.later += not work.full
                full = full or work.full
            else:
                learned |= {(job.photo_id, target): (after, None) for target, after in draft.settled.items()}
                settled.append(job.photo_id)
                complete.append(job.job_id)
                progress.photos += 1
                progress.unchanged += not work.changes
                progress.files += work.written
                progress.bytes += work.bytes
                progress.count(draft)
        ledger.settle(session, learned)
        ledger.mark_settled(session, settled, digest(files.settings.keywords))
        jobs.complete(session, *complete)
    if full:
        raise full_disk(full)


def draft_all(files: Files, part: Sequence[Job], pool: ThreadPoolExecutor) -> list[Draft]:
    """What some photos need, several drafted at a time; changes nothing."""
    ids = [job.photo_id for job in part]
    with files.store.read() as session:
        labels = labels_of(session, ids)
        known = ledger.entries_of(session, ids)
        real_paths = RealPaths([root.path for root in all_roots(session)])
    return list(pool.map(lambda job: _draft(files, job, labels[job.photo_id], known, real_paths), part))


def _draft(
    files: Files,
    job: Job,
    labels: Sequence[Label],
    known: Mapping[tuple[int, str], list[Entry]],
    real_paths: RealPaths,
) -> Draft:
    settings = files.settings.keywords
    work = Work(job.photo_id, job.path.root, [])
    draft = Draft(work)
    path = job.path.absolute
    drafting = _Drafting(
        files,
        keywords_for(labels, settings, taxonomy.load()),
        asked_for(settings.targets),
        {target: known.get((job.photo_id, target), []) for target in (PHOTO, SIDECAR)},
        draft,
    )
    try:
        status = os.stat(path)  # noqa: PTH116 - a str with surrogates
        now = files.fingerprint(job.path.root, status)
        if not stored_fingerprint(now).matches(job.fingerprint) or job.content_hash is None:
            draft.stale = now
            return draft
        embed = settings.mode == "embed"
        if embed:
            try:
                drafting.embed(real_paths(path), job)
            except DeclinedError as error:
                draft.declined = str(error)
        place, exists = sidecar.place_of(path, settings)
        if not embed or draft.declined or exists:
            try:
                drafting.beside(path, place, status)
            except UnwritableError as error:
                if not embed or draft.declined:
                    raise
                # The photo itself can be written.
                draft.notes += (str(error),)
    except ChangedError:
        draft.stale = now
    except FileNotFoundError:
        draft.gone = True
    except UnwritableError as error:
        work.failed = f"{error}."
    except OSError as error:
        work.failed = f"{shown_path(error.filename or path)} could not be read: {error.strerror}."
    if draft.stale is not None or draft.gone or work.failed:
        # One file of two is not written.
        work.changes.clear()
    return draft


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Drafts the changes of one photo's files. `known`: what the ledger has, by target."""

    files: Files
    wanted: Sequence[Keyword]
    asked: frozenset[Field]
    known: Mapping[str, list[Entry]]
    draft: Draft

    def embed(self, path: str | None, job: Job) -> None:
        """Into the photo. Raises DeclinedError, ChangedError, OSError."""
        settings = self.files.settings
        if path is None:
            raise DeclinedError("it is a link to a file outside the library")
        try:
            content = write.read(path, settings.limits.file_mb << 20, begin=JPEG_START, lent=True)
        except UnwritableError as error:
            raise DeclinedError(str(error)) from error
        if content.data[: len(JPEG_START)] != JPEG_START:
            raise DeclinedError("only JPEG files are written into")
        if content.status.st_nlink > 1 and not settings.keywords.hard_links:
            raise DeclinedError("it has several names (hard links), which would come apart")
        if job.fingerprint.ctime_ns is None and content.hash != job.content_hash:
            # Where nothing but size and time tells, the bytes decide whether it is what was labelled.
            raise ChangedError
        photo = Photo(content.data)
        plan, splices = self._embedding(photo)
        change = None
        if splices:
            known = job.content_hash
            change = change_of(
                PHOTO, path, content, splices, content.status, _entries(plan), known_hash=known, old_hash=known
            )
        self.draft.add(PHOTO, plan, self.known[PHOTO], change)

    def _embedding(self, photo: Photo) -> tuple[Plan, list[Splice]]:
        while True:
            plan = self._plan(PHOTO, photo.found, {})
            try:
                return plan, photo.splices(plan) if plan else []
            except FieldError as error:
                photo.without(error)

    def beside(self, photo: str, place: str, status: os.stat_result) -> None:
        """Into the sidecar. Raises UnwritableError, ChangedError, OSError."""
        content = None
        try:
            content = write.read(place, self.files.settings.limits.file_mb << 20)
        except FileNotFoundError:
            if not self.wanted and not self.known[SIDECAR]:
                return
        try:
            old = Sidecar.parse(None if content is None else bytes(content.data))
            missing = any(name in self.asked and not state.exists for name, state in old.found.states.items())
            around = self._around(photo) if missing and self.wanted else {}
            plan = self._plan(SIDECAR, old.found, around)
            change = None
            if plan:
                splices = old.splices(plan)
                if splices is not None or content is not None:
                    reason = self.draft.declined or None
                    change = change_of(SIDECAR, place, content, splices, status, _entries(plan), reason=reason)
        except xmp.XmpError as error:
            raise UnwritableError(f"its sidecar {shown_path(place)} is left alone, because {error}") from error
        self.draft.add(SIDECAR, plan, self.known[SIDECAR], change)

    def _around(self, photo: str) -> Mapping[Field, Sequence[str]]:
        """A person's keywords inside the photo, which a new field in a sidecar would hide."""
        limit = self.files.settings.limits.file_mb << 20
        for size in (_HEAD_BYTES, None):
            content = write.read(os.path.realpath(photo), limit, size)
            if content.data[: len(JPEG_START)] != JPEG_START:
                break
            try:
                return sidecar.persons_keywords(Photo(content.data).found)
            except DeclinedError:
                continue
        return sidecar.embedded_keywords(bytes(write.read(os.path.realpath(photo), limit).data))

    def _plan(self, target: str, found: Found, around: Mapping[Field, Sequence[str]]) -> Plan:
        mine = own(self.known[target])
        owns = {
            name: owned(state, found.mark.get(name, Own()), mine.get(name, Own()))
            for name, state in found.states.items()
        }
        return plan_write(found.states, owns, self.wanted, self.asked, around)


def _entries(plan: Plan) -> list[Entry]:
    return entries({name: fields.after for name, fields in plan.changes.items()})
