"""What a look at a photo leaves behind: models, facts, features and labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from tagger.core.photo import Fingerprint, Label, Looked, Origin, PhotoFacts
from tagger.store import jobs
from tagger.store.library import fingerprint_columns, take_over
from tagger.store.tables import (
    FeatureRow,
    JobRow,
    LabelRow,
    ModelRow,
    PhotoLabelRow,
    PhotoRow,
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that labelled photos; `id` is the row, `model_id` the hash that names it everywhere."""

    id: int
    model_id: str
    architecture: str
    weights_sha256: str


def ensure_model(
    session: Session, model_id: str, architecture: str, weights_sha256: str, preprocessing: int, now: float
) -> Model:
    """The row of a model, made on its first use."""
    row = session.scalar(select(ModelRow).where(ModelRow.model_id == model_id))
    if row is None:
        row = ModelRow(
            model_id=model_id,
            architecture=architecture,
            weights_sha256=weights_sha256,
            preprocessing=preprocessing,
            first_used_at=int(now),
        )
        session.add(row)
        session.flush()
    return Model(row.id, row.model_id, row.architecture, row.weights_sha256)


def models(session: Session) -> dict[int, Model]:
    """Every model that was ever used, by row id."""
    return {
        row.id: Model(row.id, row.model_id, row.architecture, row.weights_sha256)
        for row in session.scalars(select(ModelRow))
    }


