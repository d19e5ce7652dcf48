"""Which model is configured, where its files are, and its row in the library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tagger.core.config import Settings, Views
from tagger.core.config_sources import remembered_weights
from tagger.core.errors import EngineError, ModelError, UsageError
from tagger.core.progress import OnDownload, ignore_download
from tagger.inference.download import ensure_weights, missing_weights
from tagger.inference.engine_specs import LITERT, TENSORFLOW, EngineSpec
from tagger.inference.light_model import About, find_light, light_model_path
from tagger.inference.lookup import architecture
from tagger.inference.registry import BUILT_IN, REVISIONS, Architecture, model_id, views_of_revision
from tagger.inference.weights import (
    ChosenModel,
    Substitute,
    UnfinishedWeightsError,
    WeightsFile,
    configured_weights_path,
    find_weights,
)
from tagger.store.library import Library
from tagger.store.models import Model, ensure_model
from tagger.system.machine import NO_TENSORFLOW, memory, why_no_tensorflow


@dataclass(frozen=True, slots=True)
class LocatedModel:
    """A model and those of its files that are on this disk.

    `weights`: the Keras weights, None where they are not here. `light`: the light model, if it is to be used.
    """

    architecture: Architecture
    views: Views
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
            return model_id(self.architecture, self.light.weights_sha256, self.views)
        return None if self.weights is None else model_id(self.architecture, self.weights.sha256, self.views)


def locate_model(settings: Settings, wanted: Architecture | None = None) -> LocatedModel:
    """Find the files of a model (None: of the configured one). Nothing is fetched, and what is missing is no fault.

    Raises ModelError where a file is damaged or of another model, or where one that is configured by name is missing.
    """
    wanted = wanted or architecture(settings.model.name, settings.data_dir)
    light = find_light(settings, wanted)
    return LocatedModel(
        wanted,
        wanted.views(settings.model.views),
        configured_weights_path(settings, wanted),
        find_weights(settings, wanted),
        light_model_path(settings, wanted),
        light,
    )


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Which model labels now, for people. `labels`: its name, empty if none can; `wanted`: the configured one's.

    `why`: what keeps the wanted one from labelling, empty if nothing does; `note`: that in a sentence, with what
    happens next or what to do.
    """

    labels: str
    wanted: str
    why: str
    note: str


_NEVER = 'model.fetch is "never"'


def model_status(settings: Settings) -> ModelStatus:
    """Which model labels now and why. Nothing is fetched."""
    return status_of(settings, chosen_or_fault(settings))


def chosen_or_fault(settings: Settings) -> ChosenModel | ModelError:
    """The model that labels now, or why none does. Nothing is fetched."""
    try:
        return choose_model(settings, fetch=False)
    except ModelError as error:
        return error


def status_of(settings: Settings, chosen: ChosenModel | ModelError) -> ModelStatus:
    """What to say of what `chosen_or_fault` found."""
    if isinstance(chosen, ModelError):
        return ModelStatus("", settings.model.name, chosen.message, str(chosen))
    labels, substitute = chosen.architecture.name, chosen.substitute
    if substitute is None:
        return ModelStatus(labels, labels, "", "")
    return ModelStatus(labels, substitute.wanted, substitute.why, substitute.note(labels))


def model_of_library(settings: Settings, model: Model) -> ChosenModel:
    """A model that labelled photos of the library, with its files, whatever model is configured now.

    Raises UsageError if its weights are not here any more, ModelError.
    """
    same = settings.model.name == model.architecture
    weights = settings.model.weights if same else remembered_weights(settings.data_dir).get(model.architecture)
    views = views_of_revision(model.preprocessing)
    own = with_model(
        settings,
        name=model.architecture,
        weights=weights if weights is not None and weights.is_file() else None,
        sha256="",
        views=views,
    )
    engine = settings.engine if same else settings.engine.model_copy(update={"kind": "auto"})
    located = locate_model(own.model_copy(update={"engine": engine}))
    if located.model_id == model.model_id:
        return _complete(own, located, ignore_download, fetch=False)
    raise UsageError(
        f"The photos of the library are labelled by {model.architecture} ({model.model_id}), "
        "and its weights are not here.",
        f"Say where they are: tagger model use {model.architecture} --weights FILE\n"
        "Or label the photos by the model that is configured now: tagger backfill",
    )


