"""What words that no sentence says may be taken for: from WordNet's synonyms, and from the wider words above them.

Only a word's commonest sense counts, on both ends: by all senses, anything is something else. WordNet's file format is
described in wndb(5WN).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tagger.core.errors import UsageError
from tagger.search.function_words import IGNORED
from tagger.search.understand import inflections

# Wider words that say too little of a photo, or mostly mean something else. Reviewed by eye, from those that most
# others would be taken for.
_TOO_WIDE = frozenset(
    """
    adult area arms art article attire bank bar base being belongings block board body book bottom box boxer
    case center channel climber clothing color container cover covering cut device enclosure end enter equipment
    face female figure friend game gather gear getup give go ground group hanging helping human implement
    individual instrument item land lead limb lot machine male man master material mechanism medium member
    merchandise metal monster object officer official open opening ornament outfit owner part pass patch path
    performer person piece pit place platform point post protection put return section sheet shelter side site
    someone spot standard stick stop structure support surface tag thing tool top track turn unit use utensil
    vehicle woman worker
    """.split()
)
# Of which lexicographer files (lexnames(5WN)) words can be seen on a photo, and how many steps up still say what they
# are: animals, things, parts of the body, food, what lies around, people, plants; of verbs those of the body, of
# eating, contact and motion. Adjectives have their synonyms only.
_STEPS = {
    "n": {5: 3, 6: 2, 8: 1, 13: 2, 17: 2, 18: 2, 20: 3},
    "v": {29: 1, 34: 1, 35: 1, 38: 1},
    "a": {0: 0},
}
_FILES = {"n": "noun", "v": "verb", "a": "adj"}
# The parts of speech by the numbers of sense keys (senseidx(5WN)); 5 is an adjective that belongs to another.
_PARTS = {"1": "n", "2": "v", "3": "a", "5": "a"}
_WORD = re.compile(r"[a-z]{3,20}")


@dataclass(frozen=True, slots=True)
class Synset:
    """Words of one sense, the lexicographer file that it is in, and the offsets of what is above it."""

    words: tuple[str, ...]
    file: int
    above: tuple[int, ...]


@dataclass(frozen=True)
class Senses:
    """One part of speech. `first`: the synset of a word's commonest sense."""

    first: dict[str, int]
    synsets: dict[int, Synset]


def read_senses(folder: Path, part: str) -> Senses:
    """Read `index.NAME` and `data.NAME` of WordNet 3.0. Raises UsageError if they are not there."""
    first = {fields[0]: int(fields[6 + int(fields[3])]) for fields in _lines(folder / f"index.{_FILES[part]}")}
    synsets: dict[int, Synset] = {}
    for fields in _lines(folder / f"data.{_FILES[part]}"):
        count = int(fields[3], 16)
        words = tuple(fields[4 + 2 * number].split("(")[0] for number in range(count))
        start = 5 + 2 * count
        places = [start + 4 * number for number in range(int(fields[start - 1]))]
        above = tuple(int(fields[at + 1]) for at in places if fields[at] in ("@", "@i") and fields[at + 2] == part)
        synsets[int(fields[0])] = Synset(words, int(fields[1]), above)
    return Senses(first, synsets)


def capitalised(folder: Path) -> Iterator[str]:
    """The nouns that are written with a capital: persons, places, peoples. Raises UsageError."""
    for fields in _lines(folder / "data.noun"):
        yield from (word for word in fields[4 : 4 + 2 * int(fields[3], 16) : 2] if word[0].isupper() and word.isalpha())


def read_parts(folder: Path) -> dict[str, str]:
    """The part of speech as which WordNet's texts have each word most often. Raises UsageError."""
    counts: dict[str, Counter[str]] = {}
    for key, _, count in _lines(folder / "cntlist.rev"):
        word, _, rest = key.partition("%")
        part = _PARTS.get(rest[0])
        if part:
            counts.setdefault(word, Counter())[part] += int(count)
    return {word: of_word.most_common(1)[0][0] for word, of_word in counts.items()}


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="ascii")
    except OSError as error:
        raise UsageError(f"{path} cannot be read.", "Say where WordNet 3.0 is: --wordnet FOLDER") from error
    # The licence at the head is indented.
    yield from (line.split(" | ")[0].split() for line in text.splitlines() if not line.startswith("  "))


def taken_for(folder: Path, known: Collection[str]) -> dict[str, tuple[str, str]]:
    """Words that are not known -> (the known word that they are taken for, `synonym` or `wider`).

    Words that are taken for nothing stand with empty texts: they are English, so nobody misspelt another word. Names
    of persons and places are not there.
    """
    names = frozenset(known)
    passed = names | IGNORED
    parts = read_parts(folder)
    found: dict[str, tuple[str, str]] = {}
    for part, steps in _STEPS.items():
        senses = read_senses(folder, part)
        mine = {name for name in names if parts.get(name, part) == part}
        for word, offset in senses.first.items():
            # Names are written with a capital there.
            if not _WORD.fullmatch(word) or word in passed or word not in senses.synsets[offset].words:
                continue
            if parts.get(word, part) != part:
                continue
            meant = _meant(senses, word, mine, steps)
            if meant or word in parts:
                found[word] = meant or ("", "")
    return {word: found[word] for word in sorted(found) if not any(form in names for form in inflections(word))}


def _meant(senses: Senses, word: str, known: Collection[str], steps: Mapping[int, int]) -> tuple[str, str] | None:
    level = [senses.first[word]]
    for step in range(steps.get(senses.synsets[level[0]].file, -1) + 1):
        for offset in level:
            for other in senses.synsets[offset].words:
                if other in known and senses.first.get(other) == offset and (not step or other not in _TOO_WIDE):
                    return other, "wider" if step else "synonym"
        level = [up for offset in level for up in senses.synsets[offset].above]
    return None