def enqueue_stale(session: Session, model: Model, root_ids: Sequence[int] | None) -> int:
    """Queue the photos that another model labelled; they keep their labels until then. Returns how many."""
    query = (
        select(PhotoRow.id)
        .outerjoin(JobRow, jobs.of_photo(jobs.CLASSIFY))
        .where(PhotoRow.missing_since.is_(None), PhotoRow.labelled_by != model.id, JobRow.id.is_(None))
        .order_by(PhotoRow.id)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    stale = session.scalars(query).all()
    jobs.enqueue(session, stale, jobs.PRIORITY_STALE)
    return len(stale)


def twin_hashes(session: Session, sizes: Iterable[int], model: Model, limit: int = 1000) -> dict[int, list[bytes]]:
    """For each file size the content hashes of photos of that size that this model labelled."""
    found: dict[int, list[bytes]] = {}
    wanted = sorted(set(sizes))
    rows = session.execute(
        select(PhotoRow.size, PhotoRow.content_hash)
        .where(PhotoRow.size.in_(wanted), PhotoRow.labelled_by == model.id, PhotoRow.content_hash.is_not(None))
        .distinct()
        .limit(limit * max(1, len(wanted)))
    )
    for size, content_hash in rows:
        if content_hash is not None:
            found.setdefault(size, []).append(content_hash)
    return {size: hashes[:limit] for size, hashes in found.items()}


def twin(session: Session, size: int, content_hash: bytes, model: Model) -> tuple[Looked, bytes] | None:
    """What is known of an identical file, and its features under the model (bytes of float16)."""
    row = session.execute(
        select(PhotoRow, FeatureRow.vector)
        .join(FeatureRow, and_(FeatureRow.photo_id == PhotoRow.id, FeatureRow.model_id == model.id))
        .where(PhotoRow.size == size, PhotoRow.content_hash == content_hash)
        .limit(1)
    ).first()
    if row is None:
        return None
    photo, vector = row
    fingerprint = Fingerprint(photo.size, photo.mtime_ns, photo.inode, photo.ctime_ns)
    facts = PhotoFacts(photo.format or "", photo.width or 0, photo.height or 0, photo.taken)
    return Looked(fingerprint, content_hash, photo.pixel_hash or b"", facts), vector


def reusable_features(session: Session, photo_ids: Sequence[int], model: Model) -> dict[int, bytes]:
    """The features of photos under a model (bytes of little-endian float16), of those whose file is still the one."""
    rows = session.execute(
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        # A photo whose file changed has no content hash until it is looked at again.
        .where(FeatureRow.photo_id.in_(photo_ids), FeatureRow.model_id == model.id, PhotoRow.content_hash.is_not(None))
    )
    return dict(rows.all())


def adopt_missing(session: Session, found: Mapping[int, Looked]) -> dict[int, int]:
    """Photos that are missing ones which came back at another place go on as those.

    The missing photo takes over the path, so that it keeps what a person said of it, and the new entry is dropped.
    `found`: what was looked at, by photo. Returns for each of them the photo to store results under.
    """
    adopted = {photo_id: photo_id for photo_id in found}
    gone = session.execute(
        select(PhotoRow.id, PhotoRow.size, PhotoRow.content_hash)
        .where(
            PhotoRow.content_hash.in_([looked.content_hash for looked in found.values()]),
            PhotoRow.missing_since.is_not(None),
        )
        .order_by(PhotoRow.id)
    ).all()
    missing = {row.id: (row.size, row.content_hash) for row in gone if row.id not in found}
    for photo_id, looked in found.items():
        same = (looked.fingerprint.size, looked.content_hash)
        old_id = next((old for old, state in missing.items() if state == same), None)
        if old_id is None:
            continue
        new = session.get_one(PhotoRow, photo_id)
        if new.labelled_by is None:
            take_over(session, old_id, new)
            session.execute(delete(JobRow).where(JobRow.photo_id == old_id))
            adopted[photo_id] = old_id
            del missing[old_id]
    return adopted


class LabelBook:
    """The ids of labels by key, cached, because every photo needs a handful of the same few hundred."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], int] = {}

    def id_of(self, session: Session, label: Label) -> int:
        """The id of a label's row, made or renamed where needed."""
        cached = self._ids.get((label.key, label.name))
        if cached is not None:
            return cached
        row = session.scalar(select(LabelRow).where(LabelRow.key == label.key))
        if row is None:
            row = LabelRow(key=label.key, name=label.name)
            session.add(row)
        elif row.name != label.name:
            row.name = label.name
        session.flush()
        # Not cached until the next time: if this transaction is rolled back, the row is gone.
        return row.id

    def remember(self, session: Session) -> None:
        """Fill the cache from what is committed."""
        self._ids = {(row.key, row.name): row.id for row in session.scalars(select(LabelRow))}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a photo told. `features`: bytes of little-endian float16."""

    photo_id: int
    looked: Looked
    features: bytes
    labels: Sequence[Label]


def store_looks(
    session: Session, book: LabelBook, model: Model, found: Sequence[Look], now: float, taught: Sequence[int] = ()
) -> None:
    """Store everything that looks at photos told: facts, features and labels, replacing older ones.

    Labels of a person and tombstones stay, and so do taught labels whose row ids are not in `taught`: nothing was
    said of those yet. A statement for all photos, not for each: that is most of the time.
    """
    if not found:
        return
    ids = [look.photo_id for look in found]
    before = dict(session.execute(select(PhotoRow.id, PhotoRow.pixel_hash).where(PhotoRow.id.in_(ids))).all())
    state = _labelled(model, now)
    session.execute(update(PhotoRow), [{"id": look.photo_id, **_facts(look.looked), **state} for look in found])
    # Other models' features of the same pixels stay good: going back to such a model costs no inference.
    other = [look.photo_id for look in found if before.get(look.photo_id) != look.looked.pixel_hash]
    stale = FeatureRow.photo_id.in_(other) | (FeatureRow.photo_id.in_(ids) & (FeatureRow.model_id == model.id))
    session.execute(delete(FeatureRow).where(stale))
    rows = [{"photo_id": look.photo_id, "model_id": model.id, "vector": look.features} for look in found]
    session.execute(insert(FeatureRow), rows)
    _replace_labels(session, book, model, {look.photo_id: look.labels for look in found}, taught)


def relabel(
    session: Session,
    book: LabelBook,
    model: Model,
    labels: Mapping[int, Sequence[Label]],
    now: float,
    taught: Sequence[int] = (),
) -> None:
    """Give photos labels from their stored features, under a model they may not have been labelled by before.

    Taught labels whose row ids are not in `taught` stay as they are.
    """
    for ids in jobs.parts(list(labels)):
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(ids)).values(_labelled(model, now)))
        _replace_labels(session, book, model, {photo_id: labels[photo_id] for photo_id in ids}, taught)


def _labelled(model: Model, now: float) -> dict[str, int | None]:
    """A photo's columns that say when what labelled it; the keywords of its new labels are still to be written."""
    return {"labelled_at": int(now), "labelled_by": model.id, "keywords_as": None}


def _replace_labels(
    session: Session, book: LabelBook, model: Model, labels: Mapping[int, Sequence[Label]], taught: Sequence[int]
) -> None:
    """Put the policy's labels in the place of those that the policy gave before."""
    ids = list(labels)
    decided = or_(
        PhotoLabelRow.origin.in_((Origin.MODEL, Origin.HIERARCHY)),
        and_(PhotoLabelRow.origin == int(Origin.TAUGHT), PhotoLabelRow.label_id.in_(taught)),
    )
    session.execute(
        delete(PhotoLabelRow).where(
            PhotoLabelRow.photo_id.in_(ids),
            PhotoLabelRow.removed.is_(False),
            decided,
        )
    )
    kept = set(
        session.execute(select(PhotoLabelRow.photo_id, PhotoLabelRow.label_id).where(PhotoLabelRow.photo_id.in_(ids)))
    )
    rows = [
        {
            "photo_id": photo_id,
            "label_id": label_id,
            "confidence": label.confidence,
            "rank": label.rank,
            "origin": int(label.origin),
            "shown": label.shown,
            "removed": False,
            "model_id": model.id,
        }
        for photo_id, given in labels.items()
        for label in given
        if (photo_id, (label_id := book.id_of(session, label))) not in kept
    ]
    if rows:
        session.execute(insert(PhotoLabelRow), rows)


def same_pixels(session: Session, photo_id: int, looked: Looked) -> None:
    """The file changed but not its pixels (somebody wrote a keyword): labels and features stay."""
    session.execute(update(PhotoRow).where(PhotoRow.id == photo_id).values(**_facts(looked), keywords_as=None))


def rewritten(session: Session, files: Mapping[int, tuple[Fingerprint, bytes]]) -> None:
    """Tagger wrote keywords into photos: their files have these fingerprints and content hashes by now.

    They are the same photos, and nothing is to be done about them.
    """
    values = [
        {"id": photo_id, **fingerprint_columns(fingerprint), "content_hash": digest}
        for photo_id, (fingerprint, digest) in files.items()
    ]
    if values:
        session.execute(update(PhotoRow), values)


def content_hash(session: Session, photo_id: int) -> bytes | None:
    """The hash of a photo's bytes when it was last looked at."""
    return session.scalar(select(PhotoRow.content_hash).where(PhotoRow.id == photo_id))


def _facts(looked: Looked) -> dict[str, Any]:
    """A photo's columns after a look at it; it counts as there."""
    return {
        **fingerprint_columns(looked.fingerprint),
        "missing_since": None,
        "content_hash": looked.content_hash,
        "pixel_hash": looked.pixel_hash,
        "format": looked.facts.format,
        "width": looked.facts.width,
        "height": looked.facts.height,
        "taken": looked.facts.taken,
    }


def features_page(
    session: Session, model: Model, after: int, root_ids: Sequence[int] | None, limit: int
) -> list[tuple[int, bytes]]:
    """The next photos that the model labelled, with their features, by photo id."""
    query = (
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, FeatureRow.photo_id > after)
        .order_by(FeatureRow.photo_id)
        .limit(limit)
    )
    if root_ids is not None:
        query = query.where(PhotoRow.root_id.in_(root_ids))
    return [(photo_id, vector) for photo_id, vector in session.execute(query)]


