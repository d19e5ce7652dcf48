"""Pictures for training, decoded once by the code that decodes photos, into files of pixels."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.config import LimitSettings
from tagger.imaging.decode import decode, in_memory, open_photo
from tagger.imaging.errors import DecodeError
from tagger.system.machine import memory

_AHEAD = 256
# Pictures may take this share of the free memory.
_IN_MEMORY = 0.25
_RECORD = 3073  # CIFAR-10's binary version: a byte for the class, 1024 for each of red, green and blue
_SIDE = 32


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures of one part: `pixels` uint8 (pictures, size, size, 3), `classes` int (pictures,)."""

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DecodedPictures:
    """The pictures by part (train, validation, test). `skipped`: why some of them could not be read."""

    parts: dict[str, Pictures]
    skipped: list[str]


def decoded(
    folder: Path,
    parts: dict[str, list[tuple[str, str, int]]],
    size: int,
    limits: LimitSettings,
    threads: int,
    report: Callable[[int, int], None],
    stopped: Callable[[], bool],
) -> DecodedPictures | None:
    """Decode the pictures of each part; None if it was stopped. What `folder` has of a run before is taken from there.

    `parts`: as `tagger.inference.training.dataset.Dataset` has them. `report` is told pictures done and in all.
    Raises OSError.
    """
    found: dict[str, Pictures] = {}
    total, done = sum(len(items) for items in parts.values()), 0
    skipped: list[str] = []
    for part, items in parts.items():
        path, ready = folder / f"{part}.u8", folder / f"{part}.json"
        if ready.is_file():
            kept = json.loads(ready.read_text())
        else:
            kept = []
            with path.open("wb") as file, ThreadPoolExecutor(threads) as pool:
                for place, (pixels, reason) in enumerate(_in_order(pool, items, size, limits)):
                    if pixels is None:
                        skipped.append(reason)
                    else:
                        file.write(pixels.tobytes())
                        kept.append(items[place][2])
                    if place % 100 == 0:
                        report(done + place, total)
                    if stopped():
                        return None
            ready.write_text(json.dumps(kept))
        done += len(items)
        report(done, total)
        found[part] = Pictures(_pixels(path, (len(kept), size, size, 3)), np.array(kept, np.int64))
    return DecodedPictures(found, skipped)


def _pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Decoded pictures: in memory where they take a small part of it, else mapped and read again in every epoch."""
    free = memory()
    if free is None or np.prod(shape) > (free[0] << 20) * _IN_MEMORY:
        return np.memmap(path, np.uint8, "r", shape=shape)
    return np.fromfile(path, np.uint8).reshape(shape)


def _in_order(
    pool: ThreadPoolExecutor, items: Sequence[tuple[str, str, int]], size: int, limits: LimitSettings
) -> Iterator[tuple[NDArray[np.uint8] | None, str]]:
    """Each picture's pixels, or why there are none. Those of an archive are read in its order, a few ahead."""
    for start in range(0, len(items), _AHEAD):
        part = items[start : start + _AHEAD]
        contents = _contents(part)
        yield from pool.map(lambda item: _look(item[0], item[1], item[2], size, limits), contents)


_archives: dict[str, tarfile.TarFile] = {}


def _contents(part: Sequence[tuple[str, str, int]]) -> list[tuple[str, bytes | None, str]]:
    """(name, bytes or None for a file of its own, path). Archives are read by one thread only."""
    found: list[tuple[str, bytes | None, str]] = []
    for path, inside, _ in part:
        if not inside:
            found.append((Path(path).name, None, path))
        elif inside.isdigit():
            with Path(path).open("rb") as file:
                file.seek(_RECORD * int(inside))
                found.append((f"{path}:{inside}", file.read(_RECORD)[1:], ""))
        else:
            if path not in _archives:
                # Open for as long as this process lives: each picture is one small read of it.
                _archives[path] = tarfile.open(path)  # noqa: SIM115
            member = _archives[path].extractfile(inside)
            found.append((inside, b"" if member is None else member.read(), ""))
    return found


def _look(
    name: str, content: bytes | None, path: str, size: int, limits: LimitSettings
) -> tuple[NDArray[np.uint8] | None, str]:
    try:
        if content is None:
            with open_photo(path) as photo:
                return decode(photo, size=size, limits=limits).pixels, ""
        if not name.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")):
            return _raw(content, size), ""
        return decode(in_memory(name, content), size=size, limits=limits).pixels, ""
    except DecodeError as error:
        return None, f"{name}: {error.reason}"
    except MemoryError:
        return None, f"{name}: not enough memory"


def _raw(content: bytes, size: int) -> NDArray[np.uint8]:
    """A picture of CIFAR-10's binary version."""
    from PIL import Image

    plain = np.frombuffer(content, np.uint8).reshape(3, _SIDE, _SIDE).transpose(1, 2, 0)
    resized = Image.fromarray(np.ascontiguousarray(plain)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized if size != _SIDE else Image.fromarray(np.ascontiguousarray(plain)), np.uint8)
