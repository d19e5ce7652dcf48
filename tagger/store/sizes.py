"""How large photos are, for whoever lays them out before they are there."""

from __future__ import annotations

from collections.abc import Sequence

from tagger.store.reader import Reader


def sizes_of(reader: Reader, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Width and height in pixels, upright, of photos by their ids; those that were not read yet are left out."""
    if not ids:
        return {}
    known = ",".join(str(int(one)) for one in ids)
    rows = reader.rows(f"SELECT p.id, p.width, p.height FROM photos p WHERE p.id IN ({known})", {})
    return {number: (width, height) for number, width, height in rows if width and height}


def photos_there(reader: Reader) -> int:
    """How many photos the library has whose files are there."""
    [(number,)] = reader.rows("SELECT count(*) FROM photos WHERE missing_since IS NULL", {})
    return int(number)
