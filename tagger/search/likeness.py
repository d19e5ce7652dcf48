"""Descriptions answered: which photos look like a sentence, and how probably.

A word that is a label and nothing else (a taught one, a breed) counts as that label's confidence. A photo is then as
likely as the least sure part: the sentence's other words, and each of these labels. Without the label it is a tenth as
likely as without that word, which is never enough to be shown by default, and keeps the order of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.languages import ENGLISH, LanguageCode
from tagger.labels.languages import language
from tagger.labels.taxonomy import OWN_PREFIX, Taxonomy
from tagger.search.looks import Likeness
from tagger.search.query_tree import Comparison, Like
from tagger.search.sentence_index import SentenceIndex
from tagger.search.sentence_vectors import SentenceVectors
from tagger.search.towers import Towers
from tagger.search.understand import Understood, probability, understand, why
from tagger.search.vocabulary import id_list
from tagger.store.reader import Reader

# The likeliest are put in order first; the others only where somebody reads on.
_FIRST = 5000
# How much less likely a photo is that lacks a label of the sentence.
_WITHOUT = 0.1


class Alike:
    """Photos that look like something. `ids`: int64, ascending; `values`: float64, their probabilities.

    Probabilities are rounded to what a cursor says, so that they compare with the confidences of labels.
    """

    def __init__(self, ids: NDArray[np.int64], values: NDArray[np.floating]) -> None:
        order = np.argsort(ids, kind="stable")
        self.ids, self.values = ids[order], np.round(values[order].astype(np.float64), 6)

    def __len__(self) -> int:
        return len(self.ids)

    def best_first(self, after: tuple[float, int] | None = None) -> Iterator[tuple[float, int]]:
        """(probability, photo), the likeliest first, equal ones by id. `after`: those behind this place."""
        ids, values = self.ids, self.values
        if after is not None:
            behind = (values < after[0]) | ((values == after[0]) & (ids > after[1]))
            ids, values = ids[behind], values[behind]
        while len(ids):
            # Equal ones stay together.
            least = values.min() if len(ids) <= _FIRST else np.partition(values, len(ids) - _FIRST)[len(ids) - _FIRST]
            now = values >= least
            some, shares = ids[now], values[now]
            for place in np.lexsort((some, -shares)).tolist():
                yield float(shares[place]), int(some[place])
            ids, values = ids[~now], values[~now]

    def among(self, photos: Sequence[int]) -> dict[int, float]:
        """The probabilities of those of some photos that look like it."""
        wanted = np.array(photos, np.int64)
        if not len(self.ids) or not len(wanted):
            return {}
        places = np.minimum(np.searchsorted(self.ids, wanted), len(self.ids) - 1)
        values = self.values[places]
        there = self.ids[places] == wanted
        return dict(zip(wanted[there].tolist(), values[there].tolist(), strict=True))

    def within(self, bound: Comparison) -> Alike:
        """Those whose probability is within a bound."""
        compare = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}[bound.operator]
        holds = compare(self.values, bound.value)
        return Alike(self.ids[holds], self.values[holds])

    def both(self, other: Likeness) -> Alike:
        """The photos that look like this and like the other, each as likely as the less likely of both."""
        assert isinstance(other, Alike)
        ids, mine, others = np.intersect1d(self.ids, other.ids, assume_unique=True, return_indices=True)
        return Alike(ids, np.minimum(self.values[mine], other.values[others]))


@dataclass(frozen=True, slots=True)
class LikenessReason:
    """Why a photo looks like a description, or not. `similarity`: cosine; None where the photo has no vector.

    `words`: each word that is known with what it adds to the similarity. `labels`: the words that only labels say, with
    the photo's confidence, and `keys` theirs. `probability`: of all; `cut_off`: the least that is shown by default.
    `line`: how words were understood.
    """

    text: str
    probability: float
    cut_off: float
    similarity: float | None
    words: tuple[tuple[str, float], ...]
    labels: tuple[tuple[str, float], ...]
    line: str
    keys: tuple[str, ...] = ()


class Descriptions:
    """Answers descriptions for one search: call it with one, and whether with what is unlikely, too.

    Raises StoreError, WeightsError.
    """

    def __init__(
        self,
        reader: Reader,
        taxonomy: Taxonomy,
        towers: Towers,
        vectors: Callable[[], SentenceVectors],
        spoken: LanguageCode = ENGLISH,
    ) -> None:
        self.towers = towers
        self._spoken = spoken
        self._reader = reader
        self._taxonomy = taxonomy
        self._get_vectors = vectors
        self._understood: dict[tuple[str, LanguageCode], Understood] = {}
        self._known: dict[tuple[Like, bool], Alike] = {}

    def __call__(self, like: Like, less_sure: bool) -> Alike:
        """The photos that look like a description."""
        asked = like, less_sure
        if asked not in self._known:
            self._known[asked] = self._alike(like, less_sure)
        return self._known[asked]

    @property
    def understood(self) -> tuple[Understood, ...]:
        """What the descriptions were taken for that were asked for so far."""
        return tuple(self._understood.values())

    @cached_property
    def vectors(self) -> SentenceVectors:
        """The library's vectors, brought up to date when they are first needed."""
        return self._get_vectors()

    def understand(self, text: str, code: LanguageCode | None = None) -> Understood:
        """What a sentence is taken for in this library. `code`: its language; None: that of the search."""
        asked = text, code or self._spoken
        if asked not in self._understood:
            spoken = language(asked[1])
            self._understood[asked] = understand(self.towers, self._taxonomy, text, self._own_labels(), spoken)
        return self._understood[asked]

    def reason(self, text: str, photo: int) -> LikenessReason:
        """Why a photo of the library looks like a description, or not."""
        understood = self.understand(text)
        rows = np.flatnonzero(self.vectors.ids == photo)
        similarity, share = None, 1.0 if understood.labels else 0.0
        words: tuple[tuple[str, float], ...] = ()
        if understood.vector is not None:
            share = 0.0
            if len(rows):
                vector = self.vectors.vectors(rows[:1])[0]
                similarity = float(vector @ understood.vector)
                share = float(probability(self.towers, understood, np.array([similarity], np.float32))[0])
                words = tuple((word.word, part) for word, part in why(self.towers, understood, vector))
        labels = []
        for key in understood.labels:
            labelled, sure = self._labelled(key, less_sure=True)
            has = labelled == photo
            [confidence] = sure[has].tolist() or [0.0]
            labels.append((self._taxonomy.names.get(key, key.removeprefix(OWN_PREFIX)), confidence))
            share = min(share, confidence) if has.any() else share * (_WITHOUT if understood.vector is not None else 0)
        return LikenessReason(
            text,
            share,
            self.towers.cut_off,
            similarity,
            words,
            tuple(labels),
            understood.line,
            tuple(understood.labels),
        )

    def _alike(self, like: Like, less_sure: bool) -> Alike:
        understood, bound = self.understand(like.text, like.spoken), like.comparison
        if bound is None:
            least = 0.0 if less_sure else self.towers.cut_off
        else:
            least = bound.value if bound.operator in (">", ">=") else 0.0
        ids, values = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if understood.vector is not None:
            ids, near = self.vectors.alike(understood.vector, self._similarity(understood, least))
            values = probability(self.towers, understood, near)
        for number, key in enumerate(understood.labels):
            labelled, sure = self._labelled(key, less_sure)
            if understood.vector is None and not number:
                ids, values = labelled, sure
            else:
                values = _with_label(ids, values, labelled, sure)
        return Alike(ids, values).within(bound or Comparison(">=", least))

    def _similarity(self, understood: Understood, least: float) -> float:
        """The similarity from which on a photo is at least this probable."""
        if least <= 0:
            return -np.inf
        # Probability never falls where similarity grows.
        steps = np.linspace(-1, 1, 4001, dtype=np.float32)
        enough = np.flatnonzero(probability(self.towers, understood, steps) >= least)
        return float(steps[max(0, int(enough[0]) - 1)]) if len(enough) else np.inf

    def _labelled(self, key: str, less_sure: bool) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The photos with a label or one below it, ascending, and how sure it is."""
        keys = {key} if key.startswith(OWN_PREFIX) else self._taxonomy.find(self._taxonomy.names[key]) | {key}
        numbers = [number for number, one in self._reader.rows("SELECT id, key FROM labels", {}) if one in keys]
        shown = "" if less_sure else " AND shown"
        sql = (
            f"SELECT photo_id, max(confidence) FROM photo_labels WHERE label_id IN ({id_list(numbers)})"
            f" AND NOT removed{shown} GROUP BY photo_id ORDER BY photo_id"
        )
        rows = list(self._reader.rows(sql, {}))
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float32)

    def _own_labels(self) -> tuple[tuple[str, str], ...]:
        """The labels of this library that are the owner's own: (name, key)."""
        rows = self._reader.rows("SELECT name, key FROM labels ORDER BY id", {})
        return tuple((name, key) for name, key in rows if key.startswith(OWN_PREFIX))


def sentence_index(settings: Settings, clock: Clock | None = None) -> SentenceIndex:
    """The index of a library's sentence vectors. Raises WeightsError."""
    return SentenceIndex(settings.data_dir, Towers.in_use(settings.data_dir), clock)


def _with_label(
    ids: NDArray[np.int64], values: NDArray[np.float32], labelled: NDArray[np.int64], sure: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The probabilities of photos when a word of the sentence is a label that these have (ascending), so sure."""
    if not len(labelled):
        return values * np.float32(_WITHOUT)
    places = np.minimum(np.searchsorted(labelled, ids), len(labelled) - 1)
    return np.where(labelled[places] == ids, np.minimum(values, sure[places]), values * np.float32(_WITHOUT))
