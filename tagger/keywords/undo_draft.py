"""What taking keywords back would change in each photo, worked out before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagger.core.os_words import why
from tagger.core.paths import shown_path
from tagger.core.sidecar_names import photos_of_sidecar, sidecar_path
from tagger.imaging.metadata.keyword_fields import Field
from tagger.imaging.metadata.mark import Owned
from tagger.imaging.metadata.xmp_parse import XmpError
from tagger.keywords.file_change import FileChange, PhotoWrites, TargetFile, file_change
from tagger.keywords.file_content import (
    ChangedError,
    Content,
    UnwritableError,
    hash_after,
    hash_at,
    read_content,
    read_sidecar,
)
from tagger.keywords.journal import FileWriter
from tagger.keywords.ledger_entries import entries_from, owned_from
from tagger.keywords.merge import comparison_key
from tagger.keywords.metadata import splices
from tagger.keywords.metadata.formats import is_writable, open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError, MetadataFile
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.plan import plan_undo
from tagger.keywords.real_paths import RealPaths
from tagger.keywords.undo_candidates import UndoChoice
from tagger.store import ledger
from tagger.store.jobs import Job
from tagger.store.ledger import PHOTO, SIDECAR, Entry, Write
from tagger.store.roots import all_roots
from tagger.system.filesystem import has_files


@dataclass(slots=True)
class UndoDraft:
    """The changes to one photo's files, before they are made.

    `files`: each change with the keywords that it removes, and whether it restores the old bytes exactly. `settled`:
    entries that only the ledger lacks, by target. `absent`: there is no file.
    """

    work: PhotoWrites
    files: list[tuple[FileChange, tuple[str, ...], bool]] = field(default_factory=list)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    absent: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of one photo's files. `of_run`: the entries that the chosen run added."""

    entries: Mapping[str, list[Entry]]
    of_run: frozenset[tuple[str, Entry]]
    writes: Sequence[Write]


def draft_undo(
    writer: FileWriter, choice: UndoChoice, part: Sequence[Job], pool: ThreadPoolExecutor
) -> list[UndoDraft]:
    """Draft some photos, several at a time; changes nothing."""
    with writer.library.store.read() as session:
        entries = ledger.entries_of(session, [job.photo_id for job in part])
        known = [
            _Known(
                {target: entries.get((job.photo_id, target), []) for target in (PHOTO, SIDECAR)},
                frozenset(ledger.of_run(session, job.photo_id, choice.run_id)) if choice.run_id else frozenset(),
                ledger.writes_of(session, job.photo_id),
            )
            for job in part
        ]
        real_paths = RealPaths([root.path for root in all_roots(session)])
    drafts = list(pool.map(lambda job, facts: _draft(writer, choice, job, facts, real_paths), part, known))
    _keep_one_a_file(drafts)
    return drafts


def _keep_one_a_file(drafts: Sequence[UndoDraft]) -> None:
    """Of several photos that claim a sidecar (one left it behind, another has its name now) one changes it."""
    exact = {change.path: draft for draft in drafts for change, _, exact in draft.files if exact}
    first: dict[str, UndoDraft] = {}
    for draft in drafts:
        for change, _, _ in draft.files:
            first.setdefault(change.path, draft)
    for draft in drafts:
        others = [file for file in draft.files if {**first, **exact}[file[0].path] is not draft]
        for file in others:
            draft.files.remove(file)
            draft.settled[file[0].target] = list(file[0].owned)
            if file[0] in draft.work.changes:
                draft.work.changes.remove(file[0])


def draft_stray(writer: FileWriter, job: Job, path: str) -> UndoDraft:
    """Draft taking everything of tagger's out of a sidecar that a photo left behind; changes nothing.

    What a person took out of it stays refused.
    """
    with writer.library.store.read() as session:
        entries = ledger.entries_of(session, [job.photo_id]).get((job.photo_id, SIDECAR), [])
        known = _Known({SIDECAR: entries}, frozenset(), ledger.writes_of(session, job.photo_id))
    draft = UndoDraft(PhotoWrites(job.photo_id, job.path.root, []))
    with _explained(draft, path):
        status = os.lstat(path)
        _Drafting(writer, UndoChoice(), job, status, known, draft, keep_refused=True).file(SIDECAR, path)
    return draft


