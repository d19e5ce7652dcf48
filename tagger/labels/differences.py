"""How the labels shown on photos would change: counts, and some examples."""

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
    """The result of comparing photos. `same`: photos whose labels stay the same; `examples`: the first whose do not."""

    photos: int = 0
    same: int = 0
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    examples: list[Difference] = field(default_factory=list)

    def add(self, photo_id: int, before: AbstractSet[str], after: AbstractSet[str]) -> None:
        """Add a photo: the names that it shows, and those that it would show. `place` adds the examples' paths."""
        self.photos += 1
        if before == after:
            self.same += 1
            return
        self.gained.update(after - before)
        self.lost.update(before - after)
        if len(self.examples) < EXAMPLES:
            self.examples.append(Difference(photo_id, "", tuple(sorted(before - after)), tuple(sorted(after - before))))

    def place(self, paths: Mapping[int, str]) -> None:
        """Fill in the paths of the examples: absolute paths by photo."""
        self.examples = [replace(example, path=paths[example.photo_id]) for example in self.examples]
