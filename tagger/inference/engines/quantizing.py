"""Convert a network to 8-bit integers with TensorFlow Lite: weights per channel, activations per tensor.

Scheme: TensorFlow Lite's 8-bit quantisation specification (Jacob et al. 2018). Calibration on photos finds the range of
each layer's values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tagger.core.errors import EngineError
from tagger.inference.preprocessing import preprocessed
from tagger.inference.registry import Architecture

# Larger batches are no faster (docs/engines.md), and a small one soon answers a single photo.
BATCH = 4


def quantized(
    body: Any, architecture: Architecture, pixels: NDArray[np.uint8], on_calibrated: Callable[[int], None]
) -> bytes:
    """Convert to a TensorFlow Lite model: preprocessed pixels of `BATCH` photos, uint8 -> pooled features, float32.

    body: a Keras model, preprocessed pixels -> pooled features. pixels: RGB, uint8 (photos, size, size, 3),
    for calibration, at least `BATCH` photos. `on_calibrated` gets the number of photos done. Raises EngineError.
    """
    size = architecture.input_size
    given = keras.Input(batch_shape=(BATCH, size, size, 3))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(given, body(given)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for start in range(0, len(pixels), BATCH):
            # The last batch repeats earlier photos to be full.
            part = pixels[max(0, min(start, len(pixels) - BATCH)) :][:BATCH]
            yield [preprocessed(part.astype(np.float32), architecture.preprocessing)]
            on_calibrated(min(start + BATCH, len(pixels)))

    converter.representative_dataset = examples
    try:
        return bytes(converter.convert())
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(f"TensorFlow Lite cannot convert {architecture.name}: {reason}.") from error
