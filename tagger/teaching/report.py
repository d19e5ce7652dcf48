"""How good a taught label is: shown before it is switched on, and stored with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """How good a taught label is. Shares are of unseen examples (cross-validation).

    `yes`, `no`, `sampled`: examples of each kind. `alike`: drawn photos that look so much like right ones that they
    were not counted as wrong; `cautious`: the precision if all of them are wrong. `auc`: how often a right example
    scores above a wrong one. `wrong`: wrong examples above the threshold. `photos`: how many of `library` photos would
    get the label. `refused`: why it cannot be used; empty if it can.
    """

    yes: int
    no: int
    sampled: int
    refused: str = ""
    alike: int = 0
    cautious: float = 0.0
    auc: float = 0.0
    wanted: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    wrong: int = 0
    threshold: float = 1.0
    photos: int = 0
    library: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it is stored and printed."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Report:
        """The inverse of `as_json`. Ignores fields of other versions."""
        return cls(**{name: data[name] for name in cls.__slots__ if name in data})