def choose_model(settings: Settings, on_download: OnDownload = ignore_download, *, fetch: bool = True) -> ChosenModel:
    """The configured model; its weights are fetched if they are not here yet, unless `fetch` is false.

    Where that fails, or TensorFlow cannot run here, the model in the package is its substitute. Nothing stands in for
    a network that was trained here, because that has classes of its own, nor for a named file that is not there:
    ModelError is raised.
    """
    wanted = architecture(settings.model.name, settings.data_dir)
    try:
        located = locate_model(settings, wanted)
    except UnfinishedWeightsError as error:
        return _substitute(settings, wanted, error)
    try:
        return _complete(settings, located, on_download, fetch=fetch)
    except ModelError as error:
        return _substitute(settings, wanted, error)


def _substitute(settings: Settings, wanted: Architecture, error: ModelError) -> ChosenModel:
    """The model in the package instead of one that cannot be had or run. Raises `error` where nothing stands in."""
    if wanted.network is not None or wanted.built_in:
        raise error
    chosen = built_in_model(settings)
    fetched = settings.model.fetch == "auto"
    substitute = Substitute(wanted.name, error.message, for_good=isinstance(error, EngineError), fetched=fetched)
    return replace(chosen, substitute=substitute)


def built_in_model(settings: Settings) -> ChosenModel:
    """The model in the package. Raises ModelError."""
    model = settings.model.model_copy(update={"name": BUILT_IN, "weights": None, "sha256": ""})
    engine = settings.engine.model_copy(update={"kind": "auto"})
    located = locate_model(settings.model_copy(update={"model": model, "engine": engine}))
    return _complete(settings, located, ignore_download, fetch=False)


def words_model(settings: Settings, classifier: Architecture) -> ChosenModel | None:
    """The model in the package, where it looks at photos for everyday words beside another classifier."""
    if classifier.name == BUILT_IN or not settings.model.objects:
        return None
    try:
        chosen = built_in_model(settings)
    except ModelError:
        return None
    return chosen if chosen.engine is LITERT else None


def _complete(settings: Settings, located: LocatedModel, on_download: OnDownload, *, fetch: bool) -> ChosenModel:
    """The model with its files, fetched if they are not here. Raises ModelError."""
    wanted, light = located.architecture, located.light
    if light is not None:
        weights = WeightsFile(located.light_path, light.weights_sha256, str(light))
    elif lacks := why_not_tensorflow():
        # Before 100 MB are fetched that are of no use here.
        raise EngineError(lacks, NO_TENSORFLOW)
    elif located.weights is not None:
        weights = located.weights
    elif fetch:
        weights = ensure_weights(settings, wanted, on_download)
    else:
        raise missing_weights(settings, wanted, "" if settings.model.fetch == "auto" else _NEVER)
    return ChosenModel(wanted, weights, located.views, located.engine)


def why_not_tensorflow() -> str | None:
    """What this machine lacks to run TensorFlow, as a sentence; None if nothing."""
    known = memory()
    if known is not None and known[1] < TENSORFLOW.least_mb:
        return f"This machine has {known[1]:,} MB of memory, and TensorFlow needs {TENSORFLOW.least_mb:,} MB."
    return why_no_tensorflow()


def unrecorded(chosen: ChosenModel) -> Model:
    """The model as the library names models, for labels that are not stored."""
    return Model(0, chosen.model_id, chosen.architecture.name, chosen.weights.sha256, REVISIONS[chosen.views])


def with_model(settings: Settings, **changes: Any) -> Settings:
    """The settings with changes in their section `model`."""
    return settings.model_copy(update={"model": settings.model.model_copy(update=changes)})


def record_model(library: Library, chosen: ChosenModel) -> Model:
    """The row of the model in the library, made on its first use."""
    identity = chosen.architecture.name, chosen.weights.sha256, REVISIONS[chosen.views]
    with library.store.write() as session:
        return ensure_model(session, chosen.model_id, *identity, library.clock.now())
