"""What the words of a query mean in one library: which labels, and which words in a row are one label."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tagger.labels.taxonomy import Taxonomy, normal
from tagger.search.query import And, Node, Not, Or, Word, Words
from tagger.store.reader import Reader


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a query that no photo has. `known`: it is a label all the same. `near`: labels like it."""

    text: str
    known: bool
    near: tuple[str, ...]


class Vocabulary:
    """The labels of a library. `names`: by id. `unknown`: words that were asked for and that no photo has."""

    def __init__(self, reader: Reader, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._by_key: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self.names: dict[int, str] = {}
        self.unknown: dict[str, UnknownWord] = {}
        for number, key, name in reader.rows("SELECT id, key, name FROM labels", {}):
            self.names[number] = name
            self._by_key[key] = number
            self._by_name.setdefault(normal(name), []).append(number)

    def ids(self, word: Word) -> tuple[int, ...]:
        """The labels of this library that a word means; remembers words that have none."""
        keys = self._taxonomy.find(word.text)
        ids = {self._by_key[key] for key in keys if key in self._by_key}
        ids.update(self._by_name.get(normal(word.text), ()))
        if not ids:
            near = self._taxonomy.suggest(word.text, 20)
            here = {name.casefold() for name in self.names.values()}
            # Labels that the library has come first.
            near.sort(key=lambda name: name.casefold() not in here)
            self.unknown[word.text] = UnknownWord(word.text, bool(keys), tuple(near[:5]))
        return tuple(sorted(ids))

    def _means_something(self, text: str) -> bool:
        return bool(self._taxonomy.find(text)) or normal(text) in self._by_name

    def join(self, node: Node) -> Node:
        """Put bare words together to the longest labels there are: `grey whale` is one, `dog beach` are two."""
        match node:
            case Words(words, comparison):
                found: list[Node] = []
                start = 0
                while start < len(words):
                    ends = range(len(words), start + 1, -1)
                    end = next((e for e in ends if self._means_something(" ".join(words[start:e]))), start + 1)
                    found.append(Word(" ".join(words[start:end])))
                    start = end
                last = found[-1]
                if isinstance(last, Word):
                    found[-1] = replace(last, comparison=comparison)
                return found[0] if len(found) == 1 else And(tuple(found))
            case And(items):
                return And(tuple(self.join(item) for item in items))
            case Or(items):
                return Or(tuple(self.join(item) for item in items))
            case Not(item):
                return Not(self.join(item))
            case _:
                return node
