"""Lists of near-duplicates after a person decided: what is not kept, and what is."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tagger.core.paths import PhotoPath
from tagger.store import records
from tagger.store.duplicate_decisions import Decisions
from tagger.store.records import PhotoRecord


def hidden_photos(session: Session, decisions: Decisions) -> list[tuple[PhotoRecord, PhotoRecord | None]]:
    """The photos that are not kept, by path, each with the one that is kept instead, if there is one.

    Photos that are gone, or whose content changed since, are left out.
    """
    ids = [number for number, one in decisions.by_photo.items() if not one.keep]
    others = [decisions.by_photo[number].instead for number in ids if decisions.by_photo[number].instead]
    there = {
        number: record
        for number, record in records.photos_by_ids(session, sorted({*ids, *others})).items()
        if record.missing_since is None
    }
    found = [
        (there[number], there.get(decisions.by_photo[number].instead))
        for number in ids
        if number in there and decisions.of(number, (there[number].content_hash or b"").hex()) is False
    ]
    return sorted(found, key=lambda pair: pair[0].path.absolute)


def kept_photos(session: Session, decisions: Decisions) -> list[PhotoPath]:
    """The paths of all labelled photos of the library but those that are not kept."""
    hidden = {record.id for record, _ in hidden_photos(session, decisions)}
    return [path for number, path in records.labelled_paths(session) if number not in hidden]
