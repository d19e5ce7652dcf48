"""What headers and sidecars of photos tell: storing it, reading it, and which photos have yet to be read for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from tagger.core.names import exact, folded
from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import FIELDS_VERSION, FileKeyword, Fingerprint, PhotoFields
from tagger.store import jobs, ledger
from tagger.store.tables import PhotoRow, PhotoTermRow, RootRow, TermRow

KEYWORD, CAMERA, LENS = "keyword", "camera", "lens"
# What a place is called, the narrowest first.
PLACE_KINDS = TOWN, REGION, COUNTRY = "town", "region", "country"
# What a photo does not tell is a term, too, because a search for what is not there would look at every photo.
NOTHING, PLACE = "none", "place"
_FIELDS = {KEYWORD: (KEYWORD,), CAMERA: (CAMERA,), LENS: (LENS,), PLACE: PLACE_KINDS}
# So many terms are asked for at once.
_TERMS = 200


@dataclass(frozen=True, slots=True)
class StoredFields:
    """What is stored of one photo. `keywords`: the person's, by name. `place`: towns, region, country.

    Empty and None as in `PhotoFields`.
    """

    keywords: tuple[str, ...] = ()
    camera: str = ""
    lens: str = ""
    rating: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    place: tuple[str, ...] = ()

    def rows(self) -> list[tuple[str, str]]:
        """What there is, for people: names of fields and their values."""
        stars = "" if self.rating is None else "rejected" if self.rating < 0 else f"{self.rating} of 5 stars"
        there = self.latitude is not None and self.longitude is not None
        position = f"{self.latitude:.5f}, {self.longitude:.5f}" if there else ""
        place = ", ".join(self.place) + (f" ({position})" if self.place else position)
        found = (("Camera", self.camera), ("Lens", self.lens), ("Rating", stars), ("Place", place))
        return [*(row for row in found if row[1]), *(("Keyword", name) for name in self.keywords)]


@dataclass(frozen=True, slots=True)
class Unread:
    """A labelled photo whose fields are to be read."""

    photo_id: int
    path: PhotoPath
    fingerprint: Fingerprint


def fields_columns(fields: PhotoFields | None) -> dict[str, Any]:
    """The columns of a photo that hold its fields; None: they are to be read."""
    if fields is None:
        return {"fields_as": None}
    return {
        "rating": fields.rating,
        "latitude": fields.latitude,
        "longitude": fields.longitude,
        "sidecar": fields.sidecar,
        "fields_as": FIELDS_VERSION,
    }


def save_fields(session: Session, read: Mapping[int, PhotoFields]) -> None:
    """Store what was read of photos whose other facts are known already."""
    rows = [{"id": number, **fields_columns(fields)} for number, fields in read.items()]
    if rows:
        session.execute(update(PhotoRow), rows)
    dates = [{"id": number, "taken": fields.taken} for number, fields in read.items() if fields.taken is not None]
    if dates:
        session.execute(update(PhotoRow), dates)
    save_terms(session, read)


def save_terms(session: Session, read: Mapping[int, PhotoFields]) -> None:
    """Store the texts of fields, replacing older ones. Keywords that the ledger has as tagger's are left out."""
    if not read:
        return
    own = ledger.own_keywords(session, [number for number, fields in read.items() if fields.keywords])
    wanted = {number: _terms(fields, own.get(number, frozenset())) for number, fields in read.items()}
    ids = _term_ids(session, {term for terms in wanted.values() for term in terms})
    before: dict[int, set[int]] = {number: set() for number in read}
    for part in jobs.chunks(list(read)):
        there = select(PhotoTermRow.photo_id, PhotoTermRow.term_id).where(PhotoTermRow.photo_id.in_(part))
        for number, term in session.execute(there):
            before[number].add(term)
    after = {number: {ids[term] for term in terms} for number, terms in wanted.items()}
    for number, terms in before.items():
        if gone := terms - after[number]:
            old = (PhotoTermRow.photo_id == number, PhotoTermRow.term_id.in_(gone))
            session.execute(delete(PhotoTermRow).where(*old))
    new = [{"photo_id": number, "term_id": term} for number, terms in after.items() for term in terms - before[number]]
    if new:
        session.execute(insert(PhotoTermRow), new)


def keyword_names(keywords: Iterable[FileKeyword]) -> list[str]:
    """The names of a person's keywords: each level of a hierarchical one, each name once, spelt as it is at first.

    What darktable notes of its own work below a keyword with its name is nobody's keyword.
    """
    split = [(w.separator, w.text.split(w.separator) if w.separator else [w.text]) for w in keywords]
    levels = [(separator, [part.strip() for part in parts]) for separator, parts in split]
    notes = {folded(part) for separator, parts in levels if separator and parts[0] == "darktable" for part in parts}
    others = {folded(part) for separator, parts in levels if separator and parts[0] != "darktable" for part in parts}
    found: dict[str, str] = {}
    for _, parts in levels:
        for part in parts:
            key = folded(part)
            if key and not (key in notes and key not in others):
                found.setdefault(key, part)
    return list(found.values())


