"""Train a network on the owner's own classes (`tagger train`). TensorFlow runs in a child process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.inference import custom_models
from tagger.inference.custom_models import Description
from tagger.inference.engine_specs import LITERT, TENSORFLOW
from tagger.inference.registry import MODELS_FOLDER, REGISTRY
from tagger.inference.training.charts import confusion_picture, curves_picture
from tagger.inference.training.dataset import Dataset
from tagger.system.child_process import Child, messages, send, spawn

LOG_FILE = "train.log"
SMALL = "small"
# The least number of steps an epoch should have, and the bounds of a batch.
_STEPS, _BATCH_SIZES = 20, (16, 128)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train. `kind`: `small`, or an architecture. `fine_tune`: train only this many of its last layers.

    `batch_size`: 0 chooses one by the number of pictures. `patience`: stop after this many epochs without improvement;
    0 never does. `start_weights`: published weights of the architecture to start from.
    """

    name: str
    kind: str = SMALL
    input_size: int = 32
    widths: tuple[int, ...] = (32, 64, 128)
    dense: int = 256
    epochs: int = 28
    batch_size: int = 0
    augment: bool = True
    fine_tune: int = 0
    patience: int = 0
    seed: int = 1
    precision: str = "auto"
    # Not in the repr, which decides whether a training is resumed: `_training_folder` compares it separately.
    start_weights: Path | None = field(default=None, repr=False)


@dataclass(slots=True)
class TrainingResult:
    """The outcome of a training. `history`: loss, accuracy, val_loss and val_accuracy of each epoch.

    `matrix`: counts, true class by predicted class. `judged`: the part on which `accuracy` was measured, `test` or
    `validation`. `skipped`: why some pictures could not be read. `curves`, `confusion`: PNG files.
    """

    name: str
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    judged: str = ""
    accuracy: float = 0.0
    matrix: list[list[int]] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    skipped: list[str] = field(default_factory=list)
    seconds: float = 0.0
    curves: str = ""
    confusion: str = ""
    stopped: bool = False


class TrainingListener:
    """The caller's side of a training. Every method may be overridden; the defaults do nothing."""

    def stage(self, what: str, done: int, total: int) -> None:
        """Preparing: `done` of `total` pictures are decoded."""

    def ready(self, epochs_done: int, parameters: int, device: str) -> None:
        """Training starts, or resumes after `epochs_done` epochs."""

    def batch(self, epoch: int, done: int, total: int) -> None:
        """Training: `done` of `total` pictures of an epoch are done."""

    def epoch(self, entry: dict[str, float]) -> None:
        """An epoch is complete. `entry`: its line of the history, and `best`, the best accuracy so far."""

    def stop(self) -> bool:
        """Whether to stop at the next place where nothing is lost."""
        return False


