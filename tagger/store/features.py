"""Stored features of photos: conversion to matrices, and queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from tagger.store.models import Model
from tagger.store.tables import FeatureRow, PhotoRow

# A photo's features as the database keeps them: rounded to half precision, without a header.
FEATURE_DTYPE = np.dtype("<f2")


def to_matrix(vectors: Sequence[bytes]) -> NDArray[np.float16]:
    """Stored features of photos -> float16 (photos, features); (0, 0) without any."""
    return np.frombuffer(b"".join(vectors), FEATURE_DTYPE).reshape(len(vectors), -1 if vectors else 0)


def to_bytes(features: NDArray[np.floating]) -> bytes:
    """One photo's features (features,) of any float type, or rows of them -> what the database keeps."""
    return features.astype(FEATURE_DTYPE).tobytes()


def reusable_features(session: Session, photo_ids: Sequence[int], model: Model) -> dict[int, bytes]:
    """The stored features of photos under a model, by photo id; without photos whose file changed since."""
    rows = session.execute(
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        # A photo whose file changed has no content hash until it is decoded again.
        .where(FeatureRow.photo_id.in_(photo_ids), FeatureRow.model_id == model.id, PhotoRow.content_hash.is_not(None))
    )
    return dict(rows.all())


def features_page(
    session: Session, model: Model, after: int, root_ids: Sequence[int] | None, limit: int
) -> list[tuple[int, bytes]]:
    """The next `limit` photos after an id that the model labelled, with their stored features, by photo id."""
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
    """The stored features of those of some photos that this model was the last to label, by photo id."""
    query = (
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, FeatureRow.photo_id.in_(photo_ids))
    )
    return dict(session.execute(query).all())


def features_since(session: Session, model: Model, since: float) -> tuple[list[int], NDArray[np.float16]]:
    """The photos (ids, ascending) that the model labelled at or after a time, in seconds since the epoch.

    With their features, float16 (photos, features); (0, 0) without any.
    """
    rows = session.execute(
        select(FeatureRow.photo_id, FeatureRow.vector)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, PhotoRow.labelled_at >= int(since))
        .order_by(FeatureRow.photo_id)
    ).all()
    return [row[0] for row in rows], to_matrix([row[1] for row in rows])


def present_with_features(session: Session, model: Model) -> list[int]:
    """The photos that have a file and that the model labelled, with features stored; ascending."""
    query = (
        select(FeatureRow.photo_id)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id, PhotoRow.missing_since.is_(None))
        .order_by(FeatureRow.photo_id)
    )
    return list(session.scalars(query))


def features_count(session: Session, model: Model) -> int:
    """Number of photos that the model labelled and whose features are stored."""
    query = (
        select(func.count())
        .select_from(FeatureRow)
        .join(PhotoRow, PhotoRow.id == FeatureRow.photo_id)
        .where(FeatureRow.model_id == model.id, PhotoRow.labelled_by == model.id)
    )
    return session.scalar(query) or 0


def drop_old_features(session: Session, model: Model, words: Model | None = None) -> int:
    """Delete other models' features of photos that this model labelled; returns how many.

    `words`: the built-in model, whose features are needed beside the model's.
    """
    labelled = select(PhotoRow.id).where(PhotoRow.labelled_by == model.id)
    needed = [model.id] if words is None else [model.id, words.id]
    result = session.execute(
        delete(FeatureRow).where(FeatureRow.model_id.not_in(needed), FeatureRow.photo_id.in_(labelled))
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
