"""Data sets for training a network: a folder or tar archive with one folder a class, or CIFAR-10's binary version."""

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
# The pictures of an archive. Unlike a folder's files they are not sniffed: that would mean to unpack all of it.
ARCHIVE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
# CIFAR-10's binary version (www.cs.toronto.edu/~kriz/cifar.html). A record is a byte for the class, and 1024 bytes for
# each of red, green and blue.
_BINARY = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR_SIDE = 32
CIFAR_RECORD = 1 + 3 * CIFAR_SIDE**2

# A picture: its file; where it is inside the file (archive member or record number; empty: the file is the picture);
# the number of its class.
Item = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Pictures and their classes, split into parts. `test` may be empty."""

    classes: tuple[str, ...]
    train: list[Item]
    validation: list[Item]
    test: list[Item]

    @property
    def hash(self) -> str:
        """Changes when the list of pictures or classes does. 32 hexadecimal digits."""
        text = json.dumps([self.classes, self.train, self.validation, self.test])
        return hashlib.blake2b(os.fsencode(text), digest_size=16).hexdigest()


def read_dataset(source: str, intake: IntakeSettings, seed: int = 1) -> Dataset:
    """Read a data set: a folder or tar archive with one folder a class, below `train/` and `test/` or not; or CIFAR-10.

    Without `validation/`, a tenth of the training pictures is held out for validation. Raises UsageError.
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
            names = [
                member.name
                for member in archive
                if member.isfile() and member.name.lower().endswith(ARCHIVE_EXTENSIONS)
            ]
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise UsageError(f"{shown_path(source)} is no tar archive that can be read: {error}.") from error
    return [(name.removeprefix("./"), source, name) for name in names]


def _split(source: str, found: Sequence[tuple[str, str, str]], seed: int) -> Dataset:
    """Assign each picture to its part and class by the names of its folders."""
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
    return _checked(source, Dataset(classes, items["train"], items["validation"], items["test"]), seed)


def _binary(path: Path, seed: int) -> Dataset:
    names = path / "batches.meta.txt"
    if not names.is_file():
        raise UsageError(f"{shown_path(str(path))} lacks batches.meta.txt, which names the classes.")
    classes = tuple(names.read_text(errors="replace").split())
    train = [item for name in _BINARY if (path / name).is_file() for item in _records(path / name, len(classes))]
    test = _records(path / "test_batch.bin", len(classes)) if (path / "test_batch.bin").is_file() else []
    return _checked(str(path), Dataset(classes, train, [], test), seed)


def _records(path: Path, classes: int) -> list[Item]:
    data = path.read_bytes()
    if len(data) % CIFAR_RECORD:
        raise UsageError(f"{shown_path(str(path))} is not whole: it does not hold records of {CIFAR_RECORD} bytes.")
    kinds = data[::CIFAR_RECORD]
    if kinds and max(kinds) >= classes:
        raise UsageError(f"{shown_path(str(path))} names a class {max(kinds)}; there are {classes}.")
    return [(str(path), str(number), kind) for number, kind in enumerate(kinds)]


def _checked(source: str, found: Dataset, seed: int) -> Dataset:
    """The data set with a validation part. Raises UsageError where it cannot be trained on."""
    classes, train = found.classes, found.train
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
    return found if found.validation else _with_validation(found, seed)


def _with_validation(found: Dataset, seed: int) -> Dataset:
    """Hold out a tenth of each class of the training pictures; the same ones for the same seed."""
    mixed = random.Random(seed).sample(found.train, len(found.train))
    held_out: set[Item] = set()
    for place in range(len(found.classes)):
        mine = [item for item in mixed if item[2] == place]
        held_out.update(mine[: max(1, round(_VALIDATION * len(mine)))])
    # Both stay in the order of the archive: a compressed one can only be read forwards.
    return Dataset(
        found.classes,
        [item for item in found.train if item not in held_out],
        [item for item in found.train if item in held_out],
        found.test,
    )
