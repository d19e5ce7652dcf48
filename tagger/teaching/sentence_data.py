"""Described photos as the towers take them, and the queries by which they are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.labels import taxonomy
from tagger.search.function_words import IGNORED
from tagger.search.towers import FEW
from tagger.search.understand import words_of
from tagger.teaching.described import Described

# A word is learned from so many photos at least. With four, 1 % less are found among ten.
_LEAST = 2
# A name of several words is said by as many as this.
_LEAST_PHRASE = 4
# A word that nobody knows, for what a query is worth of which a part is not understood.
_UNKNOWN = "qxzqx"
_ENDINGS = ("ing", "ers", "er", "es", "s", "ed")


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


def both(one: Photos, other: Photos) -> Photos:
    """The photos of both."""
    names = one.described.names + other.described.names
    return Photos(
        Described(names, one.described.sentences + other.described.sentences), np.concatenate([one.rows, other.rows])
    )


def stem(word: str) -> str:
    """What forms of an English word have in common: *ride* for rides, riding, rider. Roughly: it need be no word."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word.rstrip("e")


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

    @property
    def kin(self) -> NDArray[np.int64]:
        """For each word a number that other forms of it have, too; -1 where there are none; (words,)."""
        stems = [stem(name) for name in self.names]
        counts = Counter(stems)
        shared = {one: number for number, one in enumerate(sorted(one for one in counts if counts[one] > 1))}
        return np.array([shared.get(one, -1) for one in stems], np.int64)

    def bags(self, described: Described) -> list[list[NDArray[np.int64]]]:
        """The places of the known words of every sentence of every photo."""
        places = {name: place for place, name in enumerate(self.names)}
        return [
            [np.array([places[word] for word in text.split() if word in places], np.int64) for text in of_one]
            for of_one in described.sentences
        ]


def said_phrases(described: Described) -> frozenset[str]:
    """The names of labels, of several words, that the sentences say: *mountain bike*, but hardly *hot dog*."""
    tree = taxonomy.load()
    names = {" ".join(words_of(name)) for key in tree.labels for name in (tree.names[key], *tree.synonyms[key])}
    counts: Counter[str] = Counter()
    for of_one in described.sentences:
        said = set()
        for text in of_one:
            words = text.split()
            for count in (2, 3):
                said |= {" ".join(words[at : at + count]) for at in range(len(words) - count + 1)} & names
        counts.update(said)
    return frozenset(name for name, count in counts.items() if count >= _LEAST_PHRASE)


@dataclass(frozen=True)
class Query:
    """Words that were taken from a sentence about one photo. `photo`: its place.

    `meant`: what a photo should show, where the text says it by a word that nobody knows.
    """

    text: str
    photo: int
    meant: str = ""

    def confirmed(self, described: Described) -> NDArray[np.bool_]:
        """The photos of which one sentence says every word, bool (photos,).

        Of a query of more than three words half are enough, and all that was said of the photo counts: hardly two
        people describe a photo by the same words. Of a sentence about a photo, the four other describers of it have
        half of the words in 74 % of all cases, those of any other photo in 2 %.
        """
        words = {word for word in (self.meant or self.text).split() if word not in IGNORED}
        if len(words) <= FEW:
            return np.array([any(words <= {*one.split()} for one in of_one) for of_one in described.sentences])
        said = [{word for one in of_one for word in one.split()} for of_one in described.sentences]
        return np.array([2 * len(words & every) >= len(words) for every in said])

    def half_known(self, random: np.random.Generator) -> Query:
        """The same with one word that nobody knows."""
        words = self.text.split()
        words[int(random.integers(len(words)))] = _UNKNOWN
        return Query(" ".join(words), self.photo, self.text)


def sentences(described: Described) -> list[Query]:
    """Every sentence, whole."""
    return [Query(text, place) for place, of_one in enumerate(described.sentences) for text in of_one]


def short_queries(described: Described, lengths: Sequence[int], count: int, seed: int) -> list[Query]:
    """Queries of a few words that stand in one sentence in this order, function words left out; each only once.

    Fewer than `count` where the sentences do not have so many.
    """
    random = np.random.default_rng(seed)
    found: dict[str, Query] = {}
    every = sentences(described)
    for _ in range(20 * count):
        one = every[int(random.integers(len(every)))]
        words = list(dict.fromkeys(word for word in one.text.split() if word not in IGNORED))
        length = int(random.choice(lengths))
        if len(words) >= length and len(found) < count:
            chosen = sorted(random.choice(len(words), length, replace=False).tolist())
            text = " ".join(words[place] for place in chosen)
            found.setdefault(text, Query(text, one.photo))
    return list(found.values())


def absent_queries() -> list[Query]:
    """A hundred queries about what is on no everyday photo, written by hand."""
    text = (Path(__file__).parent / "absent_queries.txt").read_text(encoding="utf-8")
    return [Query(line, -1) for line in text.splitlines()]
