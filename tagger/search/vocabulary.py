"""What the words of a query mean in one library: which labels, and which words in a row are one label."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tagger.core.languages import ENGLISH, ENGLISH_NAMES, LanguageCode
from tagger.core.names import folded
from tagger.core.sentences import Sentence
from tagger.labels.search_only import search_only
from tagger.labels.taxonomy import Taxonomy, normal, suggest
from tagger.search.field_conditions import Terms
from tagger.search.function_words import FUNCTION_WORDS
from tagger.search.query_tree import And, Named, Node, Not, Or, Word, Words
from tagger.store.reader import Reader

if TYPE_CHECKING:
    from tagger.labels.languages import Language


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a query that no photo has. `known`: it is a label all the same. `near`: labels like it.

    `hint`: what else is to be said of it, as a sentence. `what`: what stands before its text, if it is no label.
    """

    text: str
    known: bool
    near: tuple[str, ...]
    hint: str = ""
    what: str = ""

    @property
    def sentence(self) -> Sentence:
        """What is wrong with the word."""
        text = self.text if len(self.text) <= _SHOWN else f"{self.text[: _SHOWN - 3]}..."
        what = self.what or (Sentence("No photo is labelled") if self.known else Sentence("There is no label"))
        told = Sentence("{what} {word!r}.", what=what, word=text)
        return Sentence("{first} {then}", first=told, then=self.hint) if self.hint else told


# What people write for an operator, and what they mean.
_OPERATORS = {"and": "AND", "&": "AND", "&&": "AND", "+": "AND", "or": "OR", "|": "OR", "||": "OR", "not": "NOT"} | {
    word: operator
    for operator, words in (
        ("AND", "und et y e en oraz i och"),
        ("OR", "oder ou o of lub albo eller"),
        ("NOT", "nicht ohne pas sans no sin non senza não sem niet zonder nie bez inte utan"),
    )
    for word in words.split()
}
_EVERYTHING = frozenset({"everything", "all"})
_NO_PHOTO = {
    "keyword": Sentence("No photo has the keyword"),
    "camera": Sentence("No photo was taken with a camera"),
    "lens": Sentence("No photo was taken with a lens"),
    "place": Sentence("No photo was taken at a place called"),
}
# Keywords of the person's are looked for in so many words that stand side by side.
_KEYWORD_WORDS = 6
# Suggestions are worked out for so many words; longer ones are no misspelt label.
_SUGGESTED, _LONGEST, _SHOWN = 10, 80, 60
# More senses than this are no ambiguity but a family.
_SENSES = 4


def _language(code: LanguageCode) -> Language | None:
    if code == ENGLISH:
        return None
    # For English not even the module is loaded.
    from tagger.labels.languages import language

    return language(code)


class _Name(Sentence):
    def told(self, _translate: Callable[[str], str]) -> str:
        return str(self.values["spoken"])


