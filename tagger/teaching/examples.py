"""Collecting the examples that a person names: photos of a folder, one photo, or what a search finds."""

from __future__ import annotations

import os

from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.paths import absolute, is_object, shown_path
from tagger.intake.object_walk import photos_at
from tagger.intake.walk import photos_below
from tagger.search.find import photos_of
from tagger.store import records
from tagger.store.examples import Example, Kind


def examples_from(settings: Settings, session: Session, kind: Kind, source: str) -> list[Example]:
    """The photos of a folder, one photo, or what a search finds. Raises UsageError if there are none, QueryError."""
    if is_object(source):
        addresses = photos_at(absolute(source), settings.intake)
        if not addresses:
            raise UsageError(f"There are no photos in {shown_path(source)}.")
        return [_example(session, kind, address) for address in addresses]
    # Not resolve(): links are kept as they are.
    path = os.path.abspath(os.path.expanduser(source))
    # A search is no path, and may be longer than any; nothing at all is no folder either.
    if source and (os.path.isdir(path) or os.path.isfile(path)):
        files = photos_below(path, settings.intake) if os.path.isdir(path) else [path]
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
