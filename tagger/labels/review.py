"""The review queue: labels of which the model is not sure, for a person to answer.

The most uncertain are those nearest to the threshold at which they are shown. From each label a few are taken in turn,
so that the queue is not all of one kind, and an answer helps where the model is weak.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.config import LabelSettings
from tagger.core.photo import Origin
from tagger.labels import taxonomy
from tagger.labels.policy import Policy
from tagger.store.reader import Reader

# So far from its threshold a label is uncertain.
_NEAR = 0.15
# Of each label so many are looked at.
_EACH = 6
# So many labels are looked at.
_LABELS = 200


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A label of a photo that may be wrong."""

    photo_id: int
    key: str
    name: str
    confidence: float
    shown: bool


def uncertain(
    reader: Reader, settings: LabelSettings, limit: int, *, key: str = "", skip: Sequence[tuple[int, str]] = ()
) -> list[Uncertain]:
    """Up to `limit` uncertain labels, the nearest to their thresholds first. `key`: of one label only.

    `skip`: (photo, key) that a person did not want to answer.
    """
    thresholds = {one.key: one.threshold for one in Policy.from_settings(settings, taxonomy.load()).candidates}
    passed = set(skip)
    found: list[tuple[int, float, Uncertain]] = []
    labels = [
        row
        for row in reader.rows("SELECT id, key, name FROM labels", {})
        if row[1] in thresholds and (not key or row[1] == key)
    ]
    # Of a large vocabulary others each time, which is quicker and no less fair.
    for number, label_key, name in random.sample(labels, _LABELS) if len(labels) > _LABELS else labels:
        threshold = thresholds[label_key]
        each = limit if key else _EACH
        near = [
            Uncertain(photo_id, label_key, name, confidence, shown)
            for photo_id, confidence, shown in _near(reader, number, threshold, each + len(passed))
            if (photo_id, label_key) not in passed
        ]
        near.sort(key=lambda one: (abs(one.confidence - threshold), one.photo_id))
        found += [(turn, abs(one.confidence - threshold), one) for turn, one in enumerate(near[:each])]
    found.sort(key=lambda item: (item[0], item[1], item[2].photo_id, item[2].key))
    return [one for _, _, one in found[:limit]]


def _near(reader: Reader, label_id: int, threshold: float, limit: int) -> list[tuple[int, float, bool]]:
    """Some of a label's rows just above and just below its threshold: (photo, confidence, shown)."""
    rows: list[tuple[int, float, bool]] = []
    # Several queries for each of a thousand labels, which is quick without SQLAlchemy.
    for side, order in (
        (">= :threshold AND l.confidence <= :threshold + :near", "ASC"),
        ("< :threshold AND l.confidence >= :threshold - :near", "DESC"),
    ):
        sql = (
            "SELECT l.photo_id, l.confidence, l.shown FROM photo_labels l JOIN photos p ON p.id = l.photo_id"
            f" WHERE l.label_id = :label AND l.confidence {side} AND NOT l.removed AND l.origin IN (:model, :hierarchy)"
            f" AND p.missing_since IS NULL ORDER BY l.confidence {order}, l.photo_id LIMIT :limit"
        )
        values = {
            "label": label_id,
            "threshold": threshold,
            "near": _NEAR,
            "model": int(Origin.MODEL),
            "hierarchy": int(Origin.HIERARCHY),
            "limit": limit,
        }
        rows += [(photo_id, confidence, bool(shown)) for photo_id, confidence, shown in reader.rows(sql, values)]
    return rows
