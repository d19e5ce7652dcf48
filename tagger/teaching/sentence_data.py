"""Described photos as the towers take them, and the queries by which they are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagger.search.understand import IGNORED
from tagger.teaching.described import Described

# A word is learned from so many photos at least.
_LEAST = 4


@dataclass(frozen=True)
class Photos:
    """Described photos. `rows`: float32 (photos, features) of length one."""

    described: Described
    rows: NDArray[np.float32]

    def part(self, chosen: NDArray[np.bool_]) -> Photos:
        """Some of them, in the same order."""
        described = self.described
        names = tuple(name for name, taken in zip(described.names, chosen, strict=True) if taken)
        sentences = tuple(said for said, taken in zip(described.sentences, chosen, strict=True) if taken)
        return Photos(Described(names, sentences), self.rows[chosen])


@dataclass(frozen=True)
class Words:
    """The words that sentences are known by, in order. `said`: int32 (words,), how many photos have each."""

    names: tuple[str, ...]
    said: NDArray[np.int32]

    @classmethod
    def of(cls, described: Described) -> Words:
        """Those that are said of photos often enough."""
        counts = Counter(
            word for of_one in described.sentences for word in {word for text in of_one for word in text.split()}
        )
        names = tuple(sorted(word for word, count in counts.items() if count >= _LEAST and word not in IGNORED))
        return cls(names, np.array([counts[name] for name in names], np.int32))

    def bags(self, described: Described) -> list[list[NDArray[np.int64]]]:
        """The places of the known words of every sentence of every photo."""
        places = {name: place for place, name in enumerate(self.names)}
        return [
            [np.array([places[word] for word in text.split() if word in places], np.int64) for text in of_one]
            for of_one in described.sentences
        ]


@dataclass(frozen=True)
class Query:
    """Words that were taken from a sentence about one photo. `photo`: its place."""

    text: str
    photo: int


def sentences(described: Described) -> list[Query]:
    """Every sentence, whole."""
    return [Query(text, place) for place, of_one in enumerate(described.sentences) for text in of_one]


def short_queries(described: Described, lengths: Sequence[int], count: int, seed: int) -> list[Query]:
    """Queries of a few words that stand in one sentence in this order, function words left out; each only once."""
    random = np.random.default_rng(seed)
    found: dict[str, Query] = {}
    every = sentences(described)
    while len(found) < count:
        one = every[int(random.integers(len(every)))]
        words = list(dict.fromkeys(word for word in one.text.split() if word not in IGNORED))
        length = int(random.choice(lengths))
        if len(words) < length:
            continue
        chosen = sorted(random.choice(len(words), length, replace=False).tolist())
        text = " ".join(words[place] for place in chosen)
        found.setdefault(text, Query(text, one.photo))
    return list(found.values())


def confirmed(described: Described, text: str) -> NDArray[np.bool_]:
    """The photos of which one sentence says every word of a query, bool (photos,).

    Of a query of more than three words two thirds are enough, and all that was said of the photo counts: hardly two
    people describe a photo by the same words.
    """
    words = {word for word in text.split() if word not in IGNORED}
    if len(words) <= 3:
        return np.array([any(words <= {*one.split()} for one in of_one) for of_one in described.sentences])
    said = [{word for one in of_one for word in one.split()} for of_one in described.sentences]
    return np.array([3 * len(words & every) >= 2 * len(words) for every in said])
