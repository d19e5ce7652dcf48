"""The child process that makes a light model; started by `tagger.inference.light_export` only.

A third of the photos is for calibration; on the others the light model is compared with float32.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger import __version__
from tagger.core.config import LimitSettings
from tagger.core.errors import ModelError
from tagger.core.os_words import why
from tagger.imaging.decode import Decoded, decode, open_photo
from tagger.imaging.errors import DecodeError
from tagger.imaging.inputs import NetworkInput
from tagger.inference.light_model import NETWORK_REVISION, About, write_light
from tagger.inference.lookup import architecture
from tagger.inference.registry import Architecture
from tagger.system.child_process import receive, send
from tagger.system.machine import usable_threads

_BATCH = 16


def main(descriptor: int) -> None:
    """Make the light model that the first message orders, and report progress."""
    channel = Connection(descriptor)
    order = receive(channel)
    threading.Thread(target=_end_with_parent, args=(channel,), daemon=True).start()
    try:
        _export(channel, order)
    except ModelError as error:
        send(channel, "fault", error=type(error).__name__, message=error.message, cure=error.cure)
    except OSError as error:
        reason = f"The light model cannot be written: {why(error)}."
        send(
            channel, "fault", error="OSError", message=reason, cure="Free some space, or name another place with --to."
        )
    except MemoryError:
        send(channel, "fault", error="EngineError", message="There is not enough memory for it.", cure="")


def _export(channel: Connection, order: dict[str, Any]) -> None:
    threads = usable_threads(int(order["threads"]))
    wanted = architecture(order["architecture"], Path(order["data_dir"]))
    photos = _photos(channel, order, wanted, threads)
    if len(photos) < int(order["least_photos"]):
        send(channel, "too few", photos=len(photos))
        return
    # Calibrating on more photos is no better: rare large values widen the ranges (docs/engines.md).
    chosen, held_back = photos[0::3], [*photos[1::3], *photos[2::3]]
    views = np.concatenate(chosen)
    send(channel, "progress", stage="loading", done=0, total=0)
    # Imported late, because it takes seconds: too few photos are reported first.
    from importlib.metadata import version

    from tagger.inference.engines.litert import LiteRtEngine
    from tagger.inference.engines.quantizing import BATCH, calibrating, in_batches, quantized
    from tagger.inference.engines.tensorflow import TensorFlowEngine, use_threads

    use_threads(threads)
    exact = TensorFlowEngine(wanted, Path(order["weights"]), batch_size=_BATCH)
    head, path = exact.head(), Path(order["to"])

    def calibrated(done: int) -> None:
        send(channel, "progress", stage="calibrating", done=done, total=len(views))

    examples = calibrating(views, wanted.preprocessing, BATCH, calibrated)
    network = quantized(in_batches(exact.body, wanted.input_size, BATCH), wanted.name, examples)
    about = About(
        wanted.name,
        order["weights_sha256"],
        NETWORK_REVISION,
        0.0,
        len(held_back),
        len(chosen),
        f"tagger {__version__}, tensorflow {version('tensorflow')}",
    )
    write_light(path, network, head, about)
    light = LiteRtEngine(wanted, path, threads=threads)
    same, light_head = 0, light.head()
    for done, photo in enumerate(held_back, 1):
        first, again = (
            layer.scores(engine.features(photo).mean(axis=0, keepdims=True)).argmax()
            for engine, layer in ((exact, head), (light, light_head))
        )
        same += int(first == again)
        send(channel, "progress", stage="comparing", done=done, total=len(held_back))
    agreement = round(same / len(held_back), 4)
    write_light(path, network, head, replace(about, agreement=agreement))
    with path.open("rb") as file:
        os.fsync(file.fileno())
    send(channel, "done")


def _photos(channel: Connection, order: dict[str, Any], wanted: Architecture, threads: int) -> list[NDArray[np.uint8]]:
    """The pixels of the photos that can be decoded, without duplicates: each uint8 (views, size, size, 3)."""
    limits = LimitSettings.model_validate(order["limits"])
    paths, seen = order["photos"], NetworkInput(wanted.input_size, order["views"])

    def decoded(path: str) -> Decoded | None:
        try:
            with open_photo(path) as photo:
                return decode(photo, [seen], limits=limits)
        except (DecodeError, MemoryError):
            return None

    with ThreadPoolExecutor(threads) as pool:
        found = {
            each.pixel_hash: each.pixels for each in _reported(channel, pool.map(decoded, paths), len(paths)) if each
        }
    return list(found.values())


def _reported(channel: Connection, photos: Iterable[Decoded | None], total: int) -> Iterable[Decoded | None]:
    for done, seen in enumerate(photos, 1):
        send(channel, "progress", stage="decoding", done=done, total=total)
        yield seen


def _end_with_parent(channel: Connection) -> None:
    try:
        receive(channel)
    except (EOFError, OSError):
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
