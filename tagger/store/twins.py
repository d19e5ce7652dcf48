"""Twins: files with the same bytes, of which one is looked at for all."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint, Inspection, PhotoFacts
from tagger.store.evidence import Seen, Witnesses, is_incomplete, kinds_from, seen_of
from tagger.store.models import Model
from tagger.store.tables import FeatureRow, PhotoRow


def twin_hashes(
    session: Session, sizes: Iterable[int], model: Model, witnesses: Witnesses, limit: int = 1000
) -> dict[int, list[bytes]]:
    """By file size, the content hashes of photos of that size that this model labelled; up to `limit` for each.

    Only of photos of which the witnesses have said everything.
    """
    found: dict[int, list[bytes]] = {}
    wanted = sorted(set(sizes))
    rows = session.execute(
        select(PhotoRow.size, PhotoRow.content_hash)
        .where(
            PhotoRow.size.in_(wanted),
            PhotoRow.labelled_by == model.id,
            PhotoRow.content_hash.is_not(None),
            ~is_incomplete(witnesses),
        )
        .distinct()
        .limit(limit * max(1, len(wanted)))
    )
    for size, content_hash in rows:
        if content_hash is not None:
            found.setdefault(size, []).append(content_hash)
    return {size: hashes[:limit] for size, hashes in found.items()}


def find_twin(
    session: Session, size: int, content_hash: bytes, model: Model, witnesses: Witnesses
) -> tuple[Inspection, bytes, Seen] | None:
    """A photo with the same bytes: its inspection, its stored features under the model, and what else is stored of it.

    Only one of which the witnesses have said everything; None if there is none.
    """
    row = session.execute(
        select(PhotoRow, FeatureRow.vector)
        .join(FeatureRow, and_(FeatureRow.photo_id == PhotoRow.id, FeatureRow.model_id == model.id))
        .where(PhotoRow.size == size, PhotoRow.content_hash == content_hash, ~is_incomplete(witnesses))
        .limit(1)
    ).first()
    if row is None:
        return None
    photo, vector = row
    fingerprint = Fingerprint(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
    kinds = kinds_from(photo.kinds) or ()
    facts = PhotoFacts(photo.format or "", photo.width or 0, photo.height or 0, photo.taken, kinds)
    inspection = Inspection(fingerprint, content_hash, photo.pixel_hash or b"", facts)
    return inspection, vector, seen_of(session, [photo.id], witnesses)[photo.id]
