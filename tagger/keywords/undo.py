"""Taking back what tagger wrote: the old bytes where nobody edited the file since, else exactly tagger's keywords."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tagger.core.config import KeywordSettings
from tagger.core.formats import SNIFF_BYTES
from tagger.core.paths import shown_path
from tagger.core.photo import JobKind
from tagger.keywords import replace_file
from tagger.keywords.journal import (
    THREADS,
    FileChange,
    FileWriter,
    PhotoWrites,
    RealPaths,
    batches,
    entries_from,
    file_change,
    full_disk,
    owned_from,
    settings_digest,
)
from tagger.keywords.merge import folded
from tagger.keywords.metadata import sidecar, splices, xmp
from tagger.keywords.metadata.fields import Field
from tagger.keywords.metadata.formats import is_writable, open_metadata
from tagger.keywords.metadata.metadata_file import DeclinedError, Found, MetadataFile
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.plan import Owned, owned, plan_undo
from tagger.keywords.replace_file import ChangedError, Content, UnwritableError
from tagger.store import jobs, ledger
from tagger.store.jobs import Job
from tagger.store.ledger import PHOTO, SIDECAR, Entry, Write
from tagger.store.photos import known_photos
from tagger.store.roots import all_roots
from tagger.store.session import Store


@dataclass(frozen=True, slots=True)
class Choice:
    """What to take back: what one run added, one label, or (neither) everything; of some photos, or of all (None)."""

    run_id: int | None = None
    label: str | None = None
    photo_ids: tuple[int, ...] | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing of tagger's is to stay in the photos."""
        return self.run_id is None and self.label is None


@dataclass(slots=True)
class Undone:
    """What taking back came to. `exact`: files that are byte for byte what they were; `absent`: photos not there."""

    total: int = 0
    done: int = 0
    files: int = 0
    exact: int = 0
    bytes: int = 0
    absent: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, str]] = field(default_factory=list)
    listing: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)


@dataclass(slots=True)
class _Draft:
    work: PhotoWrites
    files: list[tuple[FileChange, tuple[str, ...], bool]] = field(default_factory=list)
    settled: dict[str, list[Entry]] = field(default_factory=dict)
    absent: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of one photo's files."""

    entries: Mapping[str, list[Entry]]
    of_run: frozenset[tuple[str, Entry]]
    writes: Sequence[Write]


def undo(
    writer: FileWriter,
    choice: Choice,
    progress: Undone,
    *,
    dry_run: bool,
    stop: Callable[[], bool],
    report: Callable[[Undone], None],
) -> None:
    """Take keywords back. Only for who holds the write lock, unless `dry_run`.

    Raises StoreError when a disk is full.
    """
    ids = candidates(writer.store, writer.settings.keywords, choice)
    progress.total = len(ids)
    with writer.store.read() as session:
        roots = [root.path for root in all_roots(session)]
    with ThreadPoolExecutor(THREADS, "undo") as pool:
        for page in jobs.chunks(ids):
            with writer.store.read() as session:
                photos = jobs.as_jobs(session, page)
            progress.absent += len(page) - len(photos)
            for part in batches(photos):
                if stop():
                    return
                _undo_part(writer, choice, part, roots, progress, pool, dry_run=dry_run)
                report(progress)


def candidates(store: Store, settings: KeywordSettings, choice: Choice) -> list[int]:
    """The photos that may have keywords of tagger's.

    Beside those of the ledger these are photos that changed since they were looked at, and photos with a sidecar: when
    an older database was put back, only the files themselves know what was written.
    """
    with store.read() as session:
        found = set(ledger.photos_with_entries(session, run_id=choice.run_id))
        roots = all_roots(session)
    if choice.photo_ids is not None:
        return list(choice.photo_ids)
    if choice.run_id is not None:
        return sorted(found)
    for root in roots:
        for photo in known_photos(store, root.id):
            path = os.path.join(root.path, photo.path)
            if photo.missing or photo.id in found:
                continue
            try:
                status = os.stat(path)
            except OSError:
                continue
            known = photo.fingerprint
            if (
                (status.st_size, status.st_mtime_ns) != (known.size, known.mtime_ns)
                or (
                    # A write that keeps time and, within the padding, size, makes a new file all the same.
                    known.inode not in (None, status.st_ino)
                )
                or sidecar.sidecar_path(path, settings)[1]
            ):
                found.add(photo.id)
    return sorted(found)


