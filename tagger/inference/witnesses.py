"""Which networks look at photos beside the classifier."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tagger.core.config import Settings
from tagger.inference.detector import detector_id
from tagger.inference.lookup import architecture
from tagger.inference.registry import BUILT_IN
from tagger.inference.selection import record_model, words_model
from tagger.store.evidence import Witnesses
from tagger.store.library import Library
from tagger.store.models import Model, all_models


def stored_witnesses(session: Session, settings: Settings, model: Model) -> Witnesses:
    """What looked at the photos that a model labelled, beside it."""
    words = None
    if model.architecture != BUILT_IN:
        built_in = [one for one in all_models(session).values() if one.architecture == BUILT_IN]
        words = max(built_in, key=lambda one: one.id, default=None)
    return Witnesses(detector_id(settings), words)


def record_witnesses(library: Library, model: Model) -> Witnesses:
    """What looks at photos beside a model from now on."""
    settings = library.settings
    words = words_model(settings, architecture(model.architecture, settings.data_dir))
    return Witnesses(detector_id(settings), None if words is None else record_model(library, words))
