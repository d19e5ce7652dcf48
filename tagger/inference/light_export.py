"""Making a light model from the Keras weights, calibrated on the owner's photos: `tagger model export`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.core.errors import EngineError, NoLibraryError, TaggerError, UsageError
from tagger.core.paths import shown_path
from tagger.inference.light_model import INSTALL, About, has_runtime, light_model_path, read_about
from tagger.inference.registry import Architecture
from tagger.inference.weights import WeightsFile, locate
from tagger.intake.walk import photos_below
from tagger.store import records
from tagger.store.session import open_store
from tagger.system.child_process import messages, send, spawn

LOG_FILE = "export.log"
# So few photos cannot show what the ranges of a layer's values are, nor how often two networks agree.
LEAST_PHOTOS = 50

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """A light model that was made. `used`: this library's photos are labelled by it from now on."""

    path: Path
    megabytes: float
    about: About
    used: bool


def export(
    settings: Settings,
    architecture: Architecture,
    to: Path | None,
    folders: Sequence[str],
    sample: int,
    least_agreement: float,
    fetching: Callable[[int, int | None], None],
    report: Report,
    clock: Clock | None = None,
) -> Exported:
    """Make the light model of an architecture, at its place or at `to`.

    `folders`: where its photos are taken from, instead of the library. `sample`: how many of them at most, a third
    for calibration and the others for comparing. `report` is told stage, done and total. Raises TaggerError, with the
    file as it was before, where its agreement with float32 is below `least_agreement`.
    """
    if not has_runtime():
        raise EngineError("LiteRT, which runs light models, is not installed; it is needed to try the model.", INSTALL)
    photos = _from_folders(settings, folders, sample) if folders else _from_library(settings, sample)
    if len(photos) < LEAST_PHOTOS:
        raise _too_few(len(photos))
    weights = locate(settings, architecture, fetching)
    path = to or light_model_path(settings, architecture)
    try:
        with replacing(path) as temporary:
            # Better to know now than in a minute.
            temporary.touch()
            _run(settings, architecture, weights, temporary, photos, report, clock or SystemClock())
            about = read_about(temporary)
            if about.agreement < least_agreement:
                raise TaggerError(
                    f"The light model was not kept: it found the {about}, and {least_agreement:.1%} are demanded.",
                    "Calibrate it on more photos with --sample, or demand less with --least-agreement.",
                )
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", "Name another place with --to.") from error
    used = path == light_model_path(settings, architecture) and settings.engine.kind != "tensorflow"
    return Exported(path, path.stat().st_size / 1e6, about, used and architecture.name == settings.model.name)


def _from_library(settings: Settings, sample: int) -> list[str]:
    try:
        with open_store(settings) as store, store.read() as session:
            return [photo.path.absolute for photo in records.sample_present(session, sample)]
    except NoLibraryError as error:
        raise UsageError(
            "There is no library here whose photos could be used.",
            "Name a folder of photos like those of the library: tagger model export --photos FOLDER",
        ) from error


def _from_folders(settings: Settings, folders: Sequence[str], sample: int) -> list[str]:
    found = []
    for folder in folders:
        if not os.path.isdir(folder):
            raise UsageError(f"{shown_path(folder)} is not a folder.")
        found += photos_below(folder, settings.intake, lambda _problem: None)
    # The same photos each time, from everywhere.
    return random.Random(0).sample(found, min(sample, len(found)))


def _run(
    settings: Settings,
    architecture: Architecture,
    weights: WeightsFile,
    to: Path,
    photos: Sequence[str],
    report: Report,
    clock: Clock,
) -> None:
    log = settings.data_dir / LOG_FILE
    process, channel = spawn("tagger.inference.processes.light_exporter", settings.data_dir, log)
    try:
        with channel:
            send(
                channel,
                "export",
                architecture=architecture.name,
                data_dir=os.fspath(settings.data_dir),
                weights=os.fspath(weights.path),
                weights_sha256=weights.sha256,
                to=os.fspath(to),
                photos=list(photos),
                least_photos=LEAST_PHOTOS,
                threads=settings.engine.threads,
                limits=settings.limits.model_dump(),
            )
            for message in messages(process, channel, log, "makes the model", clock):
                match message["kind"]:
                    case "progress":
                        report(message["stage"], message["done"], message["total"])
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
