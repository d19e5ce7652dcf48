"""More like this: the photos whose features point the same way.

Comparing with every photo would read gigabytes from a large library. So those are compared that share a label with the
photo, the surest of each, and those taken around the same time; `tagger.search.similar` compares with all.
"""

from __future__ import annotations

from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.core.linear_heads import unit
from tagger.store.features import reusable_features, to_matrix
from tagger.store.models import all_models
from tagger.store.records import PhotoRecord
from tagger.store.tables import PhotoLabelRow, PhotoRow

# So many photos of each label, of at most so many labels, and so many taken before and after.
_PER_LABEL, _LABELS, _AROUND = 400, 5, 200


def similar(session: Session, record: PhotoRecord, limit: int) -> list[tuple[int, float]]:
    """Up to `limit` photos as (id, cosine similarity of the features, 0 to 1), the most similar first.

    Empty where the photo has no stored features.
    """
    if record.labelled_by is None:
        return []
    model = all_models(session)[record.labelled_by]
    own = reusable_features(session, [record.id], model).get(record.id)
    if own is None:
        return []
    ids = sorted(_candidates(session, record))
    found: list[tuple[int, float]] = []
    this = unit(to_matrix([own]))
    iterator = iter(ids)
    while part := list(islice(iterator, 500)):
        vectors = reusable_features(session, part, model)
        if vectors:
            rows = to_matrix(list(vectors.values()))
            found += zip(vectors, (unit(rows) @ this[0]).tolist(), strict=True)
    found.sort(key=lambda item: (-item[1], item[0]))
    # An identical copy is told elsewhere; here it would only fill places.
    return [(number, min(1.0, share)) for number, share in found if share < 0.9999][:limit]


def _candidates(session: Session, record: PhotoRecord) -> set[int]:
    labels = session.scalars(
        select(PhotoLabelRow.label_id)
        .where(PhotoLabelRow.photo_id == record.id, PhotoLabelRow.removed.is_(False))
        .order_by(PhotoLabelRow.rank)
        .limit(_LABELS)
    ).all()
    found: set[int] = set()
    for label_id in labels:
        query = (
            select(PhotoLabelRow.photo_id)
            .where(PhotoLabelRow.label_id == label_id, PhotoLabelRow.removed.is_(False))
            .order_by(PhotoLabelRow.confidence.desc(), PhotoLabelRow.photo_id)
            .limit(_PER_LABEL)
        )
        found.update(session.scalars(query))
    if record.taken is not None:
        for side, order in (
            (PhotoRow.taken >= record.taken, PhotoRow.taken),
            (PhotoRow.taken < record.taken, PhotoRow.taken.desc()),
        ):
            found.update(session.scalars(select(PhotoRow.id).where(side).order_by(order).limit(_AROUND)))
    missing = select(PhotoRow.id).where(PhotoRow.missing_since.is_not(None), PhotoRow.id.in_(found))
    return found - set(session.scalars(missing)) - {record.id}
