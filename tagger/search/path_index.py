"""The index of paths, which holds besides what most queries ask of a photo.

SQLite goes through a million photos there in a tenth of a second, in the order of paths, and looks at no row of a
photo; PostgreSQL, which limits what an index may hold, has the paths' beginnings for the order.
"""

from __future__ import annotations

from tagger.search.query_tree import And, Format, Located, Measured, Node, Not, Or, PathPart, Shape, Taken
from tagger.store.reader import Reader

_HELD = Taken | PathPart | Format | Shape | Measured | Located


def tells(reader: Reader, node: Node | None) -> bool:
    """Whether the index holds all that a query asks."""
    match node:
        case None:
            return False
        case Not(item):
            return tells(reader, item)
        case And(items) | Or(items):
            return all(tells(reader, item) for item in items)
        case _:
            return reader.dialect == "sqlite" and isinstance(node, _HELD)


def photos(reader: Reader) -> str:
    """What stands behind FROM, to go through all photos `p` by the index where there is such a one."""
    # SQLite would begin with an index of one condition, and look at the row of each photo for the others.
    return "photos p INDEXED BY ix_photos_by_path" if reader.dialect == "sqlite" else "photos p"


def order(reader: Reader) -> str:
    """The order of a listing."""
    # As the index has it; the whole path decides between those that begin alike.
    beginning = "" if reader.dialect == "sqlite" else "left(p.path_folded, 600), "
    return f"p.root_id, {beginning}p.path_folded, p.id"
