"""Stored evidence beside the classifier's features: boxes, the built-in model's features, what the file tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, and_, delete, insert, or_, select
from sqlalchemy.orm import Session, aliased

from tagger.core.boxes import boxes_from_bytes
from tagger.core.evidence import Evidence, is_tiny
from tagger.store.features import to_matrix
from tagger.store.models import Model
from tagger.store.tables import BoxesRow, FeatureRow, PhotoRow


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What looks at every photo beside the classifier. `detector`: its id; None if it is off.

    `words`: the built-in model, where its features are extracted beside another classifier's; else None.
    """

    detector: str | None = None
    words: Model | None = None


NO_WITNESSES = Witnesses()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of one photo. None: not looked at for that. `boxes`, `words`: as the database keeps them.

    `tiny`: see Evidence.
    """

    kinds: tuple[str, ...] | None = None
    boxes: bytes | None = None
    words: bytes | None = None
    tiny: bool = False

    def lacks(self, witnesses: Witnesses) -> frozenset[str]:
        """What these witnesses have yet to say: some of "kinds", "boxes", "words"."""
        return frozenset(
            name
            for name, missing in (
                ("kinds", self.kinds is None),
                ("boxes", witnesses.detector is not None and self.boxes is None),
                ("words", witnesses.words is not None and self.words is None),
            )
            if missing
        )

    def evidence(self) -> Evidence:
        """As the label policy weighs it."""
        boxes = None if self.boxes is None else boxes_from_bytes(self.boxes)
        words = None if self.words is None else to_matrix([self.words])[0].astype(np.float32)
        return Evidence(boxes, words, self.kinds, self.tiny)


UNSEEN = Seen()


def is_incomplete(witnesses: Witnesses) -> ColumnElement[bool]:
    """The condition that a photo (PhotoRow) lacks something that these witnesses would say."""
    lacks: list[ColumnElement[bool]] = [PhotoRow.kinds.is_(None)]
    if witnesses.detector is not None:
        boxes = select(BoxesRow.photo_id).where(
            BoxesRow.photo_id == PhotoRow.id, BoxesRow.detector == witnesses.detector
        )
        lacks.append(~boxes.exists())
    if witnesses.words is not None:
        # Under a name of its own, because the query may join the features of the classifier.
        row = aliased(FeatureRow)
        words = select(row.photo_id).where(row.photo_id == PhotoRow.id, row.model_id == witnesses.words.id)
        lacks.append(~words.exists())
    return or_(*lacks)


def complete_of(session: Session, photo_ids: Sequence[int], witnesses: Witnesses) -> frozenset[int]:
    """Those of some photos of which nothing is missing."""
    query = select(PhotoRow.id).where(PhotoRow.id.in_(photo_ids), ~is_incomplete(witnesses))
    return frozenset(session.scalars(query)) if photo_ids else frozenset()


def seen_of(session: Session, photo_ids: Sequence[int], witnesses: Witnesses) -> dict[int, Seen]:
    """What is stored of photos, by photo id; nothing of a photo whose file changed since."""
    words = None if witnesses.words is None else witnesses.words.id
    rows = session.execute(
        select(PhotoRow.id, PhotoRow.kinds, BoxesRow.boxes, FeatureRow.vector, PhotoRow.width, PhotoRow.height)
        .outerjoin(BoxesRow, and_(BoxesRow.photo_id == PhotoRow.id, BoxesRow.detector == witnesses.detector))
        .outerjoin(FeatureRow, and_(FeatureRow.photo_id == PhotoRow.id, FeatureRow.model_id == words))
        # A photo whose file changed has no content hash until it is decoded again.
        .where(PhotoRow.id.in_(photo_ids), PhotoRow.content_hash.is_not(None))
    )
    return {
        number: Seen(kinds_from(kinds), boxes, vector, is_tiny(width, height))
        for number, kinds, boxes, vector, width, height in rows
    }


def evidence_of(session: Session, photo_ids: Sequence[int], witnesses: Witnesses) -> list[Evidence]:
    """The stored evidence of photos, in their order."""
    seen = seen_of(session, photo_ids, witnesses)
    return [seen.get(number, UNSEEN).evidence() for number in photo_ids]


def save_seen(session: Session, witnesses: Witnesses, seen: Mapping[int, Seen], changed: Sequence[int]) -> None:
    """Store the boxes and the built-in model's features of photos that were just looked at.

    `changed`: those of them that are other pictures now. What the file tells is stored with a photo's other facts.
    """
    boxes = [
        {"photo_id": number, "detector": witnesses.detector, "boxes": one.boxes}
        for number, one in seen.items()
        if one.boxes is not None and witnesses.detector is not None
    ]
    old = [*changed, *(row["photo_id"] for row in boxes)]
    session.execute(delete(BoxesRow).where(BoxesRow.photo_id.in_(old)))
    if boxes:
        session.execute(insert(BoxesRow), boxes)
    if witnesses.words is None:
        return
    model_id = witnesses.words.id
    words = [
        {"photo_id": number, "model_id": model_id, "vector": one.words}
        for number, one in seen.items()
        if one.words is not None
    ]
    ids = [row["photo_id"] for row in words]
    session.execute(delete(FeatureRow).where(FeatureRow.photo_id.in_(ids), FeatureRow.model_id == model_id))
    if words:
        session.execute(insert(FeatureRow), words)


def kinds_of(session: Session, photo_id: int) -> tuple[str, ...] | None:
    """What a photo's file told of it when it was last looked at; None if it was not looked at for that."""
    return kinds_from(session.scalar(select(PhotoRow.kinds).where(PhotoRow.id == photo_id)))


def kinds_from(stored: str | None) -> tuple[str, ...] | None:
    """The column photos.kinds -> the kinds of photo that it is; None if its file was not looked at for them."""
    return None if stored is None else tuple(filter(None, stored.split(",")))


def kinds_column(kinds: Sequence[str]) -> str:
    """The inverse of `kinds_from`."""
    return ",".join(kinds)
