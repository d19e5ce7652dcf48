"""Labels to teach from the keywords that are in the library's photos already."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.names import folded
from tagger.core.progress import SILENT, Callbacks
from tagger.keywords.file_content import ChangedError, UnwritableError
from tagger.keywords.read import persons_words
from tagger.store.examples import Example, Kind
from tagger.store.library import Library
from tagger.store.records import labelled_paths
from tagger.teaching.lessons import Wanted
from tagger.teaching.measure import LEAST

_PAGE = 500


@dataclass(slots=True)
class LibraryKeywords:
    """The keywords that people gave the photos of a library.

    `photos`: photo ids by keyword, folded. `spelling`: how often each is spelt how. `tagged`: the photos that have
    any keyword. `unreadable`: how many files could not be read.
    """

    photos: dict[str, set[int]] = field(default_factory=dict)
    spelling: dict[str, Counter[str]] = field(default_factory=dict)
    tagged: set[int] = field(default_factory=set)
    unreadable: int = 0

    def add(self, photo_id: int, words: set[str]) -> None:
        """Add the keywords of a photo."""
        for word in words:
            key = folded(word)
            self.photos.setdefault(key, set()).add(photo_id)
            self.spelling.setdefault(key, Counter())[word] += 1
        if words:
            self.tagged.add(photo_id)

    def name(self, word: str) -> str:
        """The usual spelling of a folded keyword."""
        return self.spelling[word].most_common(1)[0][0]

    def choose(self, name: str) -> list[str]:
        """The keywords to teach, folded: the one named or, with an empty name, all that have enough photos.

        Raises UsageError if there are none.
        """
        chosen = [
            word
            for word, photos in sorted(self.photos.items())
            if (len(photos) >= LEAST if not name else word == folded(name))
        ]
        if not chosen:
            most = sorted(self.photos.items(), key=lambda item: (-len(item[1]), item[0]))[:5]
            there = ", ".join(f"{self.name(word)} ({len(photos)})" for word, photos in most) or "none"
            what = f"No photo has the keyword {name!r}." if name else f"No keyword is on {LEAST} photos."
            raise UsageError(what, f"The most frequent keywords of the labelled photos: {there}.")
        return chosen

    def wanted(self, word: str) -> Wanted:
        """A keyword as a label to teach.

        Photos with the keyword are right examples. Wrong ones are drawn from photos with other keywords only: a person
        who tagged a photo, but not with this, meant that it is not this. If few are tagged, any photo may be drawn.
        """
        others = sorted(self.tagged - self.photos[word])
        examples = [Example(Kind.YES, number) for number in sorted(self.photos[word])]
        return Wanted(self.name(word), examples, others if len(others) >= 2 * LEAST else None)


def read_keywords(library: Library, callbacks: Callbacks = SILENT) -> LibraryKeywords:
    """Read the keywords that people gave the library's labelled photos, from the files and their sidecars."""
    found = LibraryKeywords()
    with library.store.read() as session:
        photos = labelled_paths(session)
    with ThreadPoolExecutor(4, "keywords") as pool:
        for start in range(0, len(photos), _PAGE):
            if callbacks.stop():
                break
            part = photos[start : start + _PAGE]
            read_now = pool.map(lambda item: _words_of(library.settings, item[1].absolute), part)
            for (photo_id, _), words in zip(part, read_now, strict=True):
                if words is None:
                    found.unreadable += 1
                else:
                    found.add(photo_id, words)
            callbacks.on_progress(start + len(part), len(photos))
    return found


def _words_of(settings: Settings, path: str) -> set[str] | None:
    """The keywords that a person gave a photo; None if they cannot be read."""
    try:
        return persons_words(path, settings)
    except (OSError, UnwritableError, ChangedError):
        return None
