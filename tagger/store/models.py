"""Models that labelled photos, past and present."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from tagger.store.tables import ModelRow


@dataclass(frozen=True, slots=True)
class Model:
    """A model that labelled photos; `id` is the row, `model_id` the hash that names it everywhere.

    `preprocessing`: the revision of what comes before the network.
    """

    id: int
    model_id: str
    architecture: str
    weights_sha256: str
    preprocessing: int


def ensure_model(  # noqa: PLR0913 - one parameter a column
    session: Session, model_id: str, architecture: str, weights_sha256: str, preprocessing: int, now: float
) -> Model:
    """The row of a model; inserted on its first use."""
    row = session.scalar(select(ModelRow).where(ModelRow.model_id == model_id))
    if row is None:
        row = ModelRow(
            model_id=model_id,
            architecture=architecture,
            weights_sha256=weights_sha256,
            preprocessing=preprocessing,
            first_used_at=int(now),
        )
        session.add(row)
        session.flush()
    return Model(row.id, row.model_id, row.architecture, row.weights_sha256, row.preprocessing)


def all_models(session: Session) -> dict[int, Model]:
    """All models that were ever used, by row id."""
    return {
        row.id: Model(row.id, row.model_id, row.architecture, row.weights_sha256, row.preprocessing)
        for row in session.scalars(select(ModelRow))
    }
