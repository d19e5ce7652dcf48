"""Training a network on the owner's own classes: `tagger train`. TensorFlow runs in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock, SystemClock
from tagger.core.config import Settings
from tagger.inference import custom_models
from tagger.inference.custom_models import Description
from tagger.inference.registry import MODELS_FOLDER, REGISTRY
from tagger.inference.training.charts import confusion_picture, curves_picture
from tagger.inference.training.dataset import Dataset
from tagger.system.child_process import messages, send, spawn

LOG_FILE = "train.log"
SMALL = "small"
# Steps that an epoch should have, and what a batch may hold.
_STEPS, _BATCH_SIZES = 20, (16, 128)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train. `kind`: `small`, or an architecture. `fine_tune`: train so many of its last layers only.

    `batch_size`: 0 chooses one by the number of pictures. `patience`: stop after so many epochs without a better one; 0
    never.
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


@dataclass(slots=True)
class TrainingResult:
    """What came of it. `history`: by epoch loss, accuracy, val_loss, val_accuracy. `matrix`: true class by found class.

    `judged`: the part on which `accuracy` was measured, `test` or `validation`. `skipped`: pictures that could not be
    read. `curves`, `confusion`: PNG files.
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
    """Who shows training to a person; does nothing by itself."""

    def stage(self, what: str, done: int, total: int) -> None:
        """Pictures are decoded."""

    def ready(self, epochs_done: int, parameters: int, device: str) -> None:
        """Training begins, or goes on behind so many epochs."""

    def batch(self, epoch: int, done: int, total: int) -> None:
        """So many pictures of an epoch are done."""

    def epoch(self, entry: dict[str, float]) -> None:
        """An epoch is over."""


def train(
    settings: Settings,
    dataset: Dataset,
    wish: TrainingOptions,
    start_weights: Path | None,
    report: TrainingListener,
    stop: Callable[[], bool],
    clock: Clock | None = None,
) -> TrainingResult:
    """Train, and put the network among this library's models. What was begun before goes on where it stopped.

    `start_weights`: published weights of the architecture to start from. Raises TaggerError.
    """
    clock = clock or SystemClock()
    wish = replace(wish, batch_size=wish.batch_size or _batch_size(len(dataset.train)))
    folder = _begun(settings, dataset, wish, start_weights)
    started = clock.monotonic()
    log = settings.data_dir / LOG_FILE
    process, channel = spawn("tagger.inference.processes.trainer", settings.data_dir, log)
    result = TrainingResult(wish.name, classes=dataset.classes)
    try:
        with channel:
            send(
                channel,
                "train",
                name=wish.name,
                network=wish.kind,
                input_size=wish.input_size,
                widths=list(wish.widths),
                dense=wish.dense,
                classes=list(dataset.classes),
                folder=os.fspath(folder),
                parts={"train": dataset.train, "validation": dataset.validation, "test": dataset.test},
                epochs=wish.epochs,
                batch_size=wish.batch_size,
                augment=wish.augment,
                fine_tune=wish.fine_tune,
                patience=wish.patience,
                seed=wish.seed,
                precision=wish.precision,
                start_weights="" if start_weights is None else os.fspath(start_weights),
                threads=settings.engine.threads,
                limits=settings.limits.model_dump(),
            )
            told = False

            def between() -> None:
                nonlocal told
                if stop() and not told:
                    told = True
                    send(channel, "stop")

            for message in messages(process, channel, log, "trains", clock, between):
                if _heard(message, report, result):
                    break
    finally:
        process.kill()
        process.wait()
    result.seconds = clock.monotonic() - started
    if not result.stopped:
        _keep(settings, wish, result, folder)
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _batch_size(pictures: int) -> int:
    """A power of two: few pictures in large batches would be few steps, in which nothing is learned."""
    most = max(1, pictures // _STEPS)
    return min(max(1 << (most.bit_length() - 1), _BATCH_SIZES[0]), _BATCH_SIZES[1])


def _begun(settings: Settings, dataset: Dataset, wish: TrainingOptions, start_weights: Path | None) -> Path:
    """The folder of this training, emptied if what lies there is of another one."""
    folder = settings.data_dir / "training" / wish.name
    about = {"dataset": dataset.hash, "wish": repr(wish), "start": str(start_weights or "")}
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


def _heard(message: dict[str, Any], report: TrainingListener, result: TrainingResult) -> bool:
    """Take in what the process says; whether it is done."""
    match message["kind"]:
        case "progress":
            report.stage(message["stage"], message["done"], message["total"])
        case "decoded":
            result.skipped = message["skipped"]
        case "ready":
            report.ready(message["done"], message["parameters"], message["device"])
        case "batch":
            report.batch(message["epoch"], message["done"], message["total"])
        case "epoch":
            report.epoch({name: value for name, value in message.items() if name != "kind"})
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


def _keep(settings: Settings, wish: TrainingOptions, result: TrainingResult, folder: Path) -> None:
    """Weights, then the pictures, then the description, which makes it a model."""
    models = settings.data_dir / MODELS_FOLDER
    weights = models / f"{wish.name}.weights.h5"
    final = folder / "final.weights.h5"
    # A light model of one that is replaced is made from weights that are gone.
    (models / f"{wish.name}.tflite").unlink(missing_ok=True)
    with replacing(weights) as temporary:
        shutil.copyfile(final, temporary)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    result.curves, result.confusion = (
        str(models / f"{wish.name}.curves.png"),
        str(models / f"{wish.name}.confusion.png"),
    )
    for path, picture in (
        (result.curves, curves_picture(result.history, result.best_epoch)),
        (result.confusion, confusion_picture(result.matrix, result.classes)),
    ):
        with replacing(Path(path)) as temporary:
            picture.save(temporary, "PNG")
    base = REGISTRY.get(wish.kind)
    custom_models.write(
        settings.data_dir,
        Description(
            name=wish.name,
            kind=wish.kind,
            widths=wish.widths if base is None else (),
            dense=wish.dense,
            input_size=wish.input_size,
            classes=result.classes,
            weights_sha256=digest,
            megabytes=round(weights.stat().st_size / 1e6),
            accuracy=result.accuracy,
            made=f"{len(result.history)} epochs, the best of them {result.best_epoch}, judged by {result.judged}",
        ),
    )
