"""A picture for each label and place of the library, and the photos with which a visit begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tagger.core.photo import Fingerprint
from tagger.store.reader import Reader

# Of the surest photos of a label the newest is its picture.
_SUREST = 8
_THERE = "p.missing_since IS NULL"
_COLUMNS = "p.id, p.size, p.mtime_ns, p.taken"


@dataclass(frozen=True, slots=True)
class Cover:
    """A photo to be shown for something. `version`: as of a fingerprint; `taken`: empty where that is not known."""

    photo_id: int
    version: str
    taken: str


@dataclass(frozen=True, slots=True)
class Town:
    """A town, with its photos and one of them."""

    name: str
    photos: int
    cover: Cover


def label_covers(reader: Reader, keys: Sequence[str]) -> dict[str, Cover]:
    """The newest of the surest photos of each label, by its key; no photo twice, as far as there are others.

    `keys`: the labels in the order in which they choose.
    """
    numbers = {key: number for number, key in reader.rows("SELECT id, key FROM labels", {})}
    found: dict[str, Cover] = {}
    used: set[int] = set()
    for key in keys:
        if key not in numbers:
            continue
        sql = (
            "SELECT l.photo_id FROM photo_labels l WHERE l.label_id = :label AND NOT l.removed AND l.shown"
            f" ORDER BY l.confidence DESC, l.photo_id LIMIT {_SUREST}"
        )
        rows = reader.rows(f"SELECT {_COLUMNS} FROM photos p WHERE p.id IN ({sql}) AND {_THERE}", _of(numbers[key]))
        covers = sorted(map(_cover, rows), key=lambda one: (one.photo_id in used, _newest(one)))
        if covers:
            found[key] = covers[0]
            used.add(covers[0].photo_id)
    return found


def _of(number: int) -> dict[str, int]:
    return {"label": number}


def towns(reader: Reader, most: int) -> list[Town]:
    """The towns with most photos. Of names of one town in several languages, the first."""
    sql = (
        "SELECT t.id, t.name, (SELECT count(*) FROM photo_terms x WHERE x.term_id = t.id) AS photos"
        " FROM terms t WHERE t.kind = 'town' ORDER BY photos DESC, t.id LIMIT :most"
    )
    found: dict[tuple[int, int], Town] = {}
    for number, name, photos in list(reader.rows(sql, {"most": 3 * most})):
        latest = "SELECT x.photo_id FROM photo_terms x WHERE x.term_id = :term ORDER BY x.photo_id DESC LIMIT 50"
        rows = reader.rows(f"SELECT {_COLUMNS} FROM photos p WHERE p.id IN ({latest}) AND {_THERE}", {"term": number})
        covers = sorted(map(_cover, rows), key=_newest)
        if covers and photos:
            found.setdefault((covers[0].photo_id, photos), Town(name, photos, covers[0]))
    return list(found.values())[:most]


def on_days(reader: Reader, days: Iterable[str], most: int) -> list[Cover]:
    """Photos that were taken on some days (`2023-06-05`), in the order of the days, up to `most` of each."""
    found: list[Cover] = []
    for day in days:
        sql = (
            f"SELECT {_COLUMNS} FROM photos p WHERE p.taken >= :first AND p.taken <= :last AND {_THERE}"
            f" ORDER BY p.taken, p.id LIMIT {int(most)}"
        )
        found += map(_cover, reader.rows(sql, {"first": day, "last": day + "T99"}))
    return found


def lately_added(reader: Reader, most: int) -> list[Cover]:
    """The photos that the library learned of last, the last first."""
    return list(
        map(_cover, reader.rows(f"SELECT {_COLUMNS} FROM photos p WHERE {_THERE} ORDER BY p.id DESC LIMIT {most}", {}))
    )


def covers_of(reader: Reader, photo_ids: Sequence[int]) -> list[Cover]:
    """Photos by their ids, in the order given; whichever is not there is left out."""
    ids = ",".join(str(int(one)) for one in photo_ids) or "NULL"
    found = {row[0]: _cover(row) for row in reader.rows(f"SELECT {_COLUMNS} FROM photos p WHERE p.id IN ({ids})", {})}
    return [found[one] for one in photo_ids if one in found]


def _cover(row: tuple[int, int, int, str | None]) -> Cover:
    number, size, mtime_ns, taken = row
    return Cover(number, Fingerprint(size, mtime_ns).version, taken or "")


def _newest(cover: Cover) -> tuple[int, ...]:
    """By this the newest is the first; those without a date are the last."""
    return (*(-int(digit) for digit in cover.taken if digit.isdecimal()), 1 if not cover.taken else 0, -cover.photo_id)
