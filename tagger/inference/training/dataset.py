"""The pictures that a network is trained on: a folder or an archive with a folder for each class, or CIFAR-10."""

from __future__ import annotations

import hashlib
import json
import os
import random
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tagger.core.config import IntakeSettings
from tagger.core.errors import UsageError
from tagger.core.paths import shown_path
from tagger.intake.walk import photos_below

_LEAST = 10
_VALIDATION = 0.1
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


def read_dataset(source: str, intake: IntakeSettings, seed: int = 1) -> Dataset:
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
        found = [(os.path.relpath(file, source), file, "") for file in photos_below(source, intake)]
    elif path.is_file():
        found = _in_archive(source)
    else:
        raise UsageError(f"There is no folder or archive {shown_path(source)}.")
    return _split(source, found, seed)


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
