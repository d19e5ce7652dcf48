"""Labels of photos by their confidence. Reads without SQLAlchemy, which is quick for many small queries."""

from __future__ import annotations

from tagger.core.photo import Origin
from tagger.store.reader import Reader


def known_labels(reader: Reader) -> list[tuple[int, str, str]]:
    """Every label of the library as (row id, key, name)."""
    return list(reader.rows("SELECT id, key, name FROM labels", {}))


def around_threshold(
    reader: Reader, label_id: int, threshold: float, distance: float, limit: int
) -> list[tuple[int, float, bool]]:
    """Photos whose confidence for a label is near a threshold, as (photo id, confidence, shown).

    Up to `limit` on each side, the nearest first. Only labels that the model gave to photos that are not missing.
    """
    rows: list[tuple[int, float, bool]] = []
    for side, order in (
        (">= :threshold AND l.confidence <= :threshold + :near", "ASC"),
        ("< :threshold AND l.confidence >= :threshold - :near", "DESC"),
    ):
        sql = (
            "SELECT l.photo_id, l.confidence, l.shown FROM photo_labels l JOIN photos p ON p.id = l.photo_id"
            f" WHERE l.label_id = :label AND l.confidence {side} AND NOT l.removed AND l.origin IN (:model, :hierarchy)"
            f" AND p.missing_since IS NULL ORDER BY l.confidence {order}, l.photo_id LIMIT :limit"
        )
        values = {
            "label": label_id,
            "threshold": threshold,
            "near": distance,
            "model": int(Origin.MODEL),
            "hierarchy": int(Origin.HIERARCHY),
            "limit": limit,
        }
        rows += [(photo_id, confidence, bool(shown)) for photo_id, confidence, shown in reader.rows(sql, values)]
    return rows


def label_names_in(reader: Reader, *, taught: bool) -> list[str]:
    """The names of all labels of the library, or of those only that were taught, in alphabetical order."""
    only = "JOIN taught ON taught.label_id = labels.id" if taught else ""
    return [name for (name,) in reader.rows(f"SELECT labels.name FROM labels {only} ORDER BY labels.name", {})]
