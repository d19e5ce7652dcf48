"""Photos that several people described in a sentence each, and which words these sentences say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.errors import UsageError
from tagger.labels.words import Word

_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Described:
    """Photos by name, in this order, with the sentences of each, in lower case and without punctuation."""

    names: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]

    def only(self, wanted: Iterable[str]) -> Described:
        """Some of the photos, in the same order."""
        chosen = set(wanted)
        pairs = [pair for pair in zip(self.names, self.sentences, strict=True) if pair[0] in chosen]
        return Described(tuple(name for name, _ in pairs), tuple(sentences for _, sentences in pairs))

    def sayers(self, word: Word) -> NDArray[np.int64]:
        """How many of each photo's describers say a word, int (photos,)."""
        said = re.compile(rf"\b(?:{'|'.join(map(re.escape, word.said))})\b")
        return np.array([sum(said.search(one) is not None for one in of_one) for of_one in self.sentences], np.int64)


def read_described(path: Path) -> Described:
    """Read a file of lines `NAME<tab>SENTENCE`. Raises UsageError where a line is none."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        name, tab, sentence = line.partition("\t")
        if not tab:
            raise UsageError(f"{path}, line {number} is no name and sentence with a tab between them.")
        found.setdefault(name, []).append(" ".join(_WORD.findall(sentence.lower())))
    names = tuple(sorted(found))
    return Described(names, tuple(tuple(found[name]) for name in names))


def read_features(path: Path) -> dict[str, NDArray[np.float16]]:
    """Features by photo, from a file of the arrays `names` and `features` (photos, features). Raises UsageError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            return dict(zip(data["names"].tolist(), data["features"], strict=True))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UsageError(f"{path} does not hold the features of photos: {error}.") from error


def rows_of(names: Sequence[str], features: Mapping[str, NDArray[np.float16]]) -> NDArray[np.float16]:
    """The features of photos, (photos, features), in the order of their names. Raises UsageError if one has none."""
    missing = [name for name in names if name not in features]
    if missing:
        raise UsageError(f"{len(missing)} photos have no features, such as {missing[0]}.")
    return np.stack([features[name] for name in names])
