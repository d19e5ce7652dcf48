"""The review queue: uncertain labels of photos, for a person to confirm or remove.

The nearer a confidence is to its label's threshold, the more uncertain it is. The queue takes a few photos of each
label in turn, so that it is not all of one kind, and answers help where the model is weak.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tagger.core.photo import Origin
from tagger.labels.combine import UNSURE, least_shown
from tagger.labels.policy import Candidate, Policy
from tagger.store.label_scores import Doubtful, count_doubtful, doubtful_labels, known_labels
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
    reader: Reader, policy: Policy, limit: int, *, key: str = "", skip: Sequence[tuple[int, str]] = ()
) -> list[Uncertain]:
    """Up to `limit` uncertain labels, the nearest to their thresholds first. `key`: only this label.

    `policy`: that of the model that labelled the library. `skip`: (photo, key) pairs that a person skipped.
    """
    candidates = {one.key: one for one in policy.candidates}
    passed = set(skip)
    found: list[tuple[int, float, Uncertain]] = []
    labels = [row for row in known_labels(reader) if row[1] in candidates and (not key or row[1] == key)]
    # From a large vocabulary, take a random part each time: it is quicker, and no label is left out for good.
    for number, label_key, name in random.sample(labels, _LABELS) if len(labels) > _LABELS else labels:
        each = limit if key else _EACH
        near = [
            (doubtful.distance(confidence), Uncertain(photo_id, label_key, name, confidence, shown))
            for doubtful in _doubtful(candidates[label_key])
            for photo_id, confidence, shown in doubtful_labels(reader, number, doubtful, _NEAR, each + len(passed))
            if (photo_id, label_key) not in passed
        ]
        near.sort(key=lambda one: (one[0], one[1].photo_id))
        found += [(turn, distance, one) for turn, (distance, one) in enumerate(near[:each])]
    found.sort(key=lambda item: (item[0], item[1], item[2].photo_id, item[2].key))
    return [one for _, _, one in found[:limit]]


def count_uncertain(reader: Reader, policy: Policy, most: int, *, key: str = "") -> int:
    """How many uncertain labels there are, up to `most`. `key`: only this label."""
    candidates = {one.key: one for one in policy.candidates}
    number = 0
    for row, each, _ in known_labels(reader):
        for doubtful in _doubtful(candidates[each]) if each in candidates and key in ("", each) else ():
            number += count_doubtful(reader, row, doubtful, _NEAR, most - number)
            if number >= most:
                return most
    return number


def _doubtful(candidate: Candidate) -> Iterator[Doubtful]:
    """What is doubtful of a label, for each kind of witness. What the file tells is not."""
    yield Doubtful((Origin.MODEL, Origin.HIERARCHY), candidate.threshold, candidate.threshold)
    least = candidate.threshold if candidate.fixed else least_shown().get(candidate.key)
    if least is not None:
        yield Doubtful((Origin.OBJECT, Origin.WORD), least, min(least, UNSURE))
