"""Photos that are at another path now: recognised, whichever is noticed first, the going or the coming.

A photo whose file is not at its path is missing, or unseen (so many are that nobody believes it yet). When another
photo turns out to be it, the older row goes on under the new path, and the newer row is deleted:

- by inode, size and time: a rename (`match_new`, `match_gone`);
- by the file's bytes: a move between disks, or where inodes do not last;
- by its pixels: renamed and given other metadata at once.

Bytes and pixels are known once a photo was looked at: `adopt` finds what left before, `match_gone` what came before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path
from tagger.core.photo import Fingerprint, Inspection, Origin
from tagger.store import jobs
from tagger.store.photos import move_photo, photos_gone
from tagger.store.tables import FeatureRow, JobRow, PhotoLabelRow, PhotoRow, TaughtExampleRow, WriteRow

# A file with the same bytes is taken for the photo that is gone only if it came within this time before it. One that
# has been there for longer is a copy that somebody keeps, in a backup for instance.
_COPY_SECONDS = 7 * 24 * 3600

_away = or_(PhotoRow.missing_since.is_not(None), PhotoRow.unseen_since.is_not(None))
_there = (PhotoRow.missing_since.is_(None), PhotoRow.unseen_since.is_(None))


def match_gone(session: Session, gone: Sequence[int], now: float) -> set[int]:
    """Of photos whose files are not at their paths, find those that are there as a newer photo, and merge the two.

    Returns the ids of those that need no more attention.
    """
    explained: set[int] = set()
    everything = frozenset(gone)
    for part in jobs.chunks(gone):
        olds = session.scalars(select(PhotoRow).where(PhotoRow.id.in_(part)).order_by(PhotoRow.id)).all()
        hashes = [old.content_hash for old in olds if old.content_hash is not None]
        pixels = [old.pixel_hash for old in olds if old.pixel_hash is not None]
        candidates = [
            new
            for new in [
                *_same_files(session, olds, _there),
                *session.scalars(select(PhotoRow).where(PhotoRow.content_hash.in_(hashes), *_there)),
                *session.scalars(select(PhotoRow).where(PhotoRow.pixel_hash.in_(pixels), *_there)),
            ]
            if new.id not in everything
        ]
        recent = int(now) - _COPY_SECONDS
        copies = [new for new in candidates if new.added_at >= recent]
        pairs = _pairs(olds, candidates, _file_of, only_one=True)
        pairs |= _pairs(_without(olds, pairs), _without(copies, pairs.values()), _bytes_of)
        pairs |= _pairs(_without(olds, pairs), _without(copies, pairs.values()), _pixels_of, only_one=True)
        by_id = {row.id: row for row in [*olds, *candidates]}
        for old_id, new_id in pairs.items():
            if not _merge(session, old_id, by_id[new_id]):
                photos_gone(session, [old_id], now)
            explained.add(old_id)
    return explained


def match_new(session: Session, new_ids: Sequence[int], dead_roots: Collection[int] = ()) -> int:
    """Of photos just added, find those that are missing or unseen ones under another name, by inode, size and time.

    Photos of `dead_roots`, of which even the folder is not there, count as unseen. Merges each pair; returns how many.
    """
    found = 0
    gone = _away if not dead_roots else or_(_away, PhotoRow.root_id.in_(dead_roots))
    for part in jobs.chunks(new_ids):
        news = session.scalars(select(PhotoRow).where(PhotoRow.id.in_(part)).order_by(PhotoRow.id)).all()
        olds = [old for old in _same_files(session, news, [gone]) if old.id not in part]
        by_id = {row.id: row for row in news}
        for old_id, new_id in _pairs(olds, news, _file_of, only_one=True).items():
            if _merge(session, old_id, by_id[new_id]):
                found += 1
    return found


def adopt(session: Session, found: Mapping[int, Inspection]) -> dict[int, int]:
    """Of photos just looked at for the first time, find those that are missing or unseen ones, by bytes or pixels.

    Merges each pair. Returns for each photo of `found` the photo id to store its result under.
    """
    adopted = {photo_id: photo_id for photo_id in found}
    hashes = [inspection.content_hash for inspection in found.values()]
    pixels = [inspection.pixel_hash for inspection in found.values()]
    olds = [
        *session.scalars(select(PhotoRow).where(PhotoRow.content_hash.in_(hashes), _away)),
        *session.scalars(select(PhotoRow).where(PhotoRow.pixel_hash.in_(pixels), _away)),
    ]
    olds = sorted({old.id: old for old in olds if old.id not in found}.values(), key=lambda old: old.id)
    if not olds:
        return adopted
    news = session.scalars(select(PhotoRow).where(PhotoRow.id.in_(found), PhotoRow.labelled_by.is_(None))).all()
    pairs = _pairs(olds, news, _bytes_of, lambda new: _inspected_bytes(found[new.id]))
    pairs |= _pairs(
        _without(olds, pairs),
        _without(news, pairs.values()),
        _pixels_of,
        lambda new: _inspected_pixels(found[new.id]),
        only_one=True,
    )
    by_id = {new.id: new for new in news}
    for old_id, new_id in pairs.items():
        if _merge(session, old_id, by_id[new_id]):
            # Its new job is being completed; whatever was left of an older one is done by that.
            session.execute(delete(JobRow).where(JobRow.photo_id == old_id))
            adopted[new_id] = old_id
    return adopted


# --- pairs --------------------------------------------------------------------------------------------------


def _same_files(session: Session, rows: Iterable[PhotoRow], where: Iterable[ColumnElement[bool]]) -> list[PhotoRow]:
    """The photos with the size, inode and time of some of these rows."""
    keys = [row for row in rows if row.inode is not None]
    query = select(PhotoRow).where(
        PhotoRow.size.in_({row.size for row in keys}), PhotoRow.inode.in_({row.inode for row in keys}), *where
    )
    return list(session.scalars(query)) if keys else []


def _file_of(row: PhotoRow) -> object:
    return None if row.inode is None else (row.size, row.mtime_ns, row.inode)


def _bytes_of(row: PhotoRow) -> object:
    return None if row.content_hash is None else (row.size, row.content_hash)


def _pixels_of(row: PhotoRow) -> object:
    return None if row.pixel_hash is None else (row.pixel_hash, row.width, row.height)


def _inspected_bytes(inspection: Inspection) -> object:
    return inspection.fingerprint.size, inspection.content_hash


def _inspected_pixels(inspection: Inspection) -> object:
    return inspection.pixel_hash, inspection.facts.width, inspection.facts.height


def _pairs(
    olds: Iterable[PhotoRow],
    news: Iterable[PhotoRow],
    key: Callable[[PhotoRow], object],
    key_of_new: Callable[[PhotoRow], object] | None = None,
    *,
    only_one: bool = False,
) -> dict[int, int]:
    """Photos that agree in a key (None: no key), as ids of old and new. `only_one`: only where nothing is ambiguous.

    Otherwise, of several copies, those with the same file name belong together, then the first to the first.
    """
    left, right = _by_key(olds, key), _by_key(news, key_of_new or key)
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


def _by_key(rows: Iterable[PhotoRow], key: Callable[[PhotoRow], object]) -> dict[object, list[PhotoRow]]:
    found: dict[object, list[PhotoRow]] = defaultdict(list)
    for row in sorted({row.id: row for row in rows}.values(), key=lambda row: row.id):
        value = key(row)
        if value is not None:
            found[value].append(row)
    return found


def _name(row: PhotoRow) -> str:
    return row.path.rpartition("/")[2]


def _without(rows: Iterable[PhotoRow], ids: Collection[int]) -> list[PhotoRow]:
    return [row for row in rows if row.id not in ids]


# --- one photo of two ---------------------------------------------------------------------------------------


def _merge(session: Session, old_id: int, new: PhotoRow) -> bool:
    """Make one photo of two: the old one goes on at the new one's path. False: both stay.

    That is where something depends on the new one: keywords that were written into its file, or what a person said of
    it. Then it gets what a person said of the old one.
    """
    if _is_independent(session, new.id):
        _inherit(session, old_id, new.id)
        return False
    place = (new.root_id, disk_path(new.path), Fingerprint(new.size, new.mtime_ns, new.inode, new.ctime_ns))
    seen = {} if new.labelled_by is None else {name: getattr(new, name) for name in _SEEN}
    have = select(FeatureRow.model_id).where(FeatureRow.photo_id == old_id)
    others = update(FeatureRow).where(FeatureRow.photo_id == new.id, FeatureRow.model_id.not_in(have))
    session.execute(others.values(photo_id=old_id))
    session.delete(new)
    session.flush()
    if seen:
        session.execute(update(PhotoRow).where(PhotoRow.id == old_id).values(seen))
    move_photo(session, old_id, *place)
    return True


# What looking at a photo found of its file.
_SEEN = ("content_hash", "pixel_hash", "format", "width", "height", "taken")


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


def _said(photo_id: int) -> Select[PhotoLabelRow]:
    return select(PhotoLabelRow).where(
        PhotoLabelRow.photo_id == photo_id,
        or_(PhotoLabelRow.removed.is_(True), PhotoLabelRow.origin == int(Origin.PERSON)),
    )
