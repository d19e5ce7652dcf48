"""Decode the pictures of a data set once, into files of raw pixels, with the decoder of photos."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing, sync_file
from tagger.core.config import LimitSettings
from tagger.core.progress import SILENT, Callbacks
from tagger.imaging.decode import decode, in_memory, open_photo
from tagger.imaging.errors import DecodeError
from tagger.imaging.inputs import NetworkInput
from tagger.inference.training.dataset import ARCHIVE_EXTENSIONS, CIFAR_RECORD, CIFAR_SIDE, Item
from tagger.system.machine import memory

_AHEAD = 256
# Pictures are kept in memory if they take no more than this share of what is free.
_IN_MEMORY = 0.25


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures of one part: `pixels` uint8 (pictures, size, size, 3), `classes` int (pictures,)."""

    pixels: NDArray[np.uint8]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DecodedPictures:
    """Pictures by part (train, validation, test). `skipped`: for each picture that could not be read, the reason."""

    parts: dict[str, Pictures]
    skipped: list[str]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decode: to `size` x `size` pixels, in `threads` threads."""

    size: int
    limits: LimitSettings
    threads: int


def decode_parts(
    folder: Path, parts: dict[str, list[Item]], how: Decoding, callbacks: Callbacks = SILENT
) -> DecodedPictures | None:
    """Decode the pictures of each part into `folder`; None if stopped. Parts that an earlier run completed are reused.

    `parts`: the pictures of a `Dataset` by the part's name. Raises OSError.
    """
    size = how.size
    found: dict[str, Pictures] = {}
    total, done = sum(len(items) for items in parts.values()), 0
    skipped: list[str] = []
    for part, items in parts.items():
        path, ready = folder / f"{part}.u8", folder / f"{part}.json"
        if ready.is_file():
            kept = json.loads(ready.read_text())
        else:
            kept = []
            with path.open("wb") as file, ThreadPoolExecutor(how.threads) as pool:
                for place, (pixels, reason) in enumerate(_in_order(pool, items, how)):
                    if pixels is None:
                        skipped.append(reason)
                    else:
                        file.write(pixels.tobytes())
                        kept.append(items[place][2])
                    if place % 100 == 0:
                        callbacks.on_progress(done + place, total)
                    if callbacks.stop():
                        return None
            sync_file(path)
            with replacing(ready) as temporary:
                temporary.write_text(json.dumps(kept))
        done += len(items)
        callbacks.on_progress(done, total)
        found[part] = Pictures(_pixels(path, (len(kept), size, size, 3)), np.array(kept, np.int64))
    return DecodedPictures(found, skipped)


def _pixels(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read decoded pictures into memory if they are small, else map the file, which every epoch then reads again."""
    free = memory()
    if free is None or np.prod(shape) > (free[0] << 20) * _IN_MEMORY:
        return np.memmap(path, np.uint8, "r", shape=shape)
    return np.fromfile(path, np.uint8).reshape(shape)


def _in_order(
    pool: ThreadPoolExecutor, items: Sequence[Item], how: Decoding
) -> Iterator[tuple[NDArray[np.uint8] | None, str]]:
    """Yield (pixels, "") or (None, reason) for each picture, reading at most `_AHEAD` pictures of an archive ahead."""
    for start in range(0, len(items), _AHEAD):
        part = items[start : start + _AHEAD]
        contents = _contents(part)
        yield from pool.map(lambda item: _decode_one(item, how), contents)


# A picture before decoding: name for people; its bytes, or None if it is a file; the file's path.
_Content = tuple[str, bytes | None, str]
_archives: dict[str, tarfile.TarFile] = {}


def _contents(part: Sequence[Item]) -> list[_Content]:
    """Read what is in archives and CIFAR files. One thread only, because an archive has one position."""
    found: list[_Content] = []
    for path, inside, _ in part:
        if not inside:
            found.append((Path(path).name, None, path))
        elif inside.isdigit():
            with Path(path).open("rb") as file:
                file.seek(CIFAR_RECORD * int(inside))
                found.append((f"{path}:{inside}", file.read(CIFAR_RECORD)[1:], ""))
        else:
            if path not in _archives:
                # Stays open while this process lives, for one small read a picture.
                _archives[path] = tarfile.open(path)  # noqa: SIM115
            member = _archives[path].extractfile(inside)
            found.append((inside, b"" if member is None else member.read(), ""))
    return found


def _decode_one(picture: _Content, how: Decoding) -> tuple[NDArray[np.uint8] | None, str]:
    name, content, path = picture
    seen = NetworkInput(how.size, "whole")
    try:
        if content is None:
            with open_photo(path) as photo:
                return decode(photo, [seen], limits=how.limits).pixels[0], ""
        if not name.lower().endswith(ARCHIVE_EXTENSIONS):
            return _raw(content, how.size), ""
        return decode(in_memory(name, content), [seen], limits=how.limits).pixels[0], ""
    except DecodeError as error:
        return None, f"{name}: {error.reason}"
    except MemoryError:
        return None, f"{name}: there was not enough memory to decode it"


def _raw(content: bytes, size: int) -> NDArray[np.uint8]:
    """A picture of CIFAR-10's binary version (channels, rows, columns) as RGB uint8 (size, size, 3)."""
    from PIL import Image

    plain = np.frombuffer(content, np.uint8).reshape(3, CIFAR_SIDE, CIFAR_SIDE).transpose(1, 2, 0)
    resized = Image.fromarray(np.ascontiguousarray(plain)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized if size != CIFAR_SIDE else Image.fromarray(np.ascontiguousarray(plain)), np.uint8)