class Vocabulary:
    """The labels of a library. `names`, and `stored` (key, English name): by id.

    `unknown`: words that were asked for and that no photo has.
    `silenced`: the names, as the settings have them, of labels that are not given. `spoken`: the language of `names`,
    in which labels are asked for beside English. `told`: what people should know of words that were asked for.
    """

    def __init__(
        self,
        reader: Reader,
        taxonomy: Taxonomy,
        silenced: Collection[str] = (),
        spoken: LanguageCode = ENGLISH,
    ) -> None:
        self._reader = reader
        self._taxonomy = taxonomy
        self._code = spoken
        self._spoken = _language(spoken)
        self._silenced = {key for name in silenced for key in taxonomy.lookup(name)}
        self._by_key: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        self._asked: dict[Word, frozenset[int]] = {}
        self.terms = Terms(reader)
        self.names: dict[int, str] = {}
        self.stored: dict[int, tuple[str, str]] = {}
        self.unknown: dict[str, UnknownWord] = {}
        self.told: dict[str, str] = {}
        for number, key, name in reader.rows("SELECT id, key, name FROM labels", {}):
            self.names[number] = name if self._spoken is None else self._spoken.name_of(key, name)
            self.stored[number] = key, name
            self._by_key[key] = number
            self._by_name.setdefault(normal(name), []).append(number)

    def ids(self, word: Word) -> tuple[int, ...]:
        """The labels of this library that a word means; remembers words that have none."""
        keys = self._keys(word.text, word.spoken)
        named = self._by_name.get(normal(word.text), ())
        if not keys and not named and not self.keywords(word):
            keys = self._in_other_languages(word.text)
        ids = {self._by_key[key] for key in keys if key in self._by_key}
        ids.update(named)
        if not ids and self.keywords(word):
            return ()
        if not ids and word.text not in self.unknown:
            self.unknown[word.text] = self._unknown(word, bool(keys))
        elif ids:
            self._asked[word] = frozenset(ids)
        return tuple(sorted(ids))

    def _language(self, code: LanguageCode | None) -> Language | None:
        """The language of a word; None for English."""
        return self._spoken if code is None else _language(code)

    def _keys(self, text: str, code: LanguageCode | None) -> frozenset[str]:
        """What a word means in English and in the language that is spoken, with all that is below."""
        senses, spoken = self._taxonomy.senses(text), self._language(code)
        if spoken is not None:
            senses |= spoken.find(text)
        if len(senses) > 1:
            self._tell_senses(text, senses)
        return self._taxonomy.with_below(senses)

    def _in_other_languages(self, text: str) -> frozenset[str]:
        """What a word means in the languages that nobody speaks here: better found than not understood."""
        plain = folded(text)
        # "and" is a duck in Swedish.
        if len(text) > _LONGEST or not plain.strip() or plain in {*_OPERATORS, *_EVERYTHING, *FUNCTION_WORDS[ENGLISH]}:
            return frozenset()
        from tagger.labels.languages import languages_of

        found = languages_of(text)
        keys = frozenset[str]().union(*found.values())
        if keys:
            spoken = _listed([ENGLISH_NAMES[code] for code in found], Sentence("and"))
            names = _listed([self._named(key) for key in sorted(keys)], Sentence("and"))
            self.told[text] = Sentence(
                "{word!r} was taken for {labels}, which it means in {languages}.",
                word=text,
                labels=names,
                languages=spoken,
            )
        return self._taxonomy.with_below(keys)

    def _named(self, key: str) -> str:
        """A label's name in a sentence: in English, and in the language that is spoken where the sentence is, too."""
        name = self._taxonomy.names[key]
        return name if self._spoken is None else _Name("{name}", name=name, spoken=self._spoken.name_of(key, name))

    def _tell_senses(self, text: str, keys: Collection[str]) -> None:
        """Remember to say that a word has several senses in this library, of which none is a kind of another."""
        above = {other for key in keys for other in self._taxonomy.ancestors(key)}
        here = sorted({self.names[self._by_key[key]] for key in keys if key in self._by_key and key not in above})
        if 1 < len(here) <= _SENSES:
            self.told[text] = _several(text, here)

    @cached_property
    def sure_from(self) -> dict[int, float]:
        """The labels of this library that serve search only, each with the confidence from which it is sure."""
        return {self._by_key[key]: least for key, least in search_only().items() if key in self._by_key}

    def keywords(self, word: Word) -> tuple[int, ...]:
        """The person's keywords that a word means, by number; none where it asks for a confidence."""
        return () if word.comparison is not None else self.terms.keywords(word.text)

    def _unknown(self, word: Word, known: bool) -> UnknownWord:
        text, language = word.text, self._language(word.spoken)
        operator = _OPERATORS.get(folded(text))
        if operator is not None:
            hint = Sentence(
                "AND, OR and NOT are written in capitals; words side by side mean AND. Here: {operator}.",
                operator=operator,
            )
            return UnknownWord(text, known, (), hint)
        if folded(text) in _EVERYTHING:
            return UnknownWord(text, known, (), Sentence("Every photo is: *"))
        near: list[str] = []
        if not known and len(text) <= _LONGEST and len(self.unknown) < _SUGGESTED:
            # Labels that the library has come first.
            here = {normal(name): name for name in self.names.values()}
            spoken = {} if language is None else {normal(name): name for name in language.names.values()}
            near = [*suggest(text, here, 5), *suggest(text, spoken, 5), *self._taxonomy.suggest(text, 5)]
            near = list(dict.fromkeys(near))[:5]
        return UnknownWord(text, known, tuple(near), self._why_not(word))

    def _why_not(self, word: Word) -> str:
        if self._keys(word.text, word.spoken) & self._silenced:
            return Sentence("It is silenced by the rules of labels (labels.silence).")
        return ""

    def without_photos(self) -> Iterator[UnknownWord]:
        """Words that were asked for and that are labels of the library, though no photo has one of them."""
        for word, ids in self._asked.items():
            sql = f"SELECT 1 FROM photo_labels WHERE label_id IN ({id_list(ids)}) AND NOT removed LIMIT 1"
            if not self.terms.keywords(word.text) and next(self._reader.rows(sql, {}), None) is None:
                yield UnknownWord(word.text, True, (), self._why_not(word))
        for field, text, near in self.terms.unknown():
            yield UnknownWord(text, False, near, what=_NO_PHOTO[field])

    def places_told(self) -> Iterator[str]:
        """What to say of names that are those of several places."""
        for text, names in self.terms.both.items():
            yield _several(text, names)

    @cached_property
    def _most_english_words(self) -> int:
        """The most words that one label has in English, or as the owner named it."""
        names = (*self._taxonomy.words, *self._by_name)
        return max((name.count(" ") + 1 for name in names), default=_KEYWORD_WORDS)

    def _most_words(self, code: LanguageCode | None) -> int:
        """The most words that one label has."""
        spoken = self._language(code)
        return max(self._most_english_words, 0 if spoken is None else spoken.most_words)

    def _means_something(self, text: str, code: LanguageCode | None) -> bool:
        spoken = self._language(code)
        if spoken is not None and spoken.find(text):
            return True
        named = bool(self._taxonomy.senses(text)) or normal(text) in self._by_name
        return named or bool(self.terms.keywords(text))

    def join(self, node: Node) -> Node:
        """Put bare words together to the longest labels there are: `grey whale` is one, `dog beach` are two."""
        match node:
            case Words(words, comparison, code):
                found: list[Node] = []
                start, most = 0, self._most_words(code)
                while start < len(words):
                    ends = range(min(len(words), start + most), start + 1, -1)
                    end = next((e for e in ends if self._means_something(" ".join(words[start:e]), code)), start + 1)
                    text = " ".join(words[start:end])
                    word = Word(text, None, code)
                    if not self._says_nothing(word):
                        found.append(self._apart(word) or word)
                    start = end
                found = found or [Word(word, None, code) for word in words]
                last = found[-1]
                if isinstance(last, Word):
                    found[-1] = replace(last, comparison=comparison)
                return found[0] if len(found) == 1 else And(tuple(found))
            case And(items):
                return And(tuple(self.join(item) for item in items))
            case Or(items):
                return Or(tuple(self.join(item) for item in items))
            case Not(item, wide):
                return Not(self.join(item), wide)
            case Word():
                return self._apart(node) or node
            case Named():
                return self.terms.apart(node)
            case _:
                return node

    def _says_nothing(self, word: Word) -> bool:
        """Whether a bare word is like "on" in "dog on a beach"."""
        known = FUNCTION_WORDS[ENGLISH] | FUNCTION_WORDS.get(word.spoken or self._code, frozenset())
        return word.text.lower() in known and not self._means_something(word.text, word.spoken)

    def _apart(self, word: Word) -> Node | None:
        """A text of several words without spaces between them, as Japanese and Chinese are written."""
        text, own = word.text, self._language(word.spoken)
        if text.isascii() or self._means_something(text, word.spoken):
            return None
        from tagger.labels.languages import language, split

        spoken = [own] if own is not None else []
        words = split(text, [*spoken, *(language(code) for code in ("ja", "zh"))])
        if not words:
            return None
        return And((*(replace(word, text=one, comparison=None) for one in words[:-1]), replace(word, text=words[-1])))


def _several(text: str, names: Sequence[str]) -> Sentence:
    labels = _listed(names, Sentence("and"))
    return Sentence("{word!r} means {labels}; all of them were searched.", word=text, labels=labels)


def _listed(names: Sequence[str], word: Sentence) -> str:
    """`a, b and c`."""
    *others, last = names
    if not others:
        return last
    before = others[0]
    for name in others[1:]:
        before = Sentence("{first}, {then}", first=before, then=name)
    return Sentence("{names} {word} {last}", names=before, word=word, last=last)


def id_list(ids: Iterable[int]) -> str:
    """Ids as SQL writes them after IN, within brackets."""
    # Numbers of our own, not a person's text; parameters are limited in number.
    return ",".join(map(str, ids)) or "NULL"
