"""Making a light model from the Keras weights, calibrated on the owner's photos: `tagger model export`."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.core import os_words
from tagger.core.atomic_file import replacing
from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.core.errors import EngineError, NoLibraryError, TaggerError, UsageError
from tagger.core.paths import shown_path
from tagger.core.progress import OnDownload, OnStage, ignore_download, ignore_stage
from tagger.inference.download import ensure_weights
from tagger.inference.engine_specs import LITERT, TENSORFLOW
from tagger.inference.light_model import About, exported_path, read_about
from tagger.inference.registry import Architecture
from tagger.inference.weights import ChosenModel
from tagger.intake.walk import photos_below
from tagger.store import records
from tagger.store.session import open_store
from tagger.system.child_process import Child, messages, send, spawn

LOG_FILE = "export.log"
# So few photos cannot show what the ranges of a layer's values are, nor how often two networks agree.
LEAST_PHOTOS = 50


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a light model is made. `to`: where it is written; None: its place in the data directory.

    `folders`: where its photos are taken from; empty: the library. `sample`: how many of them at most, a third for
    calibration and the others for comparing. `least_agreement`: the share of photos that must get the same first class.
    """

    to: Path | None = None
    folders: tuple[str, ...] = ()
    sample: int = 300
    least_agreement: float = 0.9


@dataclass(frozen=True, slots=True)
class Exported:
    """A light model that was made. `used`: where its model labels this library, that is done by it from now on."""

    path: Path
    megabytes: float
    about: About
    used: bool


def export_light_model(
    settings: Settings,
    architecture: Architecture,
    options: ExportOptions,
    on_download: OnDownload = ignore_download,
    on_stage: OnStage = ignore_stage,
) -> Exported:
    """Make the light model of an architecture.

    Raises TaggerError, with the file as it was before, where it agrees with float32 too seldom.
    """
    if not LITERT.is_installed:
        why = "LiteRT, which runs light models, is not installed; it is needed to try the model."
        raise EngineError(why, LITERT.install)
    photos = _sample_of_folders(settings, options) if options.folders else _sample_of_library(settings, options)
    if len(photos) < LEAST_PHOTOS:
        raise _too_few(len(photos))
    weights = ensure_weights(settings, architecture, on_download)
    path = options.to or exported_path(settings, architecture)
    try:
        with replacing(path) as temporary:
            # Better to know now than in a minute.
            temporary.touch()
            chosen = ChosenModel(architecture, weights, architecture.views(settings.model.views), TENSORFLOW)
            _run(settings, chosen, temporary, photos, on_stage)
            about = read_about(temporary)
            if about.agreement < options.least_agreement:
                raise TaggerError(
                    f"The light model was not kept: it found the {about}, and "
                    f"{options.least_agreement:.1%} are demanded.",
                    "Calibrate it on more photos with --sample, or demand less with --least-agreement.",
                )
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {os_words.why(error)}.", "Name another place with --to."
        ) from error
    used = path == exported_path(settings, architecture) and settings.engine.kind != TENSORFLOW.setting
    return Exported(path, path.stat().st_size / 1e6, about, used)


def _sample_of_library(settings: Settings, options: ExportOptions) -> list[str]:
    try:
        with open_store(settings) as store, store.read() as session:
            return [photo.path.absolute for photo in records.sample_present(session, options.sample)]
    except NoLibraryError as error:
        raise UsageError(
            "There is no library here whose photos could be used.",
            "Name a folder of photos like those of the library: tagger model export --photos FOLDER",
        ) from error


def _sample_of_folders(settings: Settings, options: ExportOptions) -> list[str]:
    found = []
    for folder in options.folders:
        if not os.path.isdir(folder):
            raise UsageError(f"{shown_path(folder)} is not a folder.")
        found += photos_below(folder, settings.intake, lambda _problem: None)
    # The same photos each time, from everywhere.
    return random.Random(0).sample(found, min(options.sample, len(found)))


def _run(settings: Settings, chosen: ChosenModel, to: Path, photos: Sequence[str], on_stage: OnStage) -> None:
    """Make the file in a child process."""
    log = settings.data_dir / LOG_FILE
    process, channel = spawn("tagger.inference.processes.light_exporter", settings.data_dir, log)
    try:
        with channel:
            send(
                channel,
                "export",
                architecture=chosen.architecture.name,
                data_dir=os.fspath(settings.data_dir),
                weights=os.fspath(chosen.weights.path),
                weights_sha256=chosen.weights.sha256,
                to=os.fspath(to),
                views=chosen.views,
                photos=list(photos),
                least_photos=LEAST_PHOTOS,
                threads=settings.engine.threads,
                limits=settings.limits.model_dump(),
            )
            for message in messages(Child(process, channel, log), "makes the model", SystemClock()):
                match message["kind"]:
                    case "progress":
                        on_stage(message["stage"], message["done"], message["total"])
                    case "too few":
                        raise _too_few(message["photos"])
                    case _:
                        return
    finally:
        process.kill()
        process.wait()


def _too_few(photos: int) -> UsageError:
    return UsageError(
        f"A light model needs {LEAST_PHOTOS} photos at least that can be read and differ; there are {photos}.",
        "Name a folder with more of them: tagger model export --photos FOLDER",
    )