def _undo_part(
    writer: FileWriter,
    choice: Choice,
    part: Sequence[Job],
    roots: Sequence[str],
    progress: Undone,
    pool: ThreadPoolExecutor,
    *,
    dry_run: bool,
) -> None:
    with writer.store.read() as session:
        known = ledger.entries_of(session, [job.photo_id for job in part])
        about = [
            _Known(
                {target: known.get((job.photo_id, target), []) for target in (PHOTO, SIDECAR)},
                frozenset(ledger.of_run(session, job.photo_id, choice.run_id)) if choice.run_id else frozenset(),
                ledger.writes_of(session, job.photo_id),
            )
            for job in part
        ]
    real_paths = RealPaths(roots)
    drafts = list(pool.map(lambda job, facts: _draft(writer, choice, job, facts, real_paths), part, about))
    if not dry_run:
        writer.write_batch([draft.work for draft in drafts], pool)
    full = ""
    with writer.store.read() if dry_run else writer.store.write() as session:
        for job, draft in zip(part, drafts, strict=True):
            work = draft.work
            progress.done += 1
            progress.absent += draft.absent
            full = full or work.full
            if work.changed and not work.failed:
                work.failed = "Somebody changed it at this moment; run the command again."
            if work.failed:
                progress.failures.append((str(job.path), work.failed))
            elif not work.full:
                _count(progress, draft)
                if not dry_run:
                    ledger.settle(session, {(job.photo_id, t): (after, None) for t, after in draft.settled.items()})
                    jobs.drop_queued(session, [job.photo_id], JobKind.KEYWORDS)
                    # Otherwise the service would write them again at once.
                    ledger.mark_settled(session, [job.photo_id], settings_digest(writer.settings.keywords))
    if full:
        raise full_disk(full)


def _count(progress: Undone, draft: _Draft) -> None:
    for change, removed, exact in draft.files:
        progress.files += 1
        progress.exact += exact
        progress.bytes += change.after.size
        progress.removed.update(removed)
        progress.listing.append((change.path, removed, exact))


def _draft(writer: FileWriter, choice: Choice, job: Job, known: _Known, real_paths: RealPaths) -> _Draft:
    path = job.path.absolute
    draft = _Draft(PhotoWrites(job.photo_id, job.path.root, []))
    try:
        status = os.stat(path)
        real = real_paths(path)
        if real is not None:
            _draft_file(writer, choice, job, known, draft, PHOTO, real, status)
        for place in _sidecars(writer, path, known):
            _draft_file(writer, choice, job, known, draft, SIDECAR, place, status)
    except FileNotFoundError:
        draft.absent = True
    except ChangedError:
        draft.work.changed = True
    except UnwritableError as error:
        draft.work.failed = f"{error}."
    except (DeclinedError, xmp.XmpError) as error:
        draft.work.failed = f"Its keywords cannot be taken back, because {error}."
    except OSError as error:
        draft.work.failed = f"{shown_path(error.filename or path)} could not be read: {error.strerror}."
    if draft.work.failed or draft.work.changed:
        draft.work.changes.clear()
    return draft


def _sidecars(writer: FileWriter, path: str, known: _Known) -> Iterator[str]:
    """The sidecars of a photo: where one is by the settings, and where one was written under other settings."""
    places = [sidecar.sidecar_path(path, writer.settings.keywords)[0]]
    places += [past.path for past in known.writes if past.target == SIDECAR]
    return (place for place in dict.fromkeys(places) if os.path.lexists(place))


