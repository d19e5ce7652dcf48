"""Training a network on the owner's own classes: `tagger train`. TensorFlow runs in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tagger.clock import Clock, SystemClock
from tagger.config import Settings
from tagger.curves import confusion_picture, curves_picture
from tagger.errors import EngineError, TaggerError, UsageError, WeightsError
from tagger.formats import looks_like_photo
from tagger.photo import shown_path
from tagger.vision import trained
from tagger.vision.child import how_it_ended, last_words, spawn
from tagger.vision.models import MODELS_FOLDER, REGISTRY
from tagger.vision.protocol import receive, send
from tagger.vision.trained import Description
from tagger.whole_file import replacing

LOG_FILE = "train.log"
SMALL = "small"
_LEAST = 10
_VALIDATION = 0.1
_STALL_SECONDS = 1800.0
_PICTURE = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
# CIFAR-10's binary version (www.cs.toronto.edu/~kriz/cifar.html): its files, and the bytes of a record.
_BINARY = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_RECORD = 3073

# A picture: its file, its place inside of it (empty: it is the file), and its class.
Item = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures with their classes. `test` may be empty."""

    classes: tuple[str, ...]
    train: list[Item]
    validation: list[Item]
    test: list[Item]

    @property
    def hash(self) -> str:
        """A text that is another one when the pictures are."""
        text = json.dumps([self.classes, self.train, self.validation, self.test])
        return hashlib.blake2b(os.fsencode(text), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Wish:
    """How to train. `kind`: `small`, or an architecture. `fine_tune`: train so many of its last layers only.

    `patience`: stop after so many epochs without a better one; 0 never.
    """

    name: str
    kind: str = SMALL
    input_size: int = 32
    widths: tuple[int, ...] = (32, 64, 128)
    dense: int = 256
    epochs: int = 28
    batch_size: int = 128
    augment: bool = True
    fine_tune: int = 0
    patience: int = 0
    seed: int = 1
    precision: str = "auto"


@dataclass(slots=True)
class Training:
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


class Report:
    """Who shows training to a person; does nothing by itself."""

    def stage(self, what: str, done: int, total: int) -> None:
        """Pictures are decoded."""

    def ready(self, epochs_done: int, parameters: int, device: str) -> None:
        """Training begins, or goes on behind so many epochs."""

    def batch(self, epoch: int, done: int, total: int) -> None:
        """So many pictures of an epoch are done."""

    def epoch(self, entry: dict[str, float]) -> None:
        """An epoch is over."""


def read_dataset(source: str, seed: int = 1) -> Dataset:
    """The pictures of a folder or an archive, one folder a class; with `train/` and `test/`, or without.

    Also CIFAR-10's binary version. Without `validation/` a tenth is held back for the validation.
    Raises UsageError.
    """
    path = Path(source)
    if path.is_dir():
        binary = [path / name for name in _BINARY]
        if any(file.is_file() for file in binary):
            return _binary(path, seed)
        if (path / "data_batch_1").is_file():
            raise UsageError(
                f"{shown_path(source)} holds CIFAR-10 as Python's pickles, which can run code, and is not opened.",
                "Fetch the binary version of the data set, or put the pictures into one folder a class.",
            )
        found = sorted(
            (os.path.relpath(os.path.join(place, name), source), os.path.join(place, name), "")  # noqa: PTH118
            for place, folders, names in os.walk(source)
            for name in names
            if not _hidden(folders) and looks_like_photo(name) and not name.startswith(".")
        )
    elif path.is_file():
        found = _in_archive(source)
    else:
        raise UsageError(f"There is no folder or archive {shown_path(source)}.")
    return _split(source, found, seed)


def _hidden(folders: list[str]) -> bool:
    folders[:] = sorted(name for name in folders if not name.startswith("."))
    return False


def _in_archive(source: str) -> list[tuple[str, str, str]]:
    try:
        with tarfile.open(source) as archive:
            names = [member.name for member in archive if member.isfile() and member.name.lower().endswith(_PICTURE)]
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise UsageError(f"{shown_path(source)} is no tar archive that can be read: {error}.") from error
    return [(name.removeprefix("./"), source, name) for name in names]


def _split(source: str, found: Sequence[tuple[str, str, str]], seed: int) -> Dataset:
    """By the folders that the pictures lie in."""
    parts: dict[str, list[tuple[str, str, str]]] = {"train": [], "validation": [], "test": []}
    names = {"train": "train", "test": "test", "val": "validation", "valid": "validation", "validation": "validation"}
    has_parts = any(relative.split("/")[0] == "train" for relative, _, _ in found)
    for relative, path, inside in found:
        folders = relative.split("/")[:-1]
        part = names.get(folders[0], "") if has_parts and folders else "train"
        if has_parts:
            folders = folders[1:]
        if part and folders:
            parts[part].append((folders[0], path, inside))
    classes = tuple(sorted({name for items in parts.values() for name, _, _ in items}))
    places = {name: place for place, name in enumerate(classes)}
    items = {part: [(path, inside, places[name]) for name, path, inside in listed] for part, listed in parts.items()}
    return _checked(source, classes, items["train"], items["validation"], items["test"], seed)


def _binary(path: Path, seed: int) -> Dataset:
    names = path / "batches.meta.txt"
    if not names.is_file():
        raise UsageError(f"{shown_path(str(path))} lacks batches.meta.txt, which names the classes.")
    classes = tuple(names.read_text(errors="replace").split())
    train = [item for name in _BINARY if (path / name).is_file() for item in _records(path / name, len(classes))]
    test = _records(path / "test_batch.bin", len(classes)) if (path / "test_batch.bin").is_file() else []
    return _checked(str(path), classes, train, [], test, seed)


def _records(path: Path, classes: int) -> list[Item]:
    data = path.read_bytes()
    if len(data) % _RECORD:
        raise UsageError(f"{shown_path(str(path))} is not whole: it does not hold records of {_RECORD} bytes.")
    kinds = data[::_RECORD]
    if kinds and max(kinds) >= classes:
        raise UsageError(f"{shown_path(str(path))} names a class {max(kinds)}; there are {classes}.")
    return [(str(path), str(number), kind) for number, kind in enumerate(kinds)]


def _checked(
    source: str, classes: tuple[str, ...], train: list[Item], validation: list[Item], test: list[Item], seed: int
) -> Dataset:
    if len(classes) < 2:
        there = f" (only {classes[0]!r})" if classes else ""
        raise UsageError(
            f"{shown_path(source)} holds no two folders with pictures{there}.",
            "Put the pictures of each class into a folder of its own: DIR/cat/..., DIR/dog/...",
        )
    for place, name in enumerate(classes):
        count = sum(item[2] == place for item in train)
        if count < _LEAST:
            raise UsageError(f"{name!r} has {count} pictures to train with; at least {_LEAST} a class are needed.")
    if not validation:
        # The same ones each time, as many of each class.
        mixed = random.Random(seed).sample(train, len(train))
        validation = []
        for place in range(len(classes)):
            mine = [item for item in mixed if item[2] == place]
            validation += mine[: max(1, round(_VALIDATION * len(mine)))]
        # In the order in which they lie in an archive: a compressed one can only be read forwards.
        held_back = set(validation)
        rest: list[Item] = []
        validation = []
        for item in train:
            (validation if item in held_back else rest).append(item)
        train = rest
    return Dataset(classes, train, validation, test)


def train(
    settings: Settings,
    dataset: Dataset,
    wish: Wish,
    start_weights: Path | None,
    report: Report,
    stop: Callable[[], bool],
    clock: Clock | None = None,
) -> Training:
    """Train, and put the network among this library's models. What was begun before goes on where it stopped.

    `start_weights`: published weights of the architecture to start from. Raises TaggerError.
    """
    clock = clock or SystemClock()
    folder = _begun(settings, dataset, wish, start_weights)
    started = clock.monotonic()
    process, channel = spawn("tagger.vision.trainer", settings.data_dir, settings.data_dir / LOG_FILE)
    result = Training(wish.name, classes=dataset.classes)
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
            _follow(channel, process, settings.data_dir / LOG_FILE, report, stop, result, clock)
    finally:
        process.kill()
        process.wait()
    result.seconds = clock.monotonic() - started
    if not result.stopped:
        _keep(settings, wish, result, folder)
        shutil.rmtree(folder, ignore_errors=True)
    return result


def _begun(settings: Settings, dataset: Dataset, wish: Wish, start_weights: Path | None) -> Path:
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


def _follow(
    channel: Connection,
    process: subprocess.Popen[bytes],
    log: Path,
    report: Report,
    stop: Callable[[], bool],
    result: Training,
    clock: Clock,
) -> None:
    """Until it is done. In short waits, so that Ctrl-C is answered."""
    last_word, told = clock.monotonic(), False
    while clock.monotonic() - last_word < _STALL_SECONDS:
        if stop() and not told:
            told = True
            send(channel, "stop")
        if not channel.poll(0.5):
            continue
        try:
            message = receive(channel)
        except (EOFError, OSError, ValueError) as error:
            how = how_it_ended(process)
            raise EngineError(f"The process that trains {how}.{last_words(log)}", f"See {log}") from error
        last_word = clock.monotonic()
        if _heard(message, report, result):
            return
    raise EngineError(f"The process that trains gave no sign of life for {_STALL_SECONDS:g} s.", f"See {log}")


def _heard(message: dict[str, Any], report: Report, result: Training) -> bool:
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
        case "fault":
            kinds = {"WeightsError": WeightsError, "EngineError": EngineError, "UsageError": UsageError}
            raise kinds.get(message["error"], TaggerError)(message["message"], message["cure"])
    return False


def _keep(settings: Settings, wish: Wish, result: Training, folder: Path) -> None:
    """Weights, then the pictures, then the description, which makes it a model."""
    models = settings.data_dir / MODELS_FOLDER
    weights = models / f"{wish.name}.weights.h5"
    final = folder / "final.weights.h5"
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
    trained.write(
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
