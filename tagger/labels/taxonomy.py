"""The 1000 classes of ImageNet, what lies above them in WordNet, and what a word means among them.

Keys name labels: a WordNet id (`n02129604`) or `group:NAME` for the sets of vocabulary.toml. This module is
imported by `tagger search`, so it needs nothing but the standard library and loads in a few milliseconds.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from tagger.core.names import folded

# The keys of labels that are no WordNet id: a person's own, and classes of the owner's own models.
OWN_PREFIX = "own:"
_SEPARATORS = re.compile(r"[\s_\-'’.,()/]+")
_BRITISH = re.compile(r"\bgrey")


@dataclass(frozen=True)
class Taxonomy:
    """The content of imagenet.json. `classes`: the class keys in the order of the network's outputs (Keras').

    `shown_hypernyms`: the hypernyms of classes, and groups, that may be shown. `search_only`: those that once were
    shown. `added`: labels above no class, which other witnesses than the classifier give (boxes, words, the file).
    `wide`: shown ones that narrower ones make superfluous. `former`: names that labels had in earlier versions.
    """

    classes: tuple[str, ...]
    names: dict[str, str]
    synonyms: dict[str, tuple[str, ...]]
    hypernyms: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[int, ...]]
    shown_hypernyms: tuple[str, ...]
    search_only: frozenset[str] = frozenset()
    added: tuple[str, ...] = ()
    wide: frozenset[str] = frozenset()
    former: Mapping[str, str] = field(default_factory=dict)
    # It is of a network that the owner trained: rules for other labels are no mistake.
    own: bool = False

    def ancestors(self, key: str) -> frozenset[str]:
        """All hypernyms of a class or synset, without itself; of a group or a label of another kind, none."""
        found: set[str] = set()
        todo = list(self.hypernyms.get(key, ()))
        while todo:
            parent = todo.pop()
            if parent not in found:
                found.add(parent)
                todo += self.hypernyms[parent]
        return frozenset(found)

    def classes_under(self, key: str) -> tuple[int, ...]:
        """The indexes of the classes under a key; a class is under itself."""
        if key in self.groups:
            return self.groups[key]
        return tuple(self._covered.get(key, ()))

    def find(self, text: str) -> frozenset[str]:
        """All keys that a word means: labels with that name or synonym, and everything below them.

        Case, hyphens and grey/gray do not matter; a plural is tried when the word itself is unknown.
        """
        return self.with_below(self.senses(text))

    def senses(self, text: str) -> frozenset[str]:
        """The keys with a name or synonym, as `find` compares them, without what lies below them."""
        for form in _forms(text):
            keys = self._by_word.get(form)
            if keys:
                return frozenset(keys)
        return frozenset()

    def with_below(self, keys: Iterable[str]) -> frozenset[str]:
        """Keys and everything below them."""
        return frozenset().union(*(self.below(key) for key in keys))

    def lookup(self, text: str) -> tuple[str, ...]:
        """The keys whose display name, former name or key is this text, as names are compared; for rules."""
        return self._named.get(folded(text), ())

    def label_named(self, word: str) -> str | None:
        """The key of the one label that a word means as a name, if need be in the singular; None if there is none."""
        for form in _forms(word):
            found = [key for key in self.lookup(form) if key in self.labels]
            if len(found) == 1:
                return found[0]
        return None

    def suggest(self, text: str, limit: int = 5) -> list[str]:
        """Names similar to an unknown word."""
        return suggest(text, self._spelling, limit)

    @cached_property
    def labels(self) -> frozenset[str]:
        """The keys that a photo may show."""
        return frozenset((*self.classes, *self.shown_hypernyms, *self.added))

    @property
    def words(self) -> Collection[str]:
        """All names and synonyms, as `normal` writes them."""
        return self._by_word.keys()

    @cached_property
    def _by_word(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, name in self.names.items():
            # "crane (bird)" is also found by "crane".
            for word in (name, name.partition(" (")[0], *self.synonyms[key]):
                found.setdefault(normal(word), set()).add(key)
        return found

    @cached_property
    def _named(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for key, name in self.names.items():
            for text in {folded(name), folded(key)}:
                found[text] = (*found.get(text, ()), key)
        for name, key in self.former.items():
            found.setdefault(folded(name), (key,))
        return found

    @cached_property
    def _spelling(self) -> dict[str, str]:
        return {normal(name): name for name in self.names.values()}

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, hypernyms in self.hypernyms.items():
            for parent in hypernyms:
                found.setdefault(parent, []).append(key)
        return found

    @cached_property
    def _covered(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for index, key in enumerate(self.classes):
            for above in (key, *self.ancestors(key)):
                found.setdefault(above, []).append(index)
        return found

    def below(self, key: str) -> frozenset[str]:
        """A key and everything under it."""
        if key in self.groups:
            inside = set(self.groups[key])
            return frozenset([key, *(other for other, covered in self._covered.items() if inside.issuperset(covered))])
        found = {key}
        todo = [key]
        while todo:
            for child in self._children.get(todo.pop(), ()):
                if child not in found:
                    found.add(child)
                    todo.append(child)
        # A group that lies inside, such as `food` in `matter`, is not below a synset: its name says enough.
        return frozenset(found)


@cache
def load() -> Taxonomy:
    """The taxonomy that the package contains."""
    data = json.loads((Path(__file__).parent / "imagenet.json").read_text(encoding="utf-8"))
    entries = [*data["classes"], *data["hypernyms"]]
    groups = data["groups"]
    return Taxonomy(
        classes=tuple(entry[0] for entry in data["classes"]),
        names={entry[0]: entry[1] for entry in [*entries, *groups]},
        synonyms={entry[0]: tuple(entry[2]) for entry in entries} | {group[0]: tuple(group[4]) for group in groups},
        hypernyms={entry[0]: tuple(entry[3]) for entry in entries},
        groups={group[0]: tuple(group[3]) for group in groups},
        shown_hypernyms=(*data["shown"], *(group[0] for group in groups if group[2])),
        search_only=frozenset((*data["search_only"], *(group[0] for group in groups if not group[2]))),
        added=tuple(data["added"]),
        wide=frozenset(data["wide"]),
        former=dict(data["former"]),
    )


def of_classes(names: Sequence[str]) -> Taxonomy:
    """The taxonomy of a network with classes of its own, without anything above them.

    A class with the name of one label of the package's taxonomy is that label; any other is the person's own.
    """
    known = load()
    keys: list[str] = []
    for name in names:
        found = known.lookup(name)
        key = found[0] if len(found) == 1 and found[0] not in keys else own_key(name)
        keys.append(key if key not in keys else OWN_PREFIX + name)
    return Taxonomy(
        classes=tuple(keys),
        names=dict(zip(keys, names, strict=True)),
        synonyms=dict.fromkeys(keys, ()),
        hypernyms=dict.fromkeys(keys, ()),
        groups={},
        shown_hypernyms=(),
        own=True,
    )


def own_key(name: str) -> str:
    """The key of a label of the owner's own: the same for names that are the same."""
    key = OWN_PREFIX + folded(name)
    # A key has at most 128 characters.
    return key if len(key) <= 128 else OWN_PREFIX + hashlib.blake2b(key.encode(errors="surrogatepass")).hexdigest()[:64]


def suggest(text: str, names: Mapping[str, str], limit: int) -> list[str]:
    """Names similar to an unknown word: misspelt ones, and names that contain it. `names`: by their `normal` form."""
    word = normal(text)
    near = [names[form] for form in difflib.get_close_matches(word, names, limit, 0.75)]
    if len(word) >= 3:
        near += [name for form, name in names.items() if f" {word}" in f" {form}"]
    return list(dict.fromkeys(near))[:limit]


def normal(text: str) -> str:
    """A word as search compares it: folded, whatever separates its parts. A name of separators only stays itself."""
    name = folded(text)
    return _BRITISH.sub("gray", _SEPARATORS.sub(" ", name).strip()) or name


def _forms(text: str) -> Iterable[str]:
    """The word itself, then the words that it may be the English plural of."""
    word = normal(text)
    yield word
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield word[:-3] + "f"
        yield word[:-3] + "fe"
    if word.endswith("es"):
        yield word[:-2]
    if word.endswith("s"):
        yield word[:-1]
    if word.endswith("mice"):
        yield word[:-4] + "mouse"
    if word.endswith("men"):
        yield word[:-3] + "man"