def _terms(fields: PhotoFields, own: frozenset[tuple[str, str, str]]) -> set[tuple[str, str]]:
    persons = [word for word in fields.keywords if (word.place, word.field, exact(word.text)) not in own]
    terms = {(KEYWORD, name) for name in keyword_names(persons)}
    single = [(CAMERA, fields.camera), (LENS, fields.lens), (REGION, fields.region), (COUNTRY, fields.country)]
    terms |= {(kind, name) for kind, name in (*single, *((TOWN, town) for town in fields.towns)) if name}
    told = {kind for kind, _ in terms}
    return terms | {(NOTHING, field) for field, kinds in _FIELDS.items() if told.isdisjoint(kinds)}


def _term_ids(session: Session, terms: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The row ids of terms; makes the rows that are not there."""
    found = _known_terms(session, terms)
    new = sorted(terms - found.keys())
    if new:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        rows = [{"kind": kind, "name": name, "folded": folded(name)} for kind, name in new]
        # Somebody else may make the same one at this moment.
        session.execute(dialect.insert(TermRow).on_conflict_do_nothing(), rows)
        found |= _known_terms(session, set(new))
    return found


def _known_terms(session: Session, terms: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    names = sorted(terms)
    for part in (names[start : start + _TERMS] for start in range(0, len(names), _TERMS)):
        rows = select(TermRow.kind, TermRow.name, TermRow.id).where(tuple_(TermRow.kind, TermRow.name).in_(part))
        found |= {(kind, name): number for kind, name, number in session.execute(rows)}
    return found


def read_again(session: Session, photo_ids: Sequence[int]) -> None:
    """Note that the fields of photos are to be read: their sidecars are others."""
    for part in jobs.chunks(photo_ids):
        session.execute(update(PhotoRow).where(PhotoRow.id.in_(part)).values(fields_as=None))


def read_outdated_again(session: Session) -> None:
    """The same for photos that were read by an older tagger, which read less."""
    session.execute(update(PhotoRow).where(PhotoRow.fields_as < FIELDS_VERSION).values(fields_as=None))


def unread_photos(session: Session, after: int, limit: int, root_ids: Sequence[int] | None = None) -> list[Unread]:
    """Labelled photos with ids above `after` that are to be read, by id. Others are read when they are labelled.

    `root_ids`: of these roots; None for all.
    """
    here = [] if root_ids is None else [PhotoRow.root_id.in_(root_ids)]
    stat = (PhotoRow.size, PhotoRow.mtime_ns, PhotoRow.inode, PhotoRow.ctime_ns)
    rows = session.execute(
        select(PhotoRow.id, RootRow.path, PhotoRow.path, *stat)
        .join(RootRow, RootRow.id == PhotoRow.root_id)
        .where(PhotoRow.fields_as.is_(None), PhotoRow.id > after)
        .where(PhotoRow.labelled_by.is_not(None), PhotoRow.missing_since.is_(None), *here)
        .order_by(PhotoRow.id)
        .limit(limit)
    )
    return [
        Unread(number, PhotoPath(disk_path(root), disk_path(path)), Fingerprint(size, mtime_ns, inode, ctime_ns))
        for number, root, path, size, mtime_ns, inode, ctime_ns in rows
    ]


def unchanged(session: Session, photos: Sequence[Unread]) -> set[int]:
    """Those of some photos that are still as they were, and still to be read."""
    found: dict[int, Fingerprint] = {}
    for part in jobs.chunks([photo.photo_id for photo in photos]):
        stat = (PhotoRow.size, PhotoRow.mtime_ns, PhotoRow.inode, PhotoRow.ctime_ns)
        due = (PhotoRow.id.in_(part), PhotoRow.fields_as.is_(None))
        for number, size, mtime_ns, inode, ctime_ns in session.execute(select(PhotoRow.id, *stat).where(*due)):
            found[number] = Fingerprint(size, mtime_ns, inode, ctime_ns)
    return {photo.photo_id for photo in photos if found.get(photo.photo_id) == photo.fingerprint}


def keywords_of(session: Session, photo_ids: Sequence[int]) -> dict[int, list[str]]:
    """A person's keywords in photos, by name; photos without any are left out."""
    found: dict[int, list[str]] = {}
    for part in jobs.chunks(photo_ids):
        rows = (
            select(PhotoTermRow.photo_id, TermRow.name)
            .join(TermRow, PhotoTermRow.term_id == TermRow.id)
            .where(PhotoTermRow.photo_id.in_(part), TermRow.kind == KEYWORD)
            .order_by(TermRow.folded)
        )
        for number, name in session.execute(rows):
            found.setdefault(number, []).append(name)
    return found


def stored_fields(session: Session, photo_id: int) -> StoredFields:
    """What is stored of a photo; nothing if it was not read yet."""
    terms: dict[str, list[str]] = {}
    rows = (
        select(TermRow.kind, TermRow.name)
        .join(PhotoTermRow, PhotoTermRow.term_id == TermRow.id)
        .where(PhotoTermRow.photo_id == photo_id)
        .order_by(TermRow.folded)
    )
    for kind, name in session.execute(rows):
        terms.setdefault(kind, []).append(name)
    numbers = (PhotoRow.rating, PhotoRow.latitude, PhotoRow.longitude)
    rating, latitude, longitude = session.execute(select(*numbers).where(PhotoRow.id == photo_id)).one()
    [camera] = terms.get(CAMERA, [""])[:1]
    [lens] = terms.get(LENS, [""])[:1]
    place = tuple(dict.fromkeys(name for kind in PLACE_KINDS for name in terms.get(kind, ())))
    return StoredFields(tuple(terms.get(KEYWORD, ())), camera, lens, rating, latitude, longitude, place)
