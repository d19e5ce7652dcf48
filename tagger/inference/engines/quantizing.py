"""Convert a network to 8-bit integers with TensorFlow Lite: weights per channel, activations per tensor.

Scheme: TensorFlow Lite's 8-bit quantisation specification (Jacob et al. 2018). Calibration on photos finds the range of
each layer's values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tagger.core.errors import EngineError
from tagger.inference.preprocessing import Preprocessing, preprocessed

# Of the file, which some networks (VGG's flattening) keep to: larger ones are no faster (docs/engines.md). LiteRT takes
# memory for no fewer, so that the file in the package, which runs beside other models as well, says one.
BATCH = 4


def quantized(network: Any, name: str, examples: Iterable[NDArray[np.float32]], *, integers_out: bool = False) -> bytes:
    """Convert to a TensorFlow Lite model: quantized pixels, uint8 -> what the network gives, float32.

    network: a Keras model with the batch size of its input. `name`: of the network, for people. `examples`: batches of
    preprocessed pixels, for calibration. `integers_out`: what it gives stays quantized, uint8. Raises EngineError.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    if integers_out:
        converter.inference_output_type = tf.uint8
    converter.representative_dataset = lambda: ([batch] for batch in examples)
    try:
        return bytes(converter.convert())
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(f"TensorFlow Lite cannot convert {name}: {reason}.") from error


def in_batches(network: Any, size: int, batch: int) -> Any:
    """The network for batches of so many pictures of `size` x `size` pixels."""
    given = keras.Input(batch_shape=(batch, size, size, 3))
    return keras.Model(given, network(given))


def calibrating(
    pixels: NDArray[np.uint8], kind: Preprocessing, batch: int, on_calibrated: Callable[[int], None]
) -> Iterator[NDArray[np.float32]]:
    """Batches for calibration of RGB pixels, uint8 (photos, size, size, 3). `on_calibrated`: number of photos done."""
    for start in range(0, len(pixels), batch):
        # The last batch repeats earlier photos to be full.
        part = pixels[max(0, min(start, len(pixels) - batch)) :][:batch]
        yield preprocessed(part.astype(np.float32), kind)
        on_calibrated(min(start + batch, len(pixels)))
