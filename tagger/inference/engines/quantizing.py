"""A network in 8-bit integers, made by TensorFlow Lite's converter: weights for each channel, values for each layer.

Scheme: TensorFlow Lite's 8-bit quantisation specification (Jacob et al. 2018). What range a layer's values have is
seen by looking at photos, the calibration.
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

# So many photos at once are as fast as more, or faster (docs/engines.md), and one photo does not wait for long.
BATCH = 4


def quantized(body: Any, architecture: Architecture, pixels: NDArray[np.uint8], report: Callable[[int], None]) -> bytes:
    """A TensorFlow Lite model: preprocessed pixels in uint8, `BATCH` photos -> pooled features, float32.

    body: a Keras model, preprocessed pixels -> pooled features. pixels: RGB, uint8 (photos, size, size, 3), what it is
    calibrated on, `BATCH` at least; `report` is told of each. Raises EngineError if it cannot be converted.
    """
    size = architecture.input_size
    given = keras.Input(batch_shape=(BATCH, size, size, 3))
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(given, body(given)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8

    def examples() -> Iterator[list[NDArray[np.float32]]]:
        for start in range(0, len(pixels), BATCH):
            # The last photos come again where they are too few for a batch.
            part = pixels[max(0, min(start, len(pixels) - BATCH)) :][:BATCH]
            yield [preprocessed(part.astype(np.float32), architecture.preprocessing)]
            report(min(start + BATCH, len(pixels)))

    converter.representative_dataset = examples
    try:
        return bytes(converter.convert())
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(f"TensorFlow Lite cannot convert {architecture.name}: {reason}.") from error
