"""How good a taught label is: shown before it is switched on, and stored with it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """How good a taught label is. `precision`: of the library's photos that would get it, the share of right ones.

    `yes`, `no`, `sampled`: examples of each kind. `alike`: drawn photos that look so much like right ones that they
    were not used; a person may say what they are. `auc`: how often a right example scores above a wrong one, among
    examples that were held back. `recall`: the share of such right examples that is found. `wrong`: wrong ones too.
    `photos`: how many of `library` photos would get it; `unlooked`: those of them that nobody judged. `looked`: photos
    that would get it that a person was asked about, `looked_right`: and said yes. `refused`: why it cannot be used;
    `must_look`: why a person has to look at some photos before it is given. Both empty if it can.
    """

    yes: int
    no: int
    sampled: int
    refused: str = ""
    alike: int = 0
    auc: float = 0.0
    wanted: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    wrong: int = 0
    threshold: float = 1.0
    photos: int = 0
    library: int = 0
    unlooked: int = 0
    looked: int = 0
    looked_right: int = 0
    must_look: str = ""

    @property
    def likely_wrong(self) -> int:
        """How many of the photos that would get it are wrong, as far as that can be known."""
        return math.ceil(round((1 - self.precision) * self.photos, 6))

    def as_json(self) -> dict[str, Any]:
        """As it is stored and printed."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `as_json`. Ignores fields of other versions."""
        return cls(**{name: data[name] for name in cls.__slots__ if name in data})
