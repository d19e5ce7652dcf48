"""How the labels shown on photos would change: counted, with some examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """A photo that would show other labels. `path`: absolute, as the operating system spells it."""

    photo_id: int
    path: str
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@dataclass(slots=True)
class Differences:
    """What was compared so far. `same`: photos whose labels stay as they are; `examples`: the first that do not."""

    photos: int = 0
    same: int = 0
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    examples: list[Difference] = field(default_factory=list)

    def add(self, photo_id: int, before: AbstractSet[str], after: AbstractSet[str]) -> None:
        """Compare the names that a photo shows with those that it would show. `place` tells the examples' paths."""
        self.photos += 1
        if before == after:
            self.same += 1
            return
        self.gained.update(after - before)
        self.lost.update(before - after)
        if len(self.examples) < EXAMPLES:
            self.examples.append(Difference(photo_id, "", tuple(sorted(before - after)), tuple(sorted(after - before))))

    def place(self, paths: Mapping[int, str]) -> None:
        """Say where the examples are: absolute paths by photo."""
        self.examples = [replace(example, path=paths[example.photo_id]) for example in self.examples]
