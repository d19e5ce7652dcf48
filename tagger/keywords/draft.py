"""What writing keywords would change in each photo, worked out before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tagger.core.paths import shown_path
from tagger.core.photo import Fingerprint, Label
from tagger.keywords import replace_file
from tagger.keywords.from_labels import Keyword, keywords_for
from tagger.keywords.journal import (
    FileChange,
    FileWriter,
    PhotoWrites,
    RealPaths,
    entries_from,
    file_change,
    owned_from,
)
from tagger.keywords.metadata import sidecar, xmp
from tagger.keywords.metadata.fields import Field, asked_for
from tagger.keywords.metadata.formats import NOT_WRITABLE, is_writable, open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError, FieldError, Found, MetadataFile
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.plan import Owned, Plan, owned, plan_write
from tagger.keywords.read import read_photo
from tagger.keywords.replace_file import ChangedError, UnwritableError
from tagger.labels import taxonomy
from tagger.store import ledger
from tagger.store.jobs import Job
from tagger.store.labels import labels_of
from tagger.store.ledger import PHOTO, SIDECAR, Entry
from tagger.store.photos import stored_fingerprint
from tagger.store.roots import all_roots


@dataclass(slots=True)
class Draft:
    """What one photo needs. `stale`: its file is not the one that was labelled; then its state now."""

    work: PhotoWrites
    plans: list[tuple[FileChange, Plan]] = field(default_factory=list)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    declined: str = ""
    notes: tuple[str, ...] = ()
    stale: Fingerprint | None = None
    gone: bool = False

    def add(self, target: str, plan: Plan, before: Sequence[Entry], change: FileChange | None) -> None:
        """Add a file's plan; without a change only the ledger may have something to learn."""
        self.notes += plan.notes
        if change is not None:
            self.plans.append((change, plan))
            self.work.changes.append(change)
            return
        after = _entries(plan)
        if set(after) != set(before):
            self.settled[target] = after


def draft_all(writer: FileWriter, part: Sequence[Job], pool: ThreadPoolExecutor) -> list[Draft]:
    """What some photos need, several drafted at a time; changes nothing."""
    ids = [job.photo_id for job in part]
    with writer.store.read() as session:
        labels = labels_of(session, ids)
        known = ledger.entries_of(session, ids)
        real_paths = RealPaths([root.path for root in all_roots(session)])
    return list(pool.map(lambda job: _draft(writer, job, labels[job.photo_id], known, real_paths), part))


def _draft(
    writer: FileWriter,
    job: Job,
    labels: Sequence[Label],
    known: Mapping[tuple[int, str], list[Entry]],
    real_paths: RealPaths,
) -> Draft:
    settings = writer.settings.keywords
    work = PhotoWrites(job.photo_id, job.path.root, [])
    draft = Draft(work)
    path = job.path.absolute
    drafting = _Drafting(
        writer,
        keywords_for(labels, settings, taxonomy.load()),
        asked_for(settings.targets),
        {target: known.get((job.photo_id, target), []) for target in (PHOTO, SIDECAR)},
        draft,
    )
    try:
        status = os.stat(path)
        now = writer.fingerprint(job.path.root, status)
        if not stored_fingerprint(now).matches(job.fingerprint) or job.content_hash is None:
            draft.stale = now
            return draft
        embed = settings.mode == "embed"
        if embed:
            try:
                drafting.embed(real_paths(path), job)
            except DeclinedError as error:
                draft.declined = str(error)
        place, exists = sidecar.sidecar_path(path, settings)
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

    writer: FileWriter
    wanted: Sequence[Keyword]
    asked: frozenset[Field]
    known: Mapping[str, list[Entry]]
    draft: Draft

    def embed(self, path: str | None, job: Job) -> None:
        """Into the photo. Raises DeclinedError, ChangedError, OSError."""
        settings = self.writer.settings
        if path is None:
            raise DeclinedError("it is a link to a file outside the library")
        try:
            content = replace_file.read(path, settings.limits.file_mb << 20, only_if=is_writable, lent=True)
        except UnwritableError as error:
            raise DeclinedError(str(error)) from error
        if not is_writable(content.data):
            raise DeclinedError(NOT_WRITABLE)
        if content.status.st_nlink > 1 and not settings.keywords.hard_links:
            raise DeclinedError("it has several names (hard links), which would come apart")
        if job.fingerprint.ctime_ns is None and content.hash != job.content_hash:
            # Where nothing but size and time tells, the bytes decide whether it is what was labelled.
            raise ChangedError
        plan, splices = self._embedding(open_metadata(content.data))
        change = None
        if splices:
            known = job.content_hash
            change = file_change(
                PHOTO, path, content, splices, content.status, _entries(plan), known_hash=known, old_hash=known
            )
        self.draft.add(PHOTO, plan, self.known[PHOTO], change)

    def _embedding(self, photo: MetadataFile) -> tuple[Plan, Sequence[Splice]]:
        found = photo.found
        while True:
            plan = self._plan(PHOTO, found, {})
            try:
                return plan, photo.splices(plan) or () if plan else ()
            except FieldError as error:
                found = found.closing(error)

    def beside(self, photo: str, place: str, status: os.stat_result) -> None:
        """Into the sidecar. Raises UnwritableError, ChangedError, OSError."""
        content = None
        try:
            content = replace_file.read(place, self.writer.settings.limits.file_mb << 20)
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
                    change = file_change(SIDECAR, place, content, splices, status, _entries(plan), reason=reason)
        except xmp.XmpError as error:
            raise UnwritableError(f"its sidecar {shown_path(place)} is left alone, because {error}") from error
        self.draft.add(SIDECAR, plan, self.known[SIDECAR], change)

    def _around(self, photo: str) -> Mapping[Field, Sequence[str]]:
        """A person's keywords inside the photo, which a new field in a sidecar would hide."""
        found = read_photo(photo, self.writer.settings.limits.file_mb << 20)
        return {} if found is None else found.persons_keywords()

    def _plan(self, target: str, found: Found, around: Mapping[Field, Sequence[str]]) -> Plan:
        mine = owned_from(self.known[target])
        owns = {
            name: owned(state, found.mark.get(name, Owned()), mine.get(name, Owned()))
            for name, state in found.states.items()
        }
        return plan_write(found.states, owns, self.wanted, self.asked, around)


def _entries(plan: Plan) -> list[Entry]:
    return entries_from({name: fields.after for name, fields in plan.changes.items()})
