"""Photos that match: what is told of them, read for a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tagger.core.paths import PhotoPath, disk_path
from tagger.core.photo import Fingerprint
from tagger.search.ordered import Cursor
from tagger.search.query_tree import Comparison, Node, words_of
from tagger.search.vocabulary import Vocabulary, id_list
from tagger.store.reader import Reader

# A photo, where it stands, and whether it is less sure.
Place = tuple[int, Cursor | None, bool]
# Which labels of the results are told: these, within these bounds; None: those that are shown.
Wanted = Mapping[int, Sequence[Comparison | None]] | None
# How probably a photo is what was described; None where nothing was. Given the photo, and whether it is less sure.
Probability = Callable[[int, bool], float | None]


@dataclass(frozen=True, slots=True)
class FoundPhoto:
    """A photo that matches. `labels`: the names that matched with their confidence, the narrowest first.

    `version` changes when the file does. `place`: where it stands in the results; None in path order. `less_sure`: a
    label that was asked for is not good enough to be shown, or it is unlikely what was described. `likeness`: how
    probably it is that; None where nothing was described, or labels alone matched. `stored`: of each of `labels` the
    key, and the name that it is stored under.
    """

    photo_id: int
    path: PhotoPath
    taken: str | None
    version: str
    labels: tuple[tuple[str, float], ...]
    place: Cursor | None
    less_sure: bool = False
    likeness: float | None = None
    stored: tuple[tuple[str, str], ...] = ()


def roots_of(reader: Reader) -> dict[int, str]:
    """The paths of the library's folders, by their ids."""
    return {number: disk_path(path) for number, path in reader.rows("SELECT id, path FROM roots", {})}


def found_photos(  # noqa: PLR0913 - what a page of results is read with, each needed
    reader: Reader,
    vocabulary: Vocabulary,
    places: Sequence[Place],
    roots: Mapping[int, str],
    wanted: Wanted,
    probability: Probability,
) -> Iterator[FoundPhoto]:
    """Paths and matched labels of photos, in the order given."""
    ids = id_list(photo_id for photo_id, _, _ in places)
    photos = {
        row[0]: row
        for row in reader.rows(f"SELECT id, root_id, path, taken, size, mtime_ns FROM photos WHERE id IN ({ids})", {})
    }
    doubtful = {photo_id for photo_id, _, less_sure in places if less_sure}
    labels: dict[int, list[tuple[int, float, str, int]]] = {}
    sql = f"SELECT photo_id, label_id, confidence, shown, rank FROM photo_labels WHERE photo_id IN ({ids})"
    rows = reader.rows(f"{sql} AND NOT removed", {}) if wanted != {} else ()
    for photo_id, label, confidence, shown, rank in rows:
        sure = shown or confidence >= vocabulary.sure_from.get(label, 2)
        if shown if wanted is None else _asked_for(wanted.get(label, ()), confidence, sure or photo_id in doubtful):
            labels.setdefault(photo_id, []).append((rank, -confidence, vocabulary.names[label], label))
    for photo_id, place, less_sure in places:
        _, root, path, taken, size, mtime_ns = photos[photo_id]
        found = sorted(labels.get(photo_id, []))
        matched = tuple((name, -confidence) for _, confidence, name, _ in found)
        stored = tuple(vocabulary.stored[label] for *_, label in found)
        version = Fingerprint(size, mtime_ns).version
        where = PhotoPath(roots[root], disk_path(path))
        likeness = probability(photo_id, less_sure)
        yield FoundPhoto(photo_id, where, taken, version, matched, place, less_sure, likeness, stored)


def labels_asked_for(node: Node, vocabulary: Vocabulary) -> Wanted:
    """The labels that a query asks for, each with its bounds; None if it names none."""
    found: dict[int, list[Comparison | None]] = {}
    for word in words_of(node):
        for number in vocabulary.ids(word):
            found.setdefault(number, []).append(word.comparison)
    return found or None


def _asked_for(bounds: Sequence[Comparison | None], confidence: float, sure: bool) -> bool:
    """Whether a photo's label is what a query asks for: it is sure, or within a bound."""
    return any(sure if bound is None else bound.holds(confidence) for bound in bounds)
