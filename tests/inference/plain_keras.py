"""What plain Keras does, to compare tagger with. Run as a script, because tests do not import TensorFlow.

plain_keras.py make ARCHITECTURE FILE        random weights in the .h5 layout that Keras publishes
plain_keras.py scores ARCHITECTURE FILE NPY PRECISION...
                                             predict() on uint8 pixels beside tagger's engine in each precision, as JSON
plain_keras.py agree ARCHITECTURE FILE NPY NPY
                                             on what share of the pictures predict() finds the same first class
plain_keras.py light ARCHITECTURE FILE NPY LIGHT
                                             float32 beside tagger's light engine; makes the file LIGHT if it is missing
plain_keras.py order NPY                     decode_predictions() of scores, as JSON
plain_keras.py load ARCHITECTURE FILE...     what tagger's engine says of weights files, as JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def make(name: str, file: str) -> None:
    import h5py
    import keras
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    from tagger.inference.registry import REGISTRY

    keras.utils.set_random_seed(1)
    network = _network(name)
    # Random weights give every class about 1/1000. Scaling the last layer makes scores that differ.
    size = REGISTRY[name].input_size
    picture = np.random.default_rng(2).uniform(0, 255, (1, size, size, 3)).astype(np.float32)
    last = network.layers[-1]
    features = keras.Model(network.input, last.input).predict(_preprocess(name, picture), verbose=0)
    kernel, bias = last.get_weights()
    last.set_weights([kernel * (3 / (features @ kernel).std()), bias])
    with h5py.File(file, "w") as target:
        save_weights_to_hdf5_group(target, network)


def _network(name: str) -> Any:
    """Keras' own network; of EfficientNet-Lite2, which Keras does not have, tagger's."""
    import keras

    from tagger.inference.engines.networks import build_network
    from tagger.inference.registry import REGISTRY

    build = getattr(keras.applications, REGISTRY[name].keras_name, None)
    return build(weights=None) if build is not None else build_network(REGISTRY[name])


def scores(name: str, file: str, pixels_file: str, *precisions: str) -> None:
    from tagger.inference.engines.tensorflow import TensorFlowEngine
    from tagger.inference.precision import Precision
    from tagger.inference.registry import REGISTRY

    pixels = np.load(pixels_file)
    network = _network(name)
    network.load_weights(file)
    plain = network.predict(_preprocess(name, pixels.astype(np.float32)), verbose=0)
    found = []
    for precision in precisions:
        engine = TensorFlowEngine(REGISTRY[name], Path(file), batch_size=4, precision=Precision(precision))
        features = engine.features(pixels)
        ours = engine.head().scores(features)
        stored = engine.head().scores(features.astype("<f2"))
        found.append(
            {
                "largest": float(plain.max()),
                "difference": float(np.abs(plain - ours).max()),
                "mean_difference": float(np.abs(plain - ours).max(axis=1).mean()),
                "same_first": float((plain.argmax(axis=1) == ours.argmax(axis=1)).mean()),
                "stored_difference": float(np.abs(plain - stored).max()),
                "features": list(features.shape),
            }
        )
    print(json.dumps(found))


def agree(name: str, file: str, *pixels_files: str) -> None:

    network = _network(name)
    network.load_weights(file)
    one, two = (
        network.predict(_preprocess(name, np.load(pixels).astype(np.float32)), verbose=0).argmax(axis=1)
        for pixels in pixels_files
    )
    print(json.dumps(float((one == two).mean())))


def light(name: str, file: str, pixels_file: str, light_file: str, counts_file: str = "") -> None:
    """`counts_file`: how many views each photo has, whose features are averaged; without it one."""
    from tagger.inference.engines.litert import LiteRtEngine
    from tagger.inference.engines.quantizing import BATCH, calibrating, in_batches, quantized
    from tagger.inference.engines.tensorflow import TensorFlowEngine
    from tagger.inference.light_model import NETWORK_REVISION, About, write_light
    from tagger.inference.registry import REGISTRY

    pixels = np.load(pixels_file)
    exact = TensorFlowEngine(REGISTRY[name], Path(file), batch_size=16)
    if not Path(light_file).exists():
        network = quantized(
            in_batches(exact.body, REGISTRY[name].input_size, BATCH),
            name,
            calibrating(pixels, REGISTRY[name].preprocessing, BATCH, lambda _: None),
        )
        about = About(name, "0" * 64, NETWORK_REVISION, 1.0, 1, len(pixels), "a test")
        write_light(Path(light_file), network, exact.head(), about)
    engine = LiteRtEngine(REGISTRY[name], Path(light_file), threads=2)
    counts = np.load(counts_file) if counts_file else np.ones(len(pixels), np.int64)
    starts = np.cumsum([0, *counts[:-1]])
    one, two = (
        np.add.reduceat(one.features(pixels), starts, axis=0) / counts[:, np.newaxis] for one in (exact, engine)
    )
    scores, ours = exact.head().scores(one), engine.head().scores(two)
    cosine = (one * two).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    print(
        json.dumps(
            {
                "cosine": float(cosine.min()),
                "mean_difference": float(np.abs(scores - ours).max(axis=1).mean()),
                "features": list(two.shape),
                "first": scores.argmax(axis=1).tolist(),
                "ours": ours.argmax(axis=1).tolist(),
            }
        )
    )


def order(scores_file: str) -> None:
    from keras.applications.imagenet_utils import decode_predictions

    decoded = decode_predictions(np.load(scores_file), top=5)
    print(json.dumps([[[wnid, name, float(score)] for wnid, name, score in row] for row in decoded]))


def load(name: str, *files: str) -> None:
    from tagger.core.errors import TaggerError
    from tagger.inference.engines.tensorflow import TensorFlowEngine
    from tagger.inference.registry import REGISTRY

    said = {}
    for file in files:
        try:
            TensorFlowEngine(REGISTRY[name], Path(file), batch_size=1)
            said[Path(file).name] = "taken"
        except TaggerError as error:
            said[Path(file).name] = f"{type(error).__name__}: {error}"
    print(json.dumps(said))


def _preprocess(name: str, pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    import keras

    if name == "efficientnet_lite2":
        return (pixels - 127) / 128
    module = {"resnet50v2": "resnet_v2", "efficientnet_b0": "efficientnet"}.get(name, name)
    done: np.ndarray = getattr(keras.applications, module).preprocess_input(pixels.copy())  # type: ignore[type-arg]
    return done


if __name__ == "__main__":
    {"make": make, "scores": scores, "agree": agree, "light": light, "order": order, "load": load}[sys.argv[1]](
        *sys.argv[2:]
    )
