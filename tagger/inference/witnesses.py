"""Which networks look at photos beside the classifier."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.inference.registry import BUILT_IN
from tagger.store.evidence import Witnesses
from tagger.store.library import Library
from tagger.store.models import Model, all_models


def detector_id(settings: Settings) -> str | None:
    """The id of the detector that looks at photos; None where none does."""
    return None


def stored_witnesses(session: Session, settings: Settings, model: Model) -> Witnesses:
    """What looked at the photos that a model labelled, beside it."""
    words = None
    if model.architecture != BUILT_IN:
        built_in = [one for one in all_models(session).values() if one.architecture == BUILT_IN]
        words = max(built_in, key=lambda one: one.id, default=None)
    return Witnesses(detector_id(settings), words)


def record_witnesses(library: Library, model: Model) -> Witnesses:
    """What looks at photos beside a model from now on."""
    return Witnesses(detector_id(library.settings))