def _draft(writer: FileWriter, choice: UndoChoice, job: Job, known: _Known, real_paths: RealPaths) -> UndoDraft:
    path = job.path.absolute
    draft = UndoDraft(PhotoWrites(job.photo_id, job.path.root, []))
    with _explained(draft, path):
        drafting = _Drafting(writer, choice, job, _status(path), known, draft)
        real = real_paths(path)
        if real is not None and drafting.status is not None:
            drafting.file(PHOTO, real)
        sidecars = list(drafting.sidecars())
        for sidecar in sidecars:
            drafting.file(SIDECAR, sidecar)
        if not sidecars:
            drafting.no_sidecar()
    draft.absent = drafting.status is None and not draft.files
    if draft.work.failed or draft.work.changed:
        draft.work.changes.clear()
    return draft


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


@contextmanager
def _explained(draft: UndoDraft, path: str) -> Iterator[None]:
    """Set in a draft what went wrong inside."""
    work = draft.work
    try:
        yield
    except (ChangedError, FileNotFoundError):
        work.changed = True
    except UnwritableError as error:
        work.failed = f"{error}."
    except (DeclinedError, XmpError) as error:
        work.failed = f"Its keywords cannot be taken back, because {error}."
    except OSError as error:
        work.failed = f"{shown_path(error.filename or path)} could not be read: {why(error)}."


