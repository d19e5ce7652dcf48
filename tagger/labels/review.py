"""The review queue: uncertain labels of photos, for a person to confirm or remove.

The nearer a confidence is to its label's threshold, the more uncertain it is. The queue takes a few photos of each
label in turn, so that it is not all of one kind, and answers help where the model is weak.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tagger.core.config import LabelSettings
from tagger.labels import taxonomy
from tagger.labels.policy import Policy
from tagger.store.label_scores import around_threshold, known_labels
from tagger.store.reader import Reader

# The distance from its threshold within which a confidence is uncertain.
_NEAR = 0.15
# Photos considered for each label.
_EACH = 6
# Labels considered.
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
    """Up to `limit` uncertain labels, the nearest to their thresholds first. `key`: only this label.

    `skip`: (photo, key) pairs that a person skipped.
    """
    thresholds = {one.key: one.threshold for one in Policy.from_settings(settings, taxonomy.load()).candidates}
    passed = set(skip)
    found: list[tuple[int, float, Uncertain]] = []
    labels = [row for row in known_labels(reader) if row[1] in thresholds and (not key or row[1] == key)]
    # From a large vocabulary, take a random part each time: it is quicker, and no label is left out for good.
    for number, label_key, name in random.sample(labels, _LABELS) if len(labels) > _LABELS else labels:
        threshold = thresholds[label_key]
        each = limit if key else _EACH
        near = [
            Uncertain(photo_id, label_key, name, confidence, shown)
            for photo_id, confidence, shown in around_threshold(reader, number, threshold, _NEAR, each + len(passed))
            if (photo_id, label_key) not in passed
        ]
        near.sort(key=lambda one: (abs(one.confidence - threshold), one.photo_id))
        found += [(turn, abs(one.confidence - threshold), one) for turn, one in enumerate(near[:each])]
    found.sort(key=lambda item: (item[0], item[1], item[2].photo_id, item[2].key))
    return [one for _, _, one in found[:limit]]