def features_now(session: Session, photo_ids: Sequence[int], model: Model) -> dict[int, bytes]:
    """The features of those of some photos that this model labelled, and none since."""
    query = (
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, FeatureRow.photo_id.in_(photo_ids))
    )
    return dict(session.execute(query).all())


def features_count(session: Session, model: Model) -> int:
    """How many photos that the model labelled have their features stored."""
    query = (
        select(func.count())
        .select_from(FeatureRow)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id)
    )
    return session.scalar(query) or 0


def labels_of(session: Session, photo_ids: Sequence[int]) -> dict[int, list[Label]]:
    """The labels of photos that are not removed, by photo, in rank order."""
    rows = session.execute(
        select(PhotoLabelRow, LabelRow.key, LabelRow.name)
        .join(LabelRow, LabelRow.id == PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id.in_(photo_ids), PhotoLabelRow.removed.is_(False))
        .order_by(PhotoLabelRow.photo_id, PhotoLabelRow.rank)
    )
    found: dict[int, list[Label]] = {photo_id: [] for photo_id in photo_ids}
    for row, key, name in rows:
        found[row.photo_id].append(Label(key, name, row.confidence, row.rank, Origin(row.origin), row.shown))
    return found


def drop_old_features(session: Session, model: Model) -> int:
    """Forget the features that other models left of photos which this model labelled; returns how many."""
    labelled = select(PhotoRow.id).where(PhotoRow.labelled_by == model.id)
    result = session.execute(
        delete(FeatureRow).where(FeatureRow.model_id != model.id, FeatureRow.photo_id.in_(labelled))
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def anything_labelled(session: Session) -> bool:
    """Whether any photo is labelled."""
    return session.scalar(select(PhotoRow.id).where(PhotoRow.labelled_by.is_not(None)).limit(1)) is not None


def settled_on(session: Session, model: Model, before: float) -> bool:
    """Whether this model labelled every photo that is labelled, and did so before a time."""
    other = select(PhotoRow.id).where(
        PhotoRow.labelled_by.is_not(None), (PhotoRow.labelled_by != model.id) | (PhotoRow.labelled_at >= int(before))
    )
    return session.scalar(select(other.exists())) is False
