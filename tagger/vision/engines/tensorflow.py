"""The default engine: the Keras model as one TensorFlow function, preprocessing inside the graph."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tagger.errors import EngineError, WeightsError
from tagger.vision.head import Head
from tagger.vision.models import Architecture, Preprocessing

# Means of ImageNet's blue, green and red, as `keras.applications.imagenet_utils` has them.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def use_threads(threads: int) -> None:
    """Say how many threads the network may use, 0 for all that this process may; before anything is computed."""
    tf.config.threading.set_intra_op_parallelism_threads(threads or len(os.sched_getaffinity(0)))
    tf.config.threading.set_inter_op_parallelism_threads(1)


class TensorFlowEngine:
    """A network of `keras.applications` with weights from a file.

    Raises WeightsError if the file is damaged or of another architecture.
    """

    def __init__(self, architecture: Architecture, weights: Path, *, batch_size: int) -> None:
        self.architecture = architecture
        self._batch_size = batch_size
        network = getattr(keras.applications, architecture.keras_name)(weights=None)
        _load_weights(network, architecture, weights)
        last = network.layers[-1]
        self._head = Head(*(np.asarray(value, np.float32) for value in last.get_weights()))
        self._function = self._compile(keras.Model(network.input, last.input), architecture)
        self._check(weights)

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB pixels uint8 (photos, size, size, 3) -> pooled features, float32 (photos, features)."""
        parts = []
        for start in range(0, len(pixels), self._batch_size):
            part = pixels[start : start + self._batch_size]
            # Two shapes only, one photo and a full batch: each new shape would be traced anew.
            size = 1 if len(part) == 1 else self._batch_size
            padded = np.zeros((size, *part.shape[1:]), np.uint8)
            padded[: len(part)] = part
            parts.append(self._function(tf.constant(padded)).numpy()[: len(part)])
        return np.concatenate(parts) if parts else np.zeros((0, self.architecture.features), np.float32)

    def head(self) -> Head:
        """The network's last layer."""
        return self._head

    def describe(self) -> dict[str, Any]:
        """What runs here. JSON-able."""
        gpus = tf.config.list_physical_devices("GPU")
        return {
            "engine": "tensorflow",
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "device": "GPU" if gpus else "CPU",
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "precision": "float32",
        }

    def _compile(self, body: Any, architecture: Architecture) -> Any:
        size = architecture.input_size

        def run(pixels: Any) -> Any:
            return body(_preprocess(tf.cast(pixels, tf.float32), architecture.preprocessing), training=False)

        return tf.function(run, autograph=False, input_signature=[tf.TensorSpec((None, size, size, 3), tf.uint8)])

    def _check(self, weights: Path) -> None:
        """Run it once: this compiles the function, and damaged numbers show up as NaN or infinity."""
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


def _preprocess(pixels: Any, kind: Preprocessing) -> Any:
    """Pixels float32 0 to 255 RGB -> what the network was trained on (`keras.applications.imagenet_utils`)."""
    match kind:
        case Preprocessing.CAFFE:
            return pixels[..., ::-1] - tf.constant(_CAFFE_MEAN_BGR)
        case Preprocessing.TF:
            return pixels / 127.5 - 1.0
        case Preprocessing.NONE:
            return pixels


def _load_weights(network: Any, architecture: Architecture, path: Path) -> None:
    """Load a weights file of either HDF5 layout, told apart by what is in it, not by its name."""
    wrong = f"{path} does not hold weights of {architecture.keras_name} with its 1000 classes"
    cure = f"The published file is called {architecture.file_name}; see: tagger model show {architecture.name}"
    try:
        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs
            if not legacy and "layers" not in file and "_layer_checkpoint_dependencies" not in file:
                raise WeightsError(f"{wrong}: it is an HDF5 file, but not of Keras weights.", cure)
    except OSError as error:
        raise WeightsError(f"{path} is damaged or no HDF5 file of weights: {error}.", cure) from error
    before = [np.asarray(layer.weights[0]).ravel()[:64].copy() for layer in _weighted(network)]
    try:
        # Keras chooses the layout by the file's name.
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / ("legacy.h5" if legacy else "keras.weights.h5")
            link.symlink_to(path.resolve())
            network.load_weights(link)
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{wrong}: {reason}", cure) from error
    after = [np.asarray(layer.weights[0]).ravel()[:64] for layer in _weighted(network)]
    kept = sum(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    # Random first values do not come back by chance; batch norm layers begin with ones and may.
    if kept > len(before) // 2:
        raise WeightsError(f"{wrong}: most layers are not in it.", cure)
    for weight in network.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise WeightsError(f"The weights in {path} are damaged: {weight.path} holds no numbers.", cure)


def _weighted(network: Any) -> list[Any]:
    return [layer for layer in network.layers if layer.weights]
