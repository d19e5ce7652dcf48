"""The model that the configuration chooses: its weights, its name in the library, its child process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.core.errors import ModelError
from tagger.judge import Judge
from tagger.labels import taxonomy
from tagger.labels.policy import Policy
from tagger.store.features import reusable_features
from tagger.store.models import Model, all_models, ensure_model
from tagger.store.records import PhotoRecord
from tagger.store.session import Store
from tagger.vision.classifier import Classifier
from tagger.vision.head import Head, head_file
from tagger.vision.light import find_light, place
from tagger.vision.models import Architecture, model_id
from tagger.vision.trained import architecture
from tagger.vision.weights import WeightsFile, locate


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """The configured model with its weights on this disk: those of Keras, or a light model made from them."""

    architecture: Architecture
    weights: WeightsFile
    model_id: str
    engine: Literal["tensorflow", "light"]


def choose_model(settings: Settings, fetching: Callable[[int, int | None], None]) -> ChosenModel:
    """The configured model, its weights fetched if they are not here yet. Raises ModelError.

    Where a light model is used, the Keras weights are not needed.
    """
    chosen = architecture(settings.model.name, settings.data_dir)
    light = find_light(settings, chosen)
    if light is not None:
        weights = WeightsFile(place(settings, chosen), light.weights_sha256, str(light))
        return ChosenModel(chosen, weights, model_id(chosen, weights.sha256), "light")
    weights = locate(settings, chosen, fetching)
    return ChosenModel(chosen, weights, model_id(chosen, weights.sha256), "tensorflow")


def policy_for(settings: Settings, name: str | None = None) -> Policy:
    """The label policy for the classes of a model; None for the configured one.

    Raises ConfigError where a rule makes no sense, ModelError where a trained model is not here any more.
    """
    # The rules are checked against the labels that everybody knows, whatever the model.
    usual = Policy.from_settings(settings.labels, taxonomy.load())
    network = architecture(name or settings.model.name, settings.data_dir).network
    return usual if network is None else Policy.from_settings(settings.labels, taxonomy.of_classes(network.classes))


def record_model(store: Store, chosen: ChosenModel, clock: Clock) -> Model:
    """The row of the model in the library, made on its first use."""
    with store.write() as session:
        return ensure_model(
            session,
            chosen.model_id,
            chosen.architecture.name,
            chosen.weights.sha256,
            chosen.architecture.revision,
            clock.now(),
        )


def stored_judge(session: Session, settings: Settings, record: PhotoRecord) -> tuple[Judge, NDArray[np.float16]] | None:
    """A photo's stored features, float16 (1, features), and who gives it labels by them.

    None where the library has none of it, or no last layer of the model, which is only kept for speed.
    """
    if record.labelled_by is None:
        return None
    model = all_models(session)[record.labelled_by]
    vector = reusable_features(session, [record.id], model).get(record.id)
    if vector is None:
        return None
    try:
        head = Head.load(head_file(settings.data_dir, model.model_id))
        policy = policy_for(settings, model.architecture)
    except ModelError:
        return None
    return Judge(model, head, policy), np.frombuffer(vector, "<f2")[np.newaxis]


def open_classifier(settings: Settings, chosen: ChosenModel, clock: Clock | None = None) -> Classifier:
    """The parent's handle on the child for the chosen model; the child starts on first use."""
    return Classifier(settings, chosen.architecture, chosen.model_id, chosen.weights.path, chosen.engine, clock)
