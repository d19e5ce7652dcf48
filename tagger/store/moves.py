"""Photos that are at another path now: recognised, whichever is noticed first, the going or the coming.

A photo whose file is not at its path is missing, or unseen (so many are that nobody believes it yet). When another
photo turns out to be it, the older row goes on under the new path, and the newer row is deleted:

- by inode, size and time: a rename (`match_new`, `match_gone`);
- by the file's bytes: a move between disks, or where inodes do not last;
- by its pixels: renamed and given other metadata at once;
- by size and time alone, where nothing else is known: never looked at, and inodes do not last.

Bytes and pixels are known once a photo was looked at: `adopt` finds what left before, `match_gone` what came before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path
from tagger.core.photo import Fingerprint, Inspection
from tagger.store import jobs, ledger
from tagger.store.labels import SAID_BY_PERSON
from tagger.store.photos import move_photo, photos_gone
from tagger.store.tables import BoxesRow, FeatureRow, JobRow, PhotoLabelRow, PhotoRow, TaughtExampleRow, WriteRow

# A file with the same bytes is taken for the photo that is gone only if it came within this time before it. One that
# has been there for longer is a copy that somebody keeps, in a backup for instance.
_COPY_SECONDS = 7 * 24 * 3600

_away = or_(PhotoRow.missing_since.is_not(None), PhotoRow.unseen_since.is_not(None))
_there = PhotoRow.missing_since.is_(None) & PhotoRow.unseen_since.is_(None)


class _Photo(NamedTuple):
    """What photos are compared by. Not rows of the ORM: there may be very many."""

    id: int
    path: str
    size: int
    mtime_ns: int
    inode: int | None
    content_hash: bytes | None
    pixel_hash: bytes | None
    width: int | None
    height: int | None
    added_at: int


_COLUMNS = tuple(getattr(PhotoRow, name) for name in _Photo._fields)


def match_gone(session: Session, gone: Sequence[int], now: float) -> dict[int, int]:
    """Of photos whose files are not at their paths, find those that are there as a newer photo, and merge the two.

    Returns the ids of those that need no more attention, with the ids that they had at their new paths.
    """
    explained: dict[int, int] = {}
    everything = frozenset(gone)
    for part in jobs.chunks(gone):
        olds = _photos(session, PhotoRow.id.in_(part))
        hashes = [old.content_hash for old in olds if old.content_hash is not None]
        pixels = [old.pixel_hash for old in olds if old.pixel_hash is not None]
        candidates = [
            *_same_files(session, [(old.size, old.inode) for old in olds], _there),
            *_photos(session, PhotoRow.content_hash.in_(hashes) & _there),
            *_photos(session, PhotoRow.pixel_hash.in_(pixels) & _there),
            *_same_times(session, olds, _there),
        ]
        candidates = [new for new in candidates if new.id not in everything]
        copies = [new for new in candidates if new.added_at >= int(now) - _COPY_SECONDS]
        pairs = _pairs(olds, candidates, _file_of, only_one=True)
        pairs |= _pairs(_without(olds, pairs), _without(copies, pairs.values()), _bytes_of)
        pairs |= _pairs(_without(olds, pairs), _without(copies, pairs.values()), _pixels_of, only_one=True)
        unknown = [old for old in _without(olds, pairs) if _is_unknown(old)]
        pairs |= _pairs(unknown, _without(copies, pairs.values()), _times_of, only_one=True)
        for old_id, new_id in pairs.items():
            if not _merge(session, old_id, new_id):
                photos_gone(session, [old_id], now)
            explained[old_id] = new_id
    return explained


def match_new(session: Session, added: Sequence[int], dead_roots: Collection[int] = ()) -> int:
    """Of photos just added, find those that are missing or unseen ones under another name, by inode, size and time.

    Photos of `dead_roots`, of which even the folder is not there, count as unseen. Merges each pair; returns how many.
    """
    found = 0
    if not dead_roots and not _is_anything_away(session):
        return 0
    gone = _away if not dead_roots else or_(_away, PhotoRow.root_id.in_(dead_roots))
    for part in jobs.chunks(added):
        news = _photos(session, PhotoRow.id.in_(part))
        others = gone & PhotoRow.id.not_in(part)
        olds = _same_files(session, [(new.size, new.inode) for new in news], others)
        pairs = _pairs(olds, news, _file_of, only_one=True)
        unknown = [old for old in _same_times(session, news, others) if _is_unknown(old)]
        pairs |= _pairs(unknown, _without(news, pairs.values()), _times_of, only_one=True)
        for old_id, new_id in pairs.items():
            if _merge(session, old_id, new_id):
                found += 1
    return found


def adopt(session: Session, found: Mapping[int, Inspection]) -> dict[int, int]:
    """Of photos just looked at for the first time, find those that are missing or unseen ones, by bytes or pixels.

    Merges each pair. Returns for each photo of `found` the photo id to store its result under.
    """
    adopted = {photo_id: photo_id for photo_id in found}
    if not _is_anything_away(session):
        return adopted
    hashes = [inspection.content_hash for inspection in found.values()]
    pixels = [inspection.pixel_hash for inspection in found.values()]
    olds = [
        *_photos(session, PhotoRow.content_hash.in_(hashes) & _away),
        *_photos(session, PhotoRow.pixel_hash.in_(pixels) & _away),
    ]
    olds = [old for old in olds if old.id not in found]
    if not olds:
        return adopted
    news = [_inspected(new, found) for new in _photos(session, PhotoRow.id.in_(found) & PhotoRow.labelled_by.is_(None))]
    pairs = _pairs(olds, news, _bytes_of)
    pairs |= _pairs(_without(olds, pairs), _without(news, pairs.values()), _pixels_of, only_one=True)
    for old_id, new_id in pairs.items():
        if _merge(session, old_id, new_id):
            # Its new job is being completed; whatever was left of an older one is done by that.
            session.execute(delete(JobRow).where(JobRow.photo_id == old_id))
            adopted[new_id] = old_id
    return adopted


def _photos(session: Session, condition: ColumnElement[bool]) -> list[_Photo]:
    return [_Photo(*row) for row in session.execute(select(*_COLUMNS).where(condition))]


def _is_anything_away(session: Session) -> bool:
    # Two questions, because each has a small index of its own.
    since = (PhotoRow.missing_since, PhotoRow.unseen_since)
    return any(session.scalar(select(PhotoRow.id).where(each.is_not(None)).limit(1)) is not None for each in since)


def _same_files(
    session: Session, keys: Iterable[tuple[int, int | None]], condition: ColumnElement[bool]
) -> list[_Photo]:
    """The photos with some of these sizes and inodes."""
    known = [(size, inode) for size, inode in keys if inode is not None]
    sizes, inodes = {size for size, _ in known}, {inode for _, inode in known}
    return _photos(session, PhotoRow.size.in_(sizes) & PhotoRow.inode.in_(inodes) & condition) if known else []


def _same_times(session: Session, photos: Iterable[_Photo], condition: ColumnElement[bool]) -> list[_Photo]:
    """Photos without inodes that have some of these sizes and times."""
    times = {_times_of(photo) for photo in photos} - {None}
    if not times:
        return []
    sizes, mtimes = {photo.size for photo in photos}, {photo.mtime_ns for photo in photos}
    found = _photos(session, PhotoRow.size.in_(sizes) & PhotoRow.mtime_ns.in_(mtimes) & condition)
    return [photo for photo in found if _times_of(photo) in times]


def _inspected(new: _Photo, found: Mapping[int, Inspection]) -> _Photo:
    """A photo as it was found now."""
    seen = found[new.id]
    return new._replace(
        size=seen.fingerprint.size,
        content_hash=seen.content_hash,
        pixel_hash=seen.pixel_hash,
        width=seen.facts.width,
        height=seen.facts.height,
    )


# --- pairs --------------------------------------------------------------------------------------------------


def _file_of(row: _Photo) -> object:
    return None if row.inode is None else (row.size, row.mtime_ns, row.inode)


def _bytes_of(row: _Photo) -> object:
    return None if row.content_hash is None else (row.size, row.content_hash)


def _pixels_of(row: _Photo) -> object:
    return None if row.pixel_hash is None else (row.pixel_hash, row.width, row.height)


def _times_of(row: _Photo) -> object:
    return None if row.inode is not None else (row.size, row.mtime_ns)


def _is_unknown(row: _Photo) -> bool:
    return row.content_hash is None and row.pixel_hash is None


def _pairs(
    olds: Iterable[_Photo],
    news: Iterable[_Photo],
    key: Callable[[_Photo], object],
    *,
    only_one: bool = False,
) -> dict[int, int]:
    """Photos that agree in a key (None: no key), as ids of old and new. `only_one`: only where nothing is ambiguous.

    Otherwise, of several copies, those with the same file name belong together, then the first to the first.
    """
    left, right = _by_key(olds, key), _by_key(news, key)
    pairs: dict[int, int] = {}
    for value, old in left.items():
        # A photo that moved was added before the one that it turns up as.
        new = [other for other in right.get(value, []) if other.id > old[0].id]
        if only_one:
            if len(old) == len(new) == 1:
                pairs[old[0].id] = new[0].id
            continue
        rest = []
        for one in old:
            same = next((other for other in new if _name(other) == _name(one)), None)
            if same is None:
                rest.append(one)
            else:
                pairs[one.id] = same.id
                new = [other for other in new if other is not same]
        pairs |= {one.id: other.id for one, other in zip(rest, new, strict=False)}
    return pairs


def _by_key(rows: Iterable[_Photo], key: Callable[[_Photo], object]) -> dict[object, list[_Photo]]:
    found: dict[object, list[_Photo]] = defaultdict(list)
    for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.id):
        value = key(row)
        if value is not None:
            found[value].append(row)
    return found


def _name(row: _Photo) -> str:
    return row.path.rpartition("/")[2]


def _without(rows: Iterable[_Photo], ids: Collection[int]) -> list[_Photo]:
    return [row for row in rows if row.id not in ids]


# --- one photo of two ---------------------------------------------------------------------------------------


def _merge(session: Session, old_id: int, new_id: int) -> bool:
    """Make one photo of two: the old one goes on at the new one's path. False: both stay.

    That is where something depends on the new one: keywords that were written into its file, or what a person said of
    it. Then it gets what a person said of the old one.
    """
    if _is_independent(session, new_id):
        _inherit(session, old_id, new_id)
        return False
    stat = (PhotoRow.size, PhotoRow.mtime_ns, PhotoRow.inode, PhotoRow.ctime_ns)
    place = select(PhotoRow.root_id, PhotoRow.path, *stat).where(PhotoRow.id == new_id)
    root_id, path, size, mtime, inode, ctime = session.execute(place).one()
    looked_at = PhotoRow.labelled_by.is_not(None)
    seen = session.execute(select(*_SEEN).where(PhotoRow.id == new_id, looked_at)).mappings().first()
    have = select(FeatureRow.model_id).where(FeatureRow.photo_id == old_id)
    others = update(FeatureRow).where(FeatureRow.photo_id == new_id, FeatureRow.model_id.not_in(have))
    session.execute(others.values(photo_id=old_id), execution_options=_UNSYNCHRONIZED)
    if session.scalar(select(BoxesRow.photo_id).where(BoxesRow.photo_id == old_id)) is None:
        boxes = update(BoxesRow).where(BoxesRow.photo_id == new_id).values(photo_id=old_id)
        session.execute(boxes, execution_options=_UNSYNCHRONIZED)
    session.execute(delete(PhotoRow).where(PhotoRow.id == new_id), execution_options=_UNSYNCHRONIZED)
    if seen is not None:
        session.execute(update(PhotoRow).where(PhotoRow.id == old_id).values(**seen))
    move_photo(session, old_id, root_id, disk_path(path), Fingerprint(size, mtime, inode, ctime))
    return True


# What looking at a photo found of its file.
_SEEN = (
    PhotoRow.content_hash,
    PhotoRow.pixel_hash,
    PhotoRow.format,
    PhotoRow.width,
    PhotoRow.height,
    PhotoRow.taken,
    PhotoRow.kinds,
)
# No rows of the ORM are held here that would have to follow.
_UNSYNCHRONIZED = {"synchronize_session": False}


def _is_independent(session: Session, photo_id: int) -> bool:
    written = select(WriteRow.id).where(WriteRow.photo_id == photo_id).limit(1)
    taught = select(TaughtExampleRow.id).where(TaughtExampleRow.photo_id == photo_id).limit(1)
    said = _said(photo_id).limit(1)
    return any(session.execute(query).first() is not None for query in (written, taught, said))


def _inherit(session: Session, old_id: int, new_id: int) -> None:
    """Give a photo what a person said of another, where nothing was said of itself."""
    own = {row.label_id for row in session.scalars(_said(new_id))}
    for row in session.scalars(_said(old_id)).all():
        if row.label_id in own:
            continue
        values = {name: getattr(row, name) for name in ("confidence", "rank", "origin", "shown", "removed", "model_id")}
        session.execute(
            delete(PhotoLabelRow).where(PhotoLabelRow.photo_id == new_id, PhotoLabelRow.label_id == row.label_id)
        )
        session.execute(insert(PhotoLabelRow).values(photo_id=new_id, label_id=row.label_id, **values))
        ledger.mark_settled(session, [new_id], None)


def _said(photo_id: int) -> Select[PhotoLabelRow]:
    return select(PhotoLabelRow).where(PhotoLabelRow.photo_id == photo_id, SAID_BY_PERSON)
