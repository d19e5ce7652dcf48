"""What writing keywords would change in each photo, worked out before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tagger.core.os_words import why
from tagger.core.paths import is_object, shown_path
from tagger.core.photo import Fingerprint, Label
from tagger.core.sidecar_names import sidecar_path
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.xmp_parse import XmpError
from tagger.keywords.file_change import FileChange, PhotoWrites, TargetFile, file_change
from tagger.keywords.file_content import ChangedError, UnwritableError, read_content, read_sidecar
from tagger.keywords.from_labels import Keyword, keyword_languages, keywords_for
from tagger.keywords.journal import FileWriter
from tagger.keywords.ledger_entries import entries_from, owned_from
from tagger.keywords.metadata.fields import asked_for
from tagger.keywords.metadata.formats import NOT_WRITABLE, is_writable, open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError, FieldError, Found, MetadataFile
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.metadata.splices import Splice, reverse
from tagger.keywords.plan import Plan, plan_write
from tagger.keywords.read import read_photo
from tagger.keywords.real_paths import RealPaths
from tagger.labels import taxonomy
from tagger.store import ledger
from tagger.store.jobs import Job
from tagger.store.labels import labels_of
from tagger.store.ledger import PHOTO, SIDECAR, Entry, FileState, Planned
from tagger.store.photos import stored_fingerprint
from tagger.store.roots import all_roots


@dataclass(slots=True)
class Draft:
    """The changes to one photo's files, before they are made.

    `plans`: the changes to files, with the plans they carry out. `settled`: entries that only the ledger lacks, by
    target. `found`: a sidecar with keywords of tagger's that the ledger does not know. `declined`: why keywords go
    beside the photo instead of into it. `stale`: the file's state, if it is not the one that was labelled. `gone`:
    there is no file.
    """

    work: PhotoWrites
    plans: list[tuple[FileChange, Plan]] = field(default_factory=list)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    found: Planned | None = None
    declined: str = ""
    notes: tuple[str, ...] = ()
    stale: Fingerprint | None = None
    gone: bool = False

    def add(self, target: str, plan: Plan, before: Sequence[Entry], change: FileChange | None) -> None:
        """Add a file's plan. `before`: the ledger's entries for the file. Without a change only these may differ."""
        self.notes += plan.notes
        if change is not None:
            self.plans.append((change, plan))
            self.work.changes.append(change)
            return
        after = _entries(plan)
        if set(after) != set(before):
            self.settled[target] = after


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows of a photo: its entries, by target, and where its sidecar is."""

    entries: Mapping[str, list[Entry]]
    place: str | None


def draft_all(writer: FileWriter, part: Sequence[Job], pool: ThreadPoolExecutor) -> list[Draft]:
    """Draft some photos, several at a time; changes nothing."""
    ids = [job.photo_id for job in part]
    with writer.library.store.read() as session:
        labels = labels_of(session, ids)
        known = ledger.entries_of(session, ids)
        places = {place.photo_id: place.path for place in ledger.sidecar_places(session, ids)}
        real_paths = RealPaths([root.path for root in all_roots(session)])

    def draft(job: Job) -> Draft:
        entries = {target: known.get((job.photo_id, target), []) for target in (PHOTO, SIDECAR)}
        return _draft(writer, job, labels[job.photo_id], _Known(entries, places.get(job.photo_id)), real_paths)

    return list(pool.map(draft, part))


