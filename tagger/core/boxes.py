"""Objects that a detector found in a photo: which of COCO's 80 kinds, how sure it is, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# In the order of the network's outputs (COCO 2017's categories by their ids).
OBJECTS: tuple[str, ...] = (
    "person",
    *("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench"),
    *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    *("backpack", "umbrella", "handbag", "tie", "suitcase"),
    *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard"),
    *("surfboard", "tennis racket"),
    *("bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl"),
    *("banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"),
    *("chair", "couch", "potted plant", "bed", "dining table", "toilet"),
    *("tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator"),
    *("book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"),
)
MOST_BOXES = 32
_SURE = 0.35
_BYTES = 6


@dataclass(frozen=True, slots=True)
class Box:
    """One detected object. `kind`: its place in OBJECTS. `score`: 0 to 1.

    `left`, `top`, `right`, `bottom`: shares, 0 to 1, of the width and height of the upright picture. All five are kept
    as one byte each, in steps of 1/255.
    """

    kind: int
    score: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def name(self) -> str:
        """The kind's English name."""
        return OBJECTS[self.kind]

    @property
    def is_sure(self) -> bool:
        """Whether people are told of it; less sure ones are guesses."""
        return self.score >= _SURE

    @property
    def area(self) -> float:
        """The share of the picture that the box covers, 0 to 1."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)


def boxes_to_bytes(boxes: Iterable[Box]) -> bytes:
    """The boxes as they are stored: 6 bytes each, the surest first; at most MOST_BOXES of them."""
    surest = sorted(boxes, key=lambda box: -box.score)[:MOST_BOXES]
    return b"".join(
        bytes((box.kind, *map(_level, (box.score, box.left, box.top, box.right, box.bottom)))) for box in surest
    )


def boxes_from_bytes(stored: bytes) -> tuple[Box, ...]:
    """The boxes that `boxes_to_bytes` stored, without kinds that this version does not know and what is cut off."""
    found = (stored[at : at + _BYTES] for at in range(0, len(stored) - _BYTES + 1, _BYTES))
    return tuple(Box(kind, *(level / 255 for level in levels)) for kind, *levels in found if kind < len(OBJECTS))


def _level(share: float) -> int:
    return round(255 * min(1.0, max(0.0, share)))
