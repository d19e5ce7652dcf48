"""The child process that trains a network; started by `tagger.inference.training.train` only.

Each epoch trains on all pictures, shifted and mirrored at random. The state is written after each epoch, so that an
interrupted training resumes after its last complete epoch.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.core.atomic_file import replacing, sync_file
from tagger.core.config import LimitSettings
from tagger.core.errors import ModelError, UsageError
from tagger.core.os_words import why
from tagger.core.progress import Callbacks
from tagger.inference.precision import computes_bfloat16
from tagger.inference.preprocessing import Preprocessing, preprocessed
from tagger.inference.processes.training_pictures import Decoding, Pictures, decode_parts
from tagger.inference.registry import REGISTRY, Architecture, Network
from tagger.system.child_process import receive, send
from tagger.system.machine import usable_threads

# Bytes of pictures that are preprocessed together.
_AT_ONCE = 64 << 20
_LEARNING_RATE, _WARM_UP, _DECAY = 2e-3, 0.1, 1e-2
# Fine-tuning must not destroy what the network has learned, so it starts with smaller steps.
_FINE_RATE = 1e-3

_stop = threading.Event()


def main(descriptor: int) -> None:
    """Train by the options of the first message, and report progress."""
    channel = Connection(descriptor)
    order = receive(channel)
    threading.Thread(target=_listen, args=(channel,), daemon=True).start()
    try:
        _train(channel, order)
    except (ModelError, UsageError) as error:
        send(channel, "fault", error=type(error).__name__, message=error.message, cure=error.cure)
    except OSError as error:
        reason = f"{error.filename or 'A file'} cannot be read or written: {why(error)}."
        send(channel, "fault", error="OSError", message=reason, cure="Free some space, or check its permissions.")
    except MemoryError:
        send(channel, "fault", error="EngineError", message="There is not enough memory for it.", cure="")


def _listen(channel: Connection) -> None:
    """Set `_stop` when the parent sends a message; end this process when the parent has ended."""
    try:
        receive(channel)
        _stop.set()
    except (EOFError, OSError):
        os._exit(0)


def _train(channel: Connection, order: dict[str, Any]) -> None:
    folder = Path(order["folder"])
    threads = usable_threads(int(order["threads"]))
    size = int(order["input_size"])
    how = Decoding(size, LimitSettings.model_validate(order["limits"]), threads)

    def on_progress(done: int, total: int) -> None:
        send(channel, "progress", stage="decoding", done=done, total=total)

    pictures = decode_parts(folder, order["parts"], how, Callbacks(on_progress, stop=_stop.is_set))
    if pictures is None:
        send(channel, "stopped", epochs=0)
        return
    send(channel, "decoded", skipped=pictures.skipped[:20], count=len(pictures.skipped))
    for part in ("train", "validation"):
        counts = np.bincount(pictures.parts[part].classes, minlength=len(order["classes"]))
        if counts.min() < 1:
            name, first = order["classes"][int(counts.argmin())], "".join(pictures.skipped[:1])
            raise UsageError(f"No picture of {name!r} for the {part} can be read. {first}")
    # Imported late, because it takes seconds: faults of the pictures are reported first.
    from tagger.inference.engines.tensorflow import use_threads

    # Pictures are preprocessed at the same time as the network runs.
    use_threads(threads, beside=2)
    wanted = _architecture(order)
    _fit(channel, order, folder, wanted, pictures.parts)


def _architecture(order: dict[str, Any]) -> Architecture:
    base = REGISTRY.get(order["network"])
    return Architecture(
        name=order["name"],
        keras_name="" if base is None else base.keras_name,
        input_size=int(order["input_size"]),
        features=int(order["dense"]) if base is None else base.features,
        preprocessing=Preprocessing.TF if base is None else base.preprocessing,
        url="",
        md5=None,
        megabytes=0,
        about="",
        network=Network(tuple(order["widths"]), int(order["dense"]), tuple(order["classes"])),
    )


def _fit(
    channel: Connection, order: dict[str, Any], folder: Path, wanted: Architecture, pictures: dict[str, Pictures]
) -> None:
    import keras
    import tensorflow as tf

    from tagger.inference.engines.networks import build_network

    keras.utils.set_random_seed(int(order["seed"]))
    epochs, batch = int(order["epochs"]), int(order["batch_size"])
    fine = int(order["fine_tune"])
    if computes_bfloat16() and order["precision"] != "float32":
        keras.config.set_dtype_policy("mixed_bfloat16")
    network = build_network(wanted)
    if order["start_weights"]:
        _start_from(network, wanted, order)
    if fine:
        for place, layer in enumerate(network.layers):
            # Its statistics are of a million pictures: better than those of a few hundred.
            if place < len(network.layers) - fine or isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
    steps = max(1, -(-len(pictures["train"].classes) // batch))
    rate = _FINE_RATE if order["start_weights"] else _LEARNING_RATE
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 20,
        max(1, round(epochs * steps * (1 - _WARM_UP))),
        0.0,
        warmup_target=rate,
        warmup_steps=max(1, round(epochs * steps * _WARM_UP)),
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=_DECAY)
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    optimizer.build(network.trainable_variables)
    state = _State(folder, network, optimizer)
    history = state.load()
    patience = int(order["patience"])
    best = max((entry["val_accuracy"] for entry in history), default=-1.0)
    generator = np.random.default_rng(int(order["seed"]) + len(history))
    run = _Run(channel, network, wanted, batch, generator, bool(order["augment"]))
    send(channel, "ready", done=len(history), parameters=network.count_params(), device=_device(tf))
    for epoch in range(len(history), epochs):
        measured = run.one_epoch(pictures["train"], epoch)
        if _stop.is_set():
            break
        loss, accuracy = run.evaluate(pictures["validation"])
        entry = {"epoch": epoch + 1, **measured, "val_loss": loss, "val_accuracy": accuracy}
        history.append(entry)
        if accuracy > best:
            best = accuracy
            network.save_weights(folder / "best.weights.h5")
        state.save(history)
        send(channel, "epoch", **entry, best=best)
        if patience and epoch + 1 - _best_epoch(history) >= patience:
            break
    if not history:
        send(channel, "stopped", epochs=0)
        return
    if _stop.is_set():
        send(channel, "stopped", epochs=len(history))
        return
    network.load_weights(folder / "best.weights.h5")
    judged = "test" if len(pictures["test"].classes) else "validation"
    found = run.predict_classes(pictures[judged])
    count = len(order["classes"])
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (pictures[judged].classes, found), 1)
    _plain_weights(network, wanted, folder)
    send(channel, "done", history=history, best_epoch=_best_epoch(history), judged=judged, matrix=matrix.tolist())


def _start_from(network: Any, wanted: Architecture, order: dict[str, Any]) -> None:
    """Load the published weights of an architecture, except for its last layer, which has other classes."""
    from tagger.inference.engines.networks import build_network
    from tagger.inference.engines.tensorflow import load_weights

    published = REGISTRY[order["network"]]
    known = build_network(published)
    layers = list(zip(network.layers[:-1], known.layers[:-1], strict=True))
    if any([w.shape for w in new.weights] != [w.shape for w in old.weights] for new, old in layers):
        raise UsageError(
            f"The weights of {published.name} do not fit pictures of {wanted.input_size} x {wanted.input_size}.",
            f"Leave --size out, or say --size {published.input_size}.",
        )
    load_weights(known, published, Path(order["start_weights"]))
    for new, old in layers:
        new.set_weights(old.get_weights())


@dataclass(frozen=True, slots=True)
class _Run:
    """A network in training, and how to train it."""

    channel: Connection
    network: Any
    architecture: Architecture
    batch: int
    generator: np.random.Generator
    augment: bool

    def one_epoch(self, part: Pictures, epoch: int) -> dict[str, float]:
        """Train on every picture once, preprocessing some thousand at a time. Returns mean loss and accuracy.

        Calls Keras for each batch: its `fit` waits two seconds or more for its input pipeline to end.
        """
        order = self.generator.permutation(len(part.classes))
        several = max(1, _AT_ONCE // (4 * self.batch * int(np.prod(part.pixels.shape[1:])))) * self.batch
        loss = accuracy = 0.0
        for start in range(0, len(order), several):
            if _stop.is_set():
                break
            places = order[start : start + several]
            pixels = part.pixels[places]
            if self.augment:
                pixels = _augmented(pixels, self.generator)
            given, truth = self._preprocessed(pixels), part.classes[places]
            for first in range(0, len(places), self.batch):
                if _stop.is_set():
                    break
                these = slice(first, first + self.batch)
                measured = self.network.train_on_batch(given[these], truth[these], return_dict=True)
                loss += float(measured["loss"]) * len(truth[these]) / len(order)
                accuracy += float(measured["accuracy"]) * len(truth[these]) / len(order)
            done = min(start + several, len(order))
            send(self.channel, "batch", epoch=epoch + 1, done=done, total=len(order))
        return {"loss": loss, "accuracy": accuracy}

    def evaluate(self, part: Pictures) -> tuple[float, float]:
        """Mean loss and accuracy."""
        losses: list[NDArray[np.float64]] = []
        right = 0
        for scores, truth in self._scores(part):
            losses.append(-np.log(np.maximum(scores[np.arange(len(truth)), truth].astype(np.float64), 1e-7)))
            right += int((scores.argmax(axis=1) == truth).sum())
        return float(np.concatenate(losses).mean()), right / len(part.classes)

    def predict_classes(self, part: Pictures) -> NDArray[np.int64]:
        """The most probable class of each picture, int64 (pictures,)."""
        return np.concatenate([scores.argmax(axis=1) for scores, _ in self._scores(part)])

    def _scores(self, part: Pictures) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Probabilities, float32 (pictures, classes), and true classes, batch by batch."""
        for start in range(0, len(part.classes), 2 * self.batch):
            these = slice(start, start + 2 * self.batch)
            yield np.asarray(self.network.predict_on_batch(self._preprocessed(part.pixels[these]))), part.classes[these]

    def _preprocessed(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = preprocessed(pixels.astype(np.float32), self.architecture.preprocessing)
        return found


def _augmented(pixels: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """Shift each picture by up to an eighth, reflecting its edges, and mirror half of the pictures."""
    size = pixels.shape[1]
    most = size // 8
    padded = np.pad(pixels, ((0, 0), (most, most), (most, most), (0, 0)), "reflect")
    found = np.empty_like(pixels)
    shifts = generator.integers(0, 2 * most + 1, (len(pixels), 2))
    mirrored = generator.random(len(pixels)) < 0.5
    for i, (down, right) in enumerate(shifts):
        picture = padded[i, down : down + size, right : right + size]
        found[i] = picture[:, ::-1] if mirrored[i] else picture
    return found


def _plain_weights(network: Any, wanted: Architecture, folder: Path) -> None:
    """Write the best weights for the network in float32, which is what the engine builds."""
    import keras

    from tagger.inference.engines.networks import build_network

    keras.config.set_dtype_policy("float32")
    plain = build_network(wanted)
    for new, old in zip(plain.layers, network.layers, strict=True):
        new.set_weights([np.asarray(value, np.float32) for value in old.get_weights()])
    plain.save_weights(folder / "final.weights.h5")


def _best_epoch(history: Sequence[dict[str, float]]) -> int:
    return int(max(history, key=lambda entry: (entry["val_accuracy"], -entry["epoch"]))["epoch"])


def _device(tf: Any) -> str:
    return "GPU" if tf.config.list_physical_devices("GPU") else "CPU"


class _State:
    """The state that resuming needs: weights, the optimizer's moments and the history."""

    def __init__(self, folder: Path, network: Any, optimizer: Any) -> None:
        self._folder, self._network, self._optimizer = folder, network, optimizer

    def save(self, history: Sequence[dict[str, float]]) -> None:
        """Write all or nothing: the history is replaced last, and its length names the other files."""
        number = len(history)
        weights, moments = self._folder / f"epoch{number}.weights.h5", self._folder / f"epoch{number}.npz"
        self._network.save_weights(weights)
        with moments.open("wb") as file:
            np.savez(file, *(np.asarray(value) for value in self._optimizer.variables))
        sync_file(weights)
        sync_file(moments)
        with replacing(self._folder / "history.json") as temporary:
            temporary.write_text(json.dumps(list(history)))
        for old in (f"epoch{number - 1}.weights.h5", f"epoch{number - 1}.npz"):
            (self._folder / old).unlink(missing_ok=True)

    def load(self) -> list[dict[str, float]]:
        """Load the state into network and optimizer, and return the history; empty if there is none."""
        path = self._folder / "history.json"
        if not path.is_file():
            return []
        history: list[dict[str, float]] = json.loads(path.read_text())
        self._network.load_weights(self._folder / f"epoch{len(history)}.weights.h5")
        with np.load(self._folder / f"epoch{len(history)}.npz", allow_pickle=False) as data:
            for i, variable in enumerate(self._optimizer.variables):
                variable.assign(data[f"arr_{i}"])
        return history


if __name__ == "__main__":
    main(int(sys.argv[1]))
