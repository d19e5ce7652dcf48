"""What looks like a description, as a search asks for it; `likeness.py` answers, and only it needs NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from tagger.core.config import Settings
from tagger.core.languages import LanguageCode
from tagger.core.progress import SILENT, Callbacks
from tagger.core.sentences import Sentence
from tagger.labels import taxonomy
from tagger.search.query_tree import And, Like, Node, Or, Word, Words
from tagger.store.reader import Reader

if TYPE_CHECKING:
    from tagger.search.likeness import Descriptions
    from tagger.search.sentence_index import SentenceIndex
    from tagger.search.sentence_vectors import SentenceVectors

NO_VECTORS = Sentence("No photo can be found by a description yet; tagger backfill looks at what is missing.")


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


def probability_of(node: Node | None, photo: int, less_sure: bool, likeness: LikenessOf) -> float | None:
    """How probably a photo is what a query describes: of several descriptions, the least where all must hold."""
    match node:
        case Like():
            return likeness(node, less_sure).among([photo]).get(photo)
        case And(items) | Or(items):
            found = [one for item in items if (one := probability_of(item, photo, less_sure, likeness)) is not None]
            return (min if isinstance(node, And) else max)(found, default=None)
        case _:
            return None


def as_description(node: Node) -> Node | None:
    """The query with its words taken for descriptions, one for those that must all hold; None where it has no words.

    `child swing taken:2019 -cat` becomes `like:"child swing" taken:2019 -cat`. What is below a NOT, and words with a
    comparison, stay labels.
    """
    found = _described(node)
    return None if found == node else found


def _described(node: Node) -> Node:
    match node:
        case Word(text, None, spoken):
            return Like(text, None, spoken)
        case Words(words, None, spoken):
            return Like(" ".join(words), None, spoken)
        case Words(words, comparison, spoken):
            # The comparison belongs to the last word.
            return And((Like(" ".join(words[:-1]), None, spoken), Word(words[-1], comparison, spoken)))
        case Or(items):
            return Or(tuple(map(_described, items)))
        case And(items):
            plain = [item for item in items if isinstance(item, Word | Words) and item.comparison is None]
            others = tuple(_described(item) for item in items if item not in plain)
            if not plain:
                return And(others)
            sentences: dict[LanguageCode | None, list[str]] = {}
            for item in plain:
                sentences.setdefault(item.spoken, []).extend(item.words if isinstance(item, Words) else [item.text])
            found = (*(Like(" ".join(words), None, spoken) for spoken, words in sentences.items()), *others)
            return And(found) if len(found) > 1 else found[0]
        case _:
            return node


class Describer:
    """Answers the descriptions of one search. NumPy and the towers are loaded with the first one.

    `callbacks`: told of progress where many photos have no vectors yet. `index`: gives it, where it stays open between
    searches. `vectors`: has it bring them up to date in another way.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Reader,
        callbacks: Callbacks = SILENT,
        index: Callable[[], SentenceIndex] | None = None,
        vectors: Callable[[SentenceIndex], SentenceVectors] | None = None,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._callbacks = callbacks
        self._index = index
        self._vectors = vectors

    def __call__(self, like: Like, less_sure: bool) -> Likeness:
        """The photos that look like a description. Raises StoreError, WeightsError."""
        return self.descriptions(like, less_sure)

    @cached_property
    def descriptions(self) -> Descriptions:
        """What answers. Raises WeightsError."""
        from tagger.search.likeness import Descriptions, sentence_index

        index = sentence_index(self._settings) if self._index is None else self._index()
        get = self._vectors or (lambda index: index.vectors(self._reader, self._callbacks))
        spoken = self._settings.labels.language
        return Descriptions(self._reader, taxonomy.load(), index.towers, lambda: get(index), spoken)

    @property
    def understood(self) -> bool:
        """Whether some description was asked for that has words that say what a photo looks like."""
        asked = self.descriptions.understood if "descriptions" in self.__dict__ else ()
        return any(one.vector is not None for one in asked)

    @property
    def told(self) -> list[str]:
        """What is to be said of the descriptions asked for so far: how their words were taken, one line each."""
        if "descriptions" not in self.__dict__:
            return []
        lines = [understood.line for understood in self.descriptions.understood if understood.line]
        if self.understood and not self.descriptions.vectors.count:
            lines.append(NO_VECTORS)
        return lines