def train(
    settings: Settings,
    dataset: Dataset,
    options: TrainingOptions,
    listener: TrainingListener,
    clock: Clock | None = None,
) -> TrainingResult:
    """Train a network and add it to this library's models. An interrupted training with the same options is resumed.

    Raises TaggerError.
    """
    clock = clock or SystemClock()
    options = replace(options, batch_size=options.batch_size or _batch_size(len(dataset.train)))
    folder = _training_folder(settings, dataset, options)
    started = clock.monotonic()
    log = settings.data_dir / LOG_FILE
    process, channel = spawn("tagger.inference.processes.trainer", settings.data_dir, log)
    result = TrainingResult(options.name, classes=dataset.classes)
    try:
        with channel:
            send(
                channel,
                "train",
                name=options.name,
                network=options.kind,
                input_size=options.input_size,
                widths=list(options.widths),
                dense=options.dense,
                classes=list(dataset.classes),
                folder=os.fspath(folder),
                parts={"train": dataset.train, "validation": dataset.validation, "test": dataset.test},
                epochs=options.epochs,
                batch_size=options.batch_size,
                augment=options.augment,
                fine_tune=options.fine_tune,
                patience=options.patience,
                seed=options.seed,
                precision=options.precision,
                start_weights="" if options.start_weights is None else os.fspath(options.start_weights),
                threads=settings.engine.threads,
                limits=settings.limits.model_dump(),
            )
            stopping = False

            def between() -> None:
                nonlocal stopping
                if listener.stop() and not stopping:
                    stopping = True
                    send(channel, "stop")

            for message in messages(Child(process, channel, log), "trains", clock, between):
                if _on_message(message, listener, result):
                    break
    finally:
        process.kill()
        process.wait()
    result.seconds = clock.monotonic() - started
    if not result.stopped:
        _keep(settings, options, result, folder)
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _batch_size(pictures: int) -> int:
    """A power of two, small enough for `_STEPS` steps an epoch: too few steps learn nothing."""
    most = max(1, pictures // _STEPS)
    return min(max(1 << (most.bit_length() - 1), _BATCH_SIZES[0]), _BATCH_SIZES[1])


def _training_folder(settings: Settings, dataset: Dataset, options: TrainingOptions) -> Path:
    """The folder with the state of this training. The state of a different one of that name is deleted."""
    folder = settings.data_dir / "training" / options.name
    about = {"dataset": dataset.hash, "wish": repr(options), "start": str(options.start_weights or "")}
    file = folder / "about.json"
    try:
        same = json.loads(file.read_text()) == about
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(about))
    return folder


def _on_message(message: dict[str, Any], listener: TrainingListener, result: TrainingResult) -> bool:
    """Handle a message of the child process; returns whether the training is over."""
    match message["kind"]:
        case "progress":
            listener.stage(message["stage"], message["done"], message["total"])
        case "decoded":
            result.skipped = message["skipped"]
        case "ready":
            listener.ready(message["done"], message["parameters"], message["device"])
        case "batch":
            listener.batch(message["epoch"], message["done"], message["total"])
        case "epoch":
            listener.epoch({name: value for name, value in message.items() if name != "kind"})
        case "stopped":
            result.stopped = True
            return True
        case "done":
            result.history, result.best_epoch = message["history"], message["best_epoch"]
            result.judged, result.matrix = message["judged"], message["matrix"]
            right = sum(row[place] for place, row in enumerate(result.matrix))
            result.accuracy = right / max(1, sum(map(sum, result.matrix)))
            return True
    return False


def _keep(settings: Settings, options: TrainingOptions, result: TrainingResult, folder: Path) -> None:
    """Write the weights, the charts, and last the description, with which it becomes a model."""
    models = settings.data_dir / MODELS_FOLDER
    weights = models / f"{options.name}{TENSORFLOW.suffix}"
    final = folder / "final.weights.h5"
    # A light model made from the weights that are being replaced.
    (models / f"{options.name}{LITERT.suffix}").unlink(missing_ok=True)
    with replacing(weights) as temporary:
        shutil.copyfile(final, temporary)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    result.curves, result.confusion = (
        str(models / f"{options.name}.curves.png"),
        str(models / f"{options.name}.confusion.png"),
    )
    for path, picture in (
        (result.curves, curves_picture(result.history, result.best_epoch)),
        (result.confusion, confusion_picture(result.matrix, result.classes)),
    ):
        with replacing(Path(path)) as temporary:
            picture.save(temporary, "PNG")
    base = REGISTRY.get(options.kind)
    custom_models.write(
        settings.data_dir,
        Description(
            name=options.name,
            kind=options.kind,
            widths=options.widths if base is None else (),
            dense=options.dense,
            input_size=options.input_size,
            classes=result.classes,
            weights_sha256=digest,
            megabytes=round(weights.stat().st_size / 1e6),
            accuracy=result.accuracy,
            made=f"{len(result.history)} epochs, the best of them {result.best_epoch}, judged by {result.judged}",
        ),
    )
