"""The labels of photos by their paths, read without SQLAlchemy: quick for scripts, and nothing is ever written."""

from __future__ import annotations

from dataclasses import dataclass

from tagger.core.names import folded
from tagger.core.paths import disk_path, stored_path
from tagger.core.photo import Label, Origin
from tagger.store.places import Root, photo_places
from tagger.store.reader import Reader

_ROOTS = "SELECT id, path FROM roots ORDER BY path"
_PHOTO = "SELECT p.id, m.model_id FROM photos p LEFT JOIN models m ON m.id = p.labelled_by WHERE p.root_id = :root AND "
_LABELS = (
    "SELECT b.key, b.name, l.confidence, l.rank, l.origin, l.shown FROM photo_labels l"
    " JOIN labels b ON b.id = l.label_id WHERE l.photo_id = :photo AND NOT l.removed ORDER BY l.rank, b.key"
)


@dataclass(frozen=True, slots=True)
class StoredLabels:
    """What the library has of a photo. `model`: the id of the model that labelled it; None: none has yet."""

    labels: tuple[Label, ...]
    model: str | None


class LabelsByPath:
    """Finds photos of an open library by absolute paths, as `tagger show` does: by any name of the path."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._roots = [Root(number, disk_path(path), None) for number, path in reader.rows(_ROOTS, {})]

    def at(self, path: str) -> StoredLabels | None:
        """The labels of the photo at a path, in rank order, without removed ones; None if it is not in the library."""
        places = photo_places(self._roots, path)
        for condition, named in (("p.path = :path", stored_path), ("p.path_folded = :path LIMIT 2", _folded)):
            for root, relative in places:
                found = list(self._reader.rows(_PHOTO + condition, {"root": root.id, "path": named(relative)}))
                # Two with the same name but for case: neither is meant.
                if len(found) == 1:
                    [(photo, model)] = found
                    return StoredLabels(self._labels(photo), model)
        return None

    def _labels(self, photo: int) -> tuple[Label, ...]:
        return tuple(
            Label(key, name, confidence, rank, Origin(origin), bool(shown))
            for key, name, confidence, rank, origin, shown in self._reader.rows(_LABELS, {"photo": photo})
        )


def _folded(path: str) -> str:
    return folded(stored_path(path))