def _draft_file(
    writer: FileWriter,
    choice: Choice,
    job: Job,
    known: _Known,
    draft: _Draft,
    target: str,
    path: str,
    status: os.stat_result,
) -> None:
    mine = owned_from(known.entries[target])
    only_if = is_writable if target == PHOTO else None
    content = replace_file.read(path, writer.settings.limits.file_mb << 20, only_if=only_if, lent=True)
    if only_if is not None and not only_if(content.data[:SNIFF_BYTES]):
        return
    try:
        parsed = _parsed(target, content.data)
    except (DeclinedError, xmp.XmpError):
        if not mine:
            # Nothing was ever written there.
            return
        raise
    found = parsed.found
    owns = _owns(found, mine)
    has_any = any((name_own.labels or name_own.seeds) for name_own in owns.values())
    exact = _exact(content, parsed.head_size, target, known.writes, choice) if has_any else None
    if exact is not None:
        made, after = exact
        removed = _gone(owns, after)
    else:
        plan = plan_undo(found.states, owns, _chooser(choice, target, known, writer.settings.keywords))
        after = {name: fields.after for name, fields in plan.changes.items()}
        if not plan:
            if set(entries_from(after)) != set(known.entries[target]):
                draft.settled[target] = entries_from(after)
            return
        made = parsed.splices(plan)
        removed = tuple(f"{name.value}: {text}" for name, fields in plan.changes.items() for text in fields.remove)
    change = file_change(target, path, content, made, status, entries_from(after), known_hash=job.content_hash)
    draft.work.changes.append(change)
    draft.files.append((change, removed, exact is not None))


def _parsed(target: str, data: bytes | memoryview) -> MetadataFile:
    """A photo or a sidecar. Raises DeclinedError, XmpError."""
    return open_metadata(data) if target == PHOTO else Sidecar.parse(bytes(data))


def _owns(found: Found, mine: Mapping[Field, Owned]) -> dict[Field, Owned]:
    return {
        name: owned(state, found.mark.get(name, Owned()), mine.get(name, Owned()))
        for name, state in found.states.items()
    }


def _gone(before: Mapping[Field, Owned], after: Mapping[Field, Owned]) -> tuple[str, ...]:
    return tuple(
        f"{name.value}: {keyword}"
        for name, mine in before.items()
        for keyword in (*mine.labels, *mine.seeds)
        if keyword not in (*after.get(name, Owned()).labels, *after.get(name, Owned()).seeds)
    )


def _chooser(choice: Choice, target: str, known: _Known, settings: KeywordSettings) -> Callable[[Field, str], bool]:
    if choice.run_id is not None:
        return lambda name, keyword: (target, Entry(name.value, keyword, ledger.LABEL)) in known.of_run
    if choice.label is not None:
        wanted = {folded(choice.label), folded(settings.prefix + choice.label)}
        return lambda name, keyword: folded(_leaf(name, keyword)) in wanted
    return lambda _name, _keyword: True


def _leaf(name: Field, keyword: str) -> str:
    return keyword.rpartition(name.separator)[2] if name.separator else keyword


def _exact(
    content: Content, head: int, target: str, writes: Iterable[Write], choice: Choice
) -> tuple[list[Splice] | None, dict[Field, Owned]] | None:
    """The splices that make the file what it was, byte for byte (None: there was none), and what is tagger's in that.

    The writes are taken back one by one, as long as each left just the bytes that are there, until the file has nothing
    of tagger's; or, for one run, its write if that was the last one. None if that cannot be. `head`: the size of that
    part of the file that has its metadata.
    """
    if choice.label is not None:
        return None
    now = content.hash
    data = content.data
    first = True
    for past in writes:
        if past.target != target or past.path != content.path:
            continue
        if past.after.hash != now or (choice.run_id is not None and past.run_id != choice.run_id):
            return None
        if past.before.hash is None:
            return None, {}
        try:
            back = splices.unpacked(past.reverse)
            now = replace_file.hash_after(data, back)
            # A photo's picture need not be copied to see what its metadata say.
            in_head = first and target == PHOTO and all(splice.end <= head for splice in back)
            older = splices.apply(bytes(data[:head] if in_head else data), back)
        except ValueError:
            return None
        if now != past.before.hash:
            return None
        found = _parsed(target, older).found
        if choice.run_id is not None or not found.mark:
            # The splices of a single write are small; several are told as one.
            made = back if first else [Splice(0, len(content.data), older)]
            return made, _owns(found, {})
        data = splices.apply(bytes(data), back) if in_head else older
        first = False
    return None
