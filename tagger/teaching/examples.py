"""Where examples come from: folders, searches, what a person said of photos, keywords that are in them already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.paths import PhotoPath, disk_path, shown_path
from tagger.intake.walk import photos_below
from tagger.keywords.file_content import ChangedError, UnwritableError
from tagger.keywords.read import persons_words
from tagger.search.find import photos_of
from tagger.store import records
from tagger.store.session import Store
from tagger.store.tables import PhotoRow, RootRow
from tagger.store.taught_labels import Example, Kind

_PAGE = 500


def examples_from(settings: Settings, session: Session, kind: Kind, source: str) -> list[Example]:
    """The photos of a folder, one photo, or what a search finds. Raises UsageError where there are none, QueryError."""
    # Not resolve(): links are kept as they are.
    path = os.path.abspath(os.path.expanduser(source))
    if Path(path).is_dir() or Path(path).is_file():
        files = photos_below(path, settings.intake) if Path(path).is_dir() else [path]
        if not files:
            raise UsageError(f"There are no photos in {shown_path(path)}.")
        return [_example(session, kind, file) for file in files]
    found = [Example(kind, number) for number in photos_of(settings, source)]
    if not found:
        raise UsageError(
            f"{source!r} is no folder, and a search for it finds no photo.", f"See: tagger search {source!r}"
        )
    return found


def _example(session: Session, kind: Kind, path: str) -> Example:
    record = records.find_photo(session, path)
    known = record is not None and record.labelled_by is not None
    return Example(kind, record.id) if record is not None and known else Example(kind, path=path)


@dataclass(slots=True)
class KeywordExamples:
    """What the keywords of a library are. `photos`: ids by keyword, folded. `spelling`: as most photos spell it.

    `tagged`: the photos that have any. `unreadable`: how many files could not be read.
    """

    photos: dict[str, set[int]] = field(default_factory=dict)
    spelling: dict[str, Counter[str]] = field(default_factory=dict)
    tagged: set[int] = field(default_factory=set)
    unreadable: int = 0

    def add(self, photo_id: int, words: set[str]) -> None:
        """The keywords of a photo."""
        for word in words:
            folded = word.casefold()
            self.photos.setdefault(folded, set()).add(photo_id)
            self.spelling.setdefault(folded, Counter())[word] += 1
        if words:
            self.tagged.add(photo_id)

    def name(self, folded: str) -> str:
        """The usual spelling of a keyword."""
        return self.spelling[folded].most_common(1)[0][0]


def read_keywords(
    store: Store, settings: Settings, report: Callable[[int, int], None], stop: Callable[[], bool]
) -> KeywordExamples:
    """The keywords that people gave the labelled photos of the library, read from the files and their sidecars."""
    found = KeywordExamples()
    with store.read() as session:
        photos = _labelled_photos(session)
    with ThreadPoolExecutor(4, "keywords") as pool:
        for start in range(0, len(photos), _PAGE):
            if stop():
                break
            part = photos[start : start + _PAGE]
            read_now = pool.map(lambda item: _words_of(settings, item[1].absolute), part)
            for (photo_id, _), words in zip(part, read_now, strict=True):
                if words is None:
                    found.unreadable += 1
                else:
                    found.add(photo_id, words)
            report(start + len(part), len(photos))
    return found


def _labelled_photos(session: Session) -> Sequence[tuple[int, PhotoPath]]:
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(PhotoRow.missing_since.is_(None), PhotoRow.labelled_by.is_not(None))
        .order_by(PhotoRow.root_id, PhotoRow.path)
    )
    return [(number, PhotoPath(disk_path(root), disk_path(path))) for number, root, path in rows]


def _words_of(settings: Settings, path: str) -> set[str] | None:
    """The keywords that a person gave a photo; None where they cannot be read."""
    try:
        return persons_words(path, settings)
    except (OSError, UnwritableError, ChangedError):
        return None
