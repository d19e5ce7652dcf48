"""Words that are names of something else than what photos are described by: nobody misspelt another word by them.

Persons and places of WordNet, towns and countries of the table of places, and names of labels in other languages.
Only those are kept that would be taken for a misspelt word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tagger.core.languages import ENGLISH, LANGUAGES
from tagger.imaging.metadata.places import names_of_places
from tagger.labels import taxonomy
from tagger.labels.languages import language
from tagger.search.spelling import nearest, sound
from tagger.search.understand import inflections, words_of
from tagger.teaching.word_net import capitalised

# Of smaller towns, more are a misspelt word than are searched for.
_LEAST_PEOPLE = 100_000


def known_names(folder: Path, said: Mapping[str, int]) -> list[str]:
    """Names that are near a word, in order. `said`: words, and how often. Raises UsageError if WordNet is not there."""
    tree = taxonomy.load()
    labels = [name for name in tree.words if " " not in name]
    theirs = frozenset(labels)
    names = {
        word
        for name in chain(capitalised(folder), names_of_places(_LEAST_PEOPLE))
        for word in words_of(name)
        if not _is_known(word, said) and word not in theirs
    }
    near = _Near.of(said, labels)
    found = {name for name in sorted(names) if near.may_be(name) and nearest(name, said, labels)}
    for name, means in _names_in_languages():
        if name not in found and near.may_be(name) and not _is_known(name, said) and name not in theirs:
            spelt = nearest(name, said, labels)
            # A "banaan" is a banana.
            if spelt and not {spelt, *inflections(spelt)} & means:
                found.add(name)
    return sorted(found)


@dataclass(frozen=True)
class _Near:
    """What words look like with a letter or two left out, and how they sound: two that are near have one in common."""

    shorter: frozenset[str]
    sounds: frozenset[str]

    @classmethod
    def of(cls, said: Iterable[str], labels: Iterable[str]) -> _Near:
        words = [*said, *labels]
        return cls(frozenset().union(*(_shorter(word, 2) for word in words)), frozenset(map(sound, words)))

    def may_be(self, name: str) -> bool:
        """Whether a word can be near; if not, nobody needs to compare it with all."""
        return sound(name) in self.sounds or not self.shorter.isdisjoint(_shorter(name, 2))


def _shorter(word: str, most: int) -> set[str]:
    """A word with up to so many letters left out."""
    if not most:
        return {word}
    return {word}.union(*(_shorter(word[:place] + word[place + 1 :], most - 1) for place in range(len(word))))


def _is_known(word: str, said: Mapping[str, int]) -> bool:
    return word in said or any(form in said for form in inflections(word))


def _names_in_languages() -> Iterator[tuple[str, frozenset[str]]]:
    """Names of one word, in other languages than English, each with the words by which English calls the same."""
    tree = taxonomy.load()
    meant: dict[str, set[str]] = {}
    for code in LANGUAGES:
        spoken = language(code) if code != ENGLISH else None
        for key, name in spoken.all_names if spoken is not None else ():
            words = words_of(name)
            if len(words) == 1:
                english = (tree.names.get(key, ""), *tree.synonyms.get(key, ()))
                meant.setdefault(words[0], set()).update(word for one in english for word in words_of(one))
    yield from ((name, frozenset(words)) for name, words in sorted(meant.items()))