def _draft(
    writer: FileWriter,
    job: Job,
    labels: Sequence[Label],
    known: _Known,
    real_paths: RealPaths,
) -> Draft:
    settings = writer.library.settings.keywords
    work = PhotoWrites(job.photo_id, job.path.root, [])
    draft = Draft(work)
    path = job.path.absolute
    if is_object(path):
        work.failed = f"{shown_path(path)} is in object storage, where nothing is written."
        return draft
    try:
        status = os.stat(path)
        now = writer.fingerprint(path, status)
        if not stored_fingerprint(now).matches(job.fingerprint) or job.content_hash is None:
            draft.stale = now
            return draft
        languages = keyword_languages(writer.library.settings)
        wanted = keywords_for(labels, settings, taxonomy.load(), languages)
        drafting = _Drafting(
            writer, job, status, wanted, asked_for(settings.targets), known.entries, draft, known.place
        )
        embed = settings.mode == "embed"
        if embed:
            try:
                drafting.embed(real_paths(path))
            except DeclinedError as error:
                draft.declined = str(error)
        place, exists = sidecar_path(path, settings)
        if not embed or draft.declined or exists:
            try:
                drafting.beside(place)
            except UnwritableError as error:
                if not embed or draft.declined:
                    raise
                # The photo itself can be written.
                draft.notes += (str(error),)
        elif known.entries[SIDECAR]:
            # It was deleted, and the photo needs none.
            draft.settled[SIDECAR] = []
    except ChangedError:
        draft.stale = now
    except FileNotFoundError:
        draft.gone = True
    except UnwritableError as error:
        work.failed = f"{error}."
    except OSError as error:
        work.failed = f"{shown_path(error.filename or path)} could not be read: {why(error)}."
    if draft.stale is not None or draft.gone or work.failed:
        # Never write one file of two.
        work.changes.clear()
    return draft


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Drafts the changes to one photo's files.

    `status`: the photo's. `known`: the ledger's entries, by target. `place`: where it knows the sidecar to be.
    """

    writer: FileWriter
    job: Job
    status: os.stat_result
    wanted: Sequence[Keyword]
    asked: frozenset[Field]
    known: Mapping[str, list[Entry]]
    draft: Draft
    place: str | None

    @property
    def max_bytes(self) -> int:
        return self.writer.library.settings.limits.file_mb << 20

    def embed(self, path: str | None) -> None:
        """Draft the photo's own file; `path` None: it is outside the library.

        Raises DeclinedError, ChangedError, OSError.
        """
        if path is None:
            raise DeclinedError("it is a link to a file outside the library")
        try:
            content = read_content(path, self.max_bytes, only_if=is_writable, lent=True)
        except UnwritableError as error:
            raise DeclinedError(str(error)) from error
        if not is_writable(content.data):
            raise DeclinedError(NOT_WRITABLE)
        if content.status.st_nlink > 1 and not self.writer.library.settings.keywords.hard_links:
            raise DeclinedError("it has several names (hard links), which would come apart")
        if self.job.fingerprint.ctime_ns is None and content.hash != self.job.content_hash:
            # Where a fingerprint is only size and time, the bytes decide whether it is the file that was labelled.
            raise ChangedError
        plan, splices = self._embedding(open_metadata(content.data))
        change = None
        if splices:
            labelled = replace(content, known_hash=self.job.content_hash)
            change = file_change(self._file(PHOTO, path), labelled, splices, _entries(plan))
        self.draft.add(PHOTO, plan, self.known[PHOTO], change)

    def _embedding(self, photo: MetadataFile) -> tuple[Plan, Sequence[Splice]]:
        found = photo.found
        while True:
            plan = self._plan(PHOTO, found, {})
            try:
                return plan, (photo.splices(plan) or ()) if plan else ()
            except FieldError as error:
                found = found.closing(error)

    def beside(self, path: str) -> None:
        """Draft the sidecar. Raises UnwritableError, ChangedError, OSError."""
        content = None
        try:
            content = read_sidecar(path, self.max_bytes)
        except FileNotFoundError:
            if not self.wanted and not self.known[SIDECAR]:
                return
        except UnwritableError as error:
            raise UnwritableError(f"its sidecar {shown_path(path)} is left alone, because {error}") from error
        try:
            old = Sidecar.parse(None if content is None else bytes(content.data))
            missing = any(name in self.asked and not state.exists for name, state in old.found.states.items())
            around = self._around() if missing and self.wanted else {}
            plan = self._plan(SIDECAR, old.found, around)
            change = None
            if plan:
                splices = old.splices(plan)
                if splices is not None or content is not None:
                    reason = self.draft.declined or None
                    change = file_change(self._file(SIDECAR, path), content, splices, _entries(plan), reason)
        except XmpError as error:
            raise UnwritableError(f"its sidecar {shown_path(path)} is left alone, because {error}") from error
        self.draft.add(SIDECAR, plan, self.known[SIDECAR], change)
        if change is None and content is not None and path != self.place:
            entries = _entries(plan)
            if any(entry.kind != ledger.REFUSED for entry in entries):
                status = content.status
                here = FileState(status.st_size, status.st_mtime_ns, content.hash)
                unchanged = reverse(b"", [])
                self.draft.found = Planned(self.job.photo_id, SIDECAR, path, "", here, here, unchanged, entries)

    def _file(self, target: str, path: str) -> TargetFile:
        return TargetFile(target, path, self.status, self.job.content_hash)

    def _around(self) -> Mapping[Field, Sequence[str]]:
        """A person's keywords inside the photo, which a new field in the sidecar would hide."""
        found = read_photo(self.job.path.absolute, self.max_bytes)
        return {} if found is None else found.persons_keywords()

    def _plan(self, target: str, found: Found, around: Mapping[Field, Sequence[str]]) -> Plan:
        owns = found.owned_with(owned_from(self.known[target]))
        return plan_write(found.states, owns, self.wanted, self.asked, around)


def _entries(plan: Plan) -> list[Entry]:
    return entries_from({name: fields.after for name, fields in plan.changes.items()})
