"""The default engine: the Keras model as one TensorFlow function, preprocessing inside the graph."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tagger.core.clock import SystemClock
from tagger.core.errors import EngineError, WeightsError
from tagger.inference.engine_specs import TENSORFLOW
from tagger.inference.engines import EngineOrder
from tagger.inference.engines.folding import folded, in_bfloat16
from tagger.inference.engines.networks import build_network
from tagger.inference.head import Head
from tagger.inference.precision import UNFINISHED, Precision, Trial
from tagger.inference.preprocessing import preprocessed
from tagger.inference.registry import Architecture


def use_threads(threads: int, beside: int = 1) -> None:
    """Set the threads for each operation, and the operations that run in parallel. Call before any other use."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(beside)


def open_engine(order: EngineOrder) -> TensorFlowEngine:
    """Open a network with Keras weights. Raises WeightsError, EngineError."""
    use_threads(order.threads)
    return TensorFlowEngine(order.architecture, order.file, batch_size=order.batch_size, precision=order.precision)


class TensorFlowEngine:
    """A Keras network with weights from a file, its batch normalisation folded into its convolutions.

    `body`: the Keras model that runs: preprocessed pixels -> pooled features.

    Raises WeightsError if the file is damaged or of another architecture.
    """

    def __init__(
        self, architecture: Architecture, weights: Path, *, batch_size: int, precision: Precision = Precision.FLOAT32
    ) -> None:
        self.architecture = architecture
        self._wanted = batch_size
        network = build_network(architecture)
        load_weights(network, architecture, weights)
        last = network.layers[-1]
        self._head = Head(*(np.asarray(value, np.float32) for value in last.get_weights()))
        body = folded(keras.Model(network.input, last.input))
        # Frees a hundred megabytes of weights now: they are in reference cycles.
        del network, last
        gc.collect()
        self._use(in_bfloat16(body) if precision is Precision.BFLOAT16 else body, precision)
        self._check(weights)

    def _use(self, body: Any, precision: Precision) -> None:
        self.body, self.precision = body, precision
        # Activations need twice as much memory in float32, and half a batch is hardly slower.
        self._batch_size = self._wanted if precision is Precision.BFLOAT16 else max(1, self._wanted // 2)
        self._function = self._compile(body, self.architecture)

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB pixels uint8 (photos, size, size, 3) -> pooled features, float32 (photos, features)."""
        parts = []
        for start in range(0, len(pixels), self._batch_size):
            part = pixels[start : start + self._batch_size]
            # oneDNN prepares itself for each batch size, so sizes are rounded up to powers of two.
            size = min(self._batch_size, 1 << (len(part) - 1).bit_length())
            if len(part) < size:
                part = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.uint8)])
            parts.append(self._function(tf.constant(part)).numpy())
        if not parts:
            return np.zeros((0, self.architecture.features), np.float32)
        return np.concatenate(parts)[: len(pixels)] if len(parts) > 1 else parts[0][: len(pixels)]

    def try_bfloat16(self, pixels: NDArray[np.uint8]) -> Trial:
        """Compare bfloat16 with float32 on the owner's photos, and switch to it if it is faster and agrees.

        pixels: uint8 (photos, size, size, 3), at least a batch.
        """
        exact, exact_seconds = self._timed(pixels)
        body = self.body
        try:
            self._use(in_bfloat16(body), Precision.BFLOAT16)
            rounded, rounded_seconds = self._timed(pixels)
        except tf.errors.OpError:
            # For example, too little memory.
            self._use(body, Precision.FLOAT32)
            return UNFINISHED
        same = self._head.scores(exact).argmax(axis=1) == self._head.scores(rounded).argmax(axis=1)
        trial = Trial(
            speedup=round(exact_seconds / rounded_seconds, 2),
            agreement=round(float(same.mean()), 4),
            photos=len(pixels),
        )
        if trial.precision is not Precision.BFLOAT16:
            self._use(body, Precision.FLOAT32)
        return trial

    def _timed(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """Features, and median seconds a photo. Decoding threads slow both precisions down alike."""
        # The first batch of a size is slower, because oneDNN prepares itself.
        self.features(pixels[: self._batch_size])
        clock, parts, seconds = SystemClock(), [], []
        for start in range(0, len(pixels), self._batch_size):
            started = clock.monotonic()
            parts.append(self.features(pixels[start : start + self._batch_size]))
            seconds.append((clock.monotonic() - started) / len(parts[-1]))
        return np.concatenate(parts), float(np.median(seconds))

    def head(self) -> Head:
        """The network's last layer."""
        return self._head

    def describe(self) -> dict[str, Any]:
        """Versions, device, threads and precision, as JSON values."""
        gpus = tf.config.list_physical_devices("GPU")
        return {
            "engine": TENSORFLOW.name,
            "version": tf.__version__,
            "keras": keras.__version__,
            "device": "GPU" if gpus else "CPU",
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "precision": str(self.precision),
        }

    def _compile(self, body: Any, architecture: Architecture) -> Any:
        size = architecture.input_size

        def run(pixels: Any) -> Any:
            return body(preprocessed(tf.cast(pixels, tf.float32), architecture.preprocessing), training=False)

        # The weights stay variables: as constants of the graph they take four times the memory and are no faster.
        return tf.function(run, autograph=False, input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)])

    def _check(self, weights: Path) -> None:
        """Run once: this compiles the function, and shows damaged weights as NaN or infinity."""
        size = self.architecture.input_size
        picture = np.linspace(0, 255, size * size * 3).astype(np.uint8).reshape(1, size, size, 3)
        try:
            features = self.features(picture)
        except tf.errors.OpError as error:
            raise EngineError(f"TensorFlow cannot run the model here: {error.message}.") from error
        if features.shape != (1, self.architecture.features) or not np.isfinite(self._head.scores(features)).all():
            raise WeightsError(
                f"The weights in {weights} are damaged: they do not give numbers.", "Fetch or copy the file again."
            )


def load_weights(network: Any, architecture: Architecture, path: Path) -> None:
    """Load a weights file of either HDF5 layout, detected by its content. Raises WeightsError."""
    classes = 1000 if architecture.network is None else len(architecture.network.classes)
    kind = architecture.keras_name or "a small network"
    wrong = f"{path} does not hold weights of {kind} with its {classes} classes"
    cure = f"The right file is called {architecture.file_name}; see: tagger model show {architecture.name}"
    try:
        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs
            if not legacy and "layers" not in file and "_layer_checkpoint_dependencies" not in file:
                raise WeightsError(f"{wrong}: it is an HDF5 file, but not of Keras weights.", cure)
    except OSError as error:
        raise WeightsError(f"{path} is damaged or no HDF5 file of weights: {error}.", cure) from error
    before = [np.asarray(layer.weights[0]).ravel()[:64].copy() for layer in _weighted(network)]
    try:
        # Keras detects the layout by the file's name, so give it a fitting one.
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / ("legacy.h5" if legacy else "keras.weights.h5")
            link.symlink_to(path.resolve())
            network.load_weights(link)
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{wrong}: {reason}", cure) from error
    after = [np.asarray(layer.weights[0]).ravel()[:64] for layer in _weighted(network)]
    kept = sum(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    # Random initial values do not recur by chance. Those of batch normalisation are ones and may.
    if kept > len(before) // 2:
        raise WeightsError(f"{wrong}: most layers are not in it.", cure)
    for weight in network.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise WeightsError(f"The weights in {path} are damaged: {weight.path} holds no numbers.", cure)


def _weighted(network: Any) -> list[Any]:
    return [layer for layer in network.layers if layer.weights]
