"""What looks like a description, as a search asks for it; `likeness.py` answers, and only it needs NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tagger.search.query_tree import And, Like, Node, Or, Word, Words


class Likeness(Protocol):
    """The photos that look like something, each with its probability."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def best_first(self, after: tuple[float, int] | None = None) -> Iterator[tuple[float, int]]:
        """(probability, photo), the likeliest first, equal ones by id. `after`: those behind this place."""
        ...

    def among(self, photos: Sequence[int]) -> dict[int, float]:
        """The probabilities of those of some photos that look like it."""
        ...

    def both(self, other: Likeness) -> Likeness:
        """The photos that look like this and like the other, each as likely as the less likely of both."""
        ...


# Answers a description; whether with the photos that are unlikely to be that, too.
LikenessOf = Callable[[Like, bool], Likeness]


def no_likeness(like: Like, _less_sure: bool) -> Likeness:
    """Where a query has no description."""
    raise AssertionError(f"nobody answers {like}")


def as_description(node: Node) -> Node | None:
    """The query with its words taken for descriptions, one for those that must all hold; None where it has no words.

    `child swing taken:2019 -cat` becomes `like:"child swing" taken:2019 -cat`. What is below a NOT, and words with a
    comparison, stay labels.
    """
    found = _described(node)
    return None if found == node else found


def _described(node: Node) -> Node:
    match node:
        case Word(text, None):
            return Like(text)
        case Words(words, None):
            return Like(" ".join(words))
        case Words(words, comparison):
            # The comparison belongs to the last word.
            return And((Like(" ".join(words[:-1])), Word(words[-1], comparison)))
        case Or(items):
            return Or(tuple(map(_described, items)))
        case And(items):
            plain = [item for item in items if isinstance(item, Word | Words) and item.comparison is None]
            others = tuple(_described(item) for item in items if item not in plain)
            if not plain:
                return And(others)
            sentence = Like(" ".join(" ".join(item.words) if isinstance(item, Words) else item.text for item in plain))
            return And((sentence, *others)) if others else sentence
        case _:
            return node
