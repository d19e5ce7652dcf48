"""The model that the configuration chooses: its weights, its name in the library, its child process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tagger.core.clock import Clock
from tagger.core.config import Settings
from tagger.inference.light_model import find_light, light_model_path
from tagger.inference.lookup import architecture
from tagger.inference.registry import Architecture, model_id
from tagger.inference.weights import WeightsFile, locate
from tagger.inference.worker_client import WorkerClient
from tagger.store.models import Model, ensure_model
from tagger.store.session import Store


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
        weights = WeightsFile(light_model_path(settings, chosen), light.weights_sha256, str(light))
        return ChosenModel(chosen, weights, model_id(chosen, weights.sha256), "light")
    weights = locate(settings, chosen, fetching)
    return ChosenModel(chosen, weights, model_id(chosen, weights.sha256), "tensorflow")


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


def open_worker(settings: Settings, chosen: ChosenModel, clock: Clock | None = None) -> WorkerClient:
    """The parent's handle on the child for the chosen model; the child starts on first use."""
    return WorkerClient(settings, chosen.architecture, chosen.model_id, chosen.weights.path, chosen.engine, clock)