@dataclass(frozen=True, slots=True)
class _Drafting:
    """Drafts the changes to one photo's files.

    `status`: the photo's; None if it is not there. `keep_refused`: go on knowing what a person took out.
    """

    writer: FileWriter
    choice: UndoChoice
    job: Job
    status: os.stat_result | None
    known: _Known
    draft: UndoDraft
    keep_refused: bool = False

    def sidecars(self) -> Iterator[str]:
        """The photo's existing sidecars: where the settings put one now, and where one was written before."""
        settings = self.writer.library.settings.keywords
        here = sidecar_path(self.job.path.absolute, settings)[0]
        if os.path.lexists(here):
            yield here
        last = {past.path: past.after.hash for past in reversed(self.known.writes) if past.target == SIDECAR}
        for path, after in last.items():
            # The sidecar of a photo that has the old name now is not this one's, unless it was left there.
            if path == here or not os.path.lexists(path):
                continue
            if not photos_of_sidecar(path, settings) or hash_at(path) == after:
                yield path

    def no_sidecar(self) -> None:
        """Draft that a sidecar which was deleted has nothing of tagger's; not while its disk may be away."""
        written = [past.path for past in self.known.writes if past.target == SIDECAR]
        if self.known.entries[SIDECAR] and self._takes_all and written and self._is_there(written[0]):
            self.draft.settled[SIDECAR] = []

    def _is_there(self, sidecar: str) -> bool:
        """Whether the disk of a sidecar is: its folder, and something on what is mounted there."""
        root = self.job.path.root
        mounted = root if sidecar.startswith(os.path.join(root, "")) else os.path.dirname(sidecar)
        return has_files(mounted) and os.path.isdir(os.path.dirname(sidecar))

    @property
    def _takes_all(self) -> bool:
        return self.choice.run_id is None and self.choice.label is None

    def file(self, target: str, path: str) -> None:
        """Draft one file. Raises UnwritableError, ChangedError, DeclinedError, XmpError, OSError."""
        mine = owned_from(self.known.entries[target])
        only_if = is_writable if target == PHOTO else None
        max_bytes = self.writer.library.settings.limits.file_mb << 20
        try:
            if target == SIDECAR:
                content = read_sidecar(path, max_bytes, lent=True)
            else:
                content = read_content(path, max_bytes, only_if=only_if, lent=True)
        except UnwritableError:
            if not mine:
                # Nothing was ever written there.
                return
            raise
        if only_if is not None and not is_writable(content.data):
            return
        try:
            parsed = _parsed(target, content.data)
        except (DeclinedError, XmpError):
            if not mine:
                # Nothing was ever written there.
                return
            raise
        found = parsed.found
        owns = found.owned_with(mine)
        has_any = any((name_own.labels or name_own.seeds) for name_own in owns.values())
        exact = self._exact(target, content, parsed.head_size) if has_any else None
        if exact is not None:
            made, after = exact
            removed = _gone(owns, after)
        else:
            plan = plan_undo(found.states, owns, self._chooser(target))
            after = {name: fields.after for name, fields in plan.changes.items()}
            if not plan:
                if set(entries_from(after)) != set(self.known.entries[target]):
                    self.draft.settled[target] = entries_from(after)
                return
            made = parsed.splices(plan)
            removed = tuple(f"{name.value}: {text}" for name, fields in plan.changes.items() for text in fields.remove)
        file = TargetFile(target, path, self.status or content.status, self.job.content_hash)
        entries = entries_from(after)
        if self.keep_refused:
            entries += [entry for entry in entries_from(owns) if entry.kind == ledger.REFUSED]
        change = file_change(file, content, made, entries)
        self.draft.work.changes.append(change)
        self.draft.files.append((change, removed, exact is not None))

    def _chooser(self, target: str) -> Callable[[Field, str], bool]:
        choice = self.choice
        if choice.run_id is not None:
            return lambda name, keyword: (target, Entry(name.value, keyword, ledger.LABEL)) in self.known.of_run
        if choice.label is not None:
            prefix = self.writer.library.settings.keywords.prefix
            wanted = {comparison_key(choice.label), comparison_key(prefix + choice.label)}
            return lambda name, keyword: comparison_key(_leaf(name, keyword)) in wanted
        return lambda _name, _keyword: True

    def _exact(self, target: str, content: Content, head: int) -> tuple[list[Splice] | None, dict[Field, Owned]] | None:
        """The splices that restore the file's old bytes (None: there was no file), and what is tagger's in these.

        Writes are taken back one by one, as long as each left exactly the bytes that are there, until the file has
        nothing of tagger's; for one run, only its write, if that was the last. None if that is impossible. `head`: the
        size of the part of the file that has its metadata.
        """
        if self.choice.label is not None:
            return None
        run_id = self.choice.run_id
        now = content.hash
        data = content.data
        first = True
        for past in self.known.writes:
            if past.target != target or past.path != content.path or past.before == past.after:
                continue
            if past.after.hash != now or (run_id is not None and past.run_id != run_id):
                return None
            if past.before.hash is None:
                return None, {}
            try:
                back = splices.unpacked(past.reverse)
                now = hash_after(data, back)
                # To read a photo's old metadata, its picture need not be copied.
                in_head = first and target == PHOTO and all(splice.end <= head for splice in back)
                older = splices.apply(bytes(data[:head] if in_head else data), back)
            except ValueError:
                return None
            if now != past.before.hash:
                return None
            found = _parsed(target, older).found
            if run_id is not None or not found.mark:
                # The splices of a single write are small; those of several are merged into one.
                made = back if first else [Splice(0, len(content.data), older)]
                return made, found.owned_with({})
            data = splices.apply(bytes(data), back) if in_head else older
            first = False
        return None


def _parsed(target: str, data: bytes | memoryview) -> MetadataFile:
    """A photo or a sidecar. Raises DeclinedError, XmpError."""
    return open_metadata(data) if target == PHOTO else Sidecar.parse(bytes(data))


def _gone(before: Mapping[Field, Owned], after: Mapping[Field, Owned]) -> tuple[str, ...]:
    return tuple(
        f"{name.value}: {keyword}"
        for name, mine in before.items()
        for keyword in (*mine.labels, *mine.seeds)
        if keyword not in (*after.get(name, Owned()).labels, *after.get(name, Owned()).seeds)
    )


def _leaf(name: Field, keyword: str) -> str:
    return keyword.rpartition(name.separator)[2] if name.separator else keyword
