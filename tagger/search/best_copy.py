"""Which of several photos that look the same is the best one, and why: a proposal, for a person to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tagger.core.sentences import Sentence
from tagger.store.records import PhotoRecord

# Less of a difference decides nothing: crops by a few pixels, another compression, noise.
_PIXELS, _SHARPNESS, _BYTES = 0.02, 0.1, 0.02


@dataclass(frozen=True, slots=True)
class BestCopy:
    """The photo that is proposed. `why`: what decided, for people. `sure`: by pixels alone, or all are one file."""

    photo_id: int
    why: tuple[Sentence, ...]
    sure: bool


def best_copy(
    photos: Sequence[PhotoRecord], keywords: Mapping[int, int], sharpness: Mapping[int, float] | None = None
) -> BestCopy:
    """The best of one or more photos: by pixels, sharpness, bytes, keywords, and whether its date is known.

    `keywords`: how many of a person's each has; `sharpness`: as `tagger.imaging.sharpness`, where it was measured.
    """
    left, why = list(photos), []
    same = len({one.content_hash for one in photos}) == 1 and photos[0].content_hash is not None
    by_pixels = len(_most(left, _pixels, _PIXELS)) == 1
    known = sharpness or {}
    rules: list[tuple[Callable[[PhotoRecord], float], float, Sentence]] = [
        (_pixels, _PIXELS, Sentence("It has the most pixels.")),
        (lambda one: known.get(one.id, 0.0), _SHARPNESS, Sentence("It is the sharpest.")),
        (lambda one: one.fingerprint.size, _BYTES, Sentence("Its file is the largest, so least was lost.")),
        (lambda one: keywords.get(one.id, 0), 0.0, Sentence("It has the most keywords of yours.")),
        (lambda one: one.taken is not None, 0.0, Sentence("It knows when it was taken.")),
    ]
    for value, slack, sentence in rules:
        best = _most(left, value, slack)
        if len(best) < len(left):
            left = best
            why.append(sentence)
        if len(left) == 1:
            break
    if len(left) > 1:
        told = Sentence("The files are the same, byte for byte.") if same else Sentence("They are equally good.")
        why.append(Sentence("{what} This one was in the library first.", what=told))
    return BestCopy(min(one.id for one in left), tuple(why), sure=same or by_pixels)


def _pixels(photo: PhotoRecord) -> float:
    return float((photo.width or 0) * (photo.height or 0))


def _most(photos: list[PhotoRecord], value: Callable[[PhotoRecord], float], slack: float) -> list[PhotoRecord]:
    least = max(map(value, photos)) * (1 - slack)
    return [one for one in photos if value(one) >= least]
