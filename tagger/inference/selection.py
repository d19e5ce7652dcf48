"""Which model is configured, where its files are, and its row in the library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.core.config import Settings
from tagger.core.progress import OnDownload, ignore_download
from tagger.inference.download import ensure_weights
from tagger.inference.engine_specs import LITERT, TENSORFLOW, EngineSpec
from tagger.inference.light_model import About, find_light, light_model_path
from tagger.inference.lookup import architecture
from tagger.inference.registry import Architecture, model_id
from tagger.inference.weights import ChosenModel, WeightsFile, configured_weights_path, find_weights
from tagger.store.library import Library
from tagger.store.models import Model, ensure_model


@dataclass(frozen=True, slots=True)
class LocatedModel:
    """A model and those of its files that are on this disk.

    `weights`: the Keras weights, None where they are not here. `light`: the light model, if it is to be used.
    """

    architecture: Architecture
    weights_path: Path
    weights: WeightsFile | None
    light_path: Path
    light: About | None

    @property
    def is_here(self) -> bool:
        """Whether photos can be labelled without fetching anything."""
        return self.light is not None or self.weights is not None

    @property
    def engine(self) -> EngineSpec:
        """The engine that runs it."""
        return TENSORFLOW if self.light is None else LITERT

    @property
    def model_id(self) -> str | None:
        """Its name in the library; None where it is not known before the weights are here."""
        if self.light is not None:
            return model_id(self.architecture, self.light.weights_sha256)
        return None if self.weights is None else model_id(self.architecture, self.weights.sha256)


def locate_model(settings: Settings, wanted: Architecture | None = None) -> LocatedModel:
    """Find the files of a model (None: of the configured one). Nothing is fetched, and what is missing is no fault.

    Raises ModelError where a file is damaged or of another model, or where one that is configured by name is missing.
    """
    wanted = wanted or architecture(settings.model.name, settings.data_dir)
    light = find_light(settings, wanted)
    return LocatedModel(
        wanted,
        configured_weights_path(settings, wanted),
        find_weights(settings, wanted),
        light_model_path(settings, wanted),
        light,
    )


def choose_model(settings: Settings, on_download: OnDownload = ignore_download) -> ChosenModel:
    """The configured model, its weights fetched if they are not here yet. Raises ModelError.

    Where a light model is used, the Keras weights are not needed.
    """
    located = locate_model(settings)
    wanted, light = located.architecture, located.light
    if light is not None:
        weights = WeightsFile(located.light_path, light.weights_sha256, str(light))
    else:
        weights = located.weights or ensure_weights(settings, wanted, on_download)
    return ChosenModel(wanted, weights, model_id(wanted, weights.sha256), located.engine)


def with_model(settings: Settings, **changes: Any) -> Settings:
    """The settings with changes in their section `model`."""
    return settings.model_copy(update={"model": settings.model.model_copy(update=changes)})


def record_model(library: Library, chosen: ChosenModel) -> Model:
    """The row of the model in the library, made on its first use."""
    identity = chosen.architecture.name, chosen.weights.sha256, chosen.architecture.revision
    with library.store.write() as session:
        return ensure_model(session, chosen.model_id, *identity, library.clock.now())
