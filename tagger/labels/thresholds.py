"""The content of thresholds.toml: when a label of one of the witnesses is shown, and how sure it is."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tagger.core.boxes import OBJECTS


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """A kind of box as a label. `alone`: the least score; `second`: the least where another witness sees it, too."""

    label: str
    alone: float
    second: float


@dataclass(frozen=True)
class Rules:
    """The content of thresholds.toml."""

    people: Mapping[str, float]
    confidence: Mapping[str, list[list[float]]]
    classifier: Mapping[str, Any]
    words: Mapping[str, list[str]]
    objects: Mapping[int, ObjectRule]

    @cached_property
    def of_label(self) -> dict[str, tuple[int, ...]]:
        """The kinds of boxes that are a label."""
        found: dict[str, tuple[int, ...]] = {}
        for kind, rule in self.objects.items():
            found[rule.label] = (*found.get(rule.label, ()), kind)
        return found

    def worth(self, what: str, score: float) -> float:
        """The share of boxes of such a score that is true. `what`: people or things."""
        scores, shares = zip(*self.confidence[what], strict=True)
        return float(np.interp(score, scores, shares))


@cache
def rules() -> Rules:
    """The thresholds in the package."""
    found = tomllib.loads((Path(__file__).parent / "thresholds.toml").read_text(encoding="utf-8"))
    objects = {
        OBJECTS.index(name): ObjectRule(rule["label"], rule.get("alone", 2.0), rule.get("with", 2.0))
        for name, rule in found["objects"].items()
    }
    return Rules(found["people"], found["confidence"], found["classifier"], found["words"], objects)
