"""Labels of photos by their confidence. Reads without SQLAlchemy, which is quick for many small queries."""

from __future__ import annotations

from dataclasses import dataclass

from tagger.core.photo import Origin
from tagger.store.reader import Reader


def known_labels(reader: Reader) -> list[tuple[int, str, str]]:
    """Every label of the library as (row id, key, name)."""
    return list(reader.rows("SELECT id, key, name FROM labels", {}))


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Which labels are doubtful: of these origins, a little surer than `above`, or a little less sure than `below`."""

    origins: tuple[Origin, ...]
    above: float
    below: float

    def distance(self, confidence: float) -> float:
        """How far a confidence is from the nearer of both; what is nearest is the most doubtful."""
        return confidence - self.above if confidence >= self.above else abs(self.below - confidence)


def doubtful_labels(
    reader: Reader, label_id: int, doubtful: Doubtful, near: float, limit: int
) -> list[tuple[int, float, bool]]:
    """Photos with a doubtful confidence for a label, as (photo id, confidence, shown).

    Up to `limit` on each side within `near`, the nearest first. None of photos that are missing.
    """
    rows: list[tuple[int, float, bool]] = []
    origins = ",".join(str(int(origin)) for origin in doubtful.origins)
    for side, order in (
        (">= :above AND l.confidence <= :above + :near", "ASC"),
        ("< :above AND l.confidence <= :below AND l.confidence >= :below - :near", "DESC"),
    ):
        sql = (
            "SELECT l.photo_id, l.confidence, l.shown FROM photo_labels l JOIN photos p ON p.id = l.photo_id"
            f" WHERE l.label_id = :label AND l.confidence {side} AND NOT l.removed AND l.origin IN ({origins})"
            f" AND p.missing_since IS NULL ORDER BY l.confidence {order}, l.photo_id LIMIT :limit"
        )
        values = {
            "label": label_id,
            "above": doubtful.above,
            "below": doubtful.below,
            "near": near,
            "limit": limit,
        }
        rows += [(photo_id, confidence, bool(shown)) for photo_id, confidence, shown in reader.rows(sql, values)]
    return rows


def count_doubtful(reader: Reader, label_id: int, doubtful: Doubtful, near: float, most: int) -> int:
    """How many photos have a doubtful confidence for a label, up to `most`."""
    origins = ",".join(str(int(origin)) for origin in doubtful.origins)
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM photo_labels l JOIN photos p ON p.id = l.photo_id"
        f" WHERE l.label_id = :label AND NOT l.removed AND l.origin IN ({origins}) AND p.missing_since IS NULL"
        " AND l.confidence >= :low AND l.confidence <= :high"
        " AND (l.confidence >= :above OR l.confidence <= :below) LIMIT :most) AS found"
    )
    values = {
        "label": label_id,
        "low": min(doubtful.above, doubtful.below - near),
        "high": doubtful.above + near,
        "above": doubtful.above,
        "below": doubtful.below,
        "most": most,
    }
    [(number,)] = reader.rows(sql, values)
    return int(number)


def taught_label_names(reader: Reader) -> list[str]:
    """The names of the labels that were taught, in alphabetical order."""
    sql = "SELECT labels.name FROM labels JOIN taught ON taught.label_id = labels.id ORDER BY labels.name"
    return [name for (name,) in reader.rows(sql, {})]
