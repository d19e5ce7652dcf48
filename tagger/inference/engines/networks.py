"""Build the Keras networks: those of `keras.applications`, EfficientNet-Lite2, and small ones to train from scratch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from tagger.inference.registry import Architecture

# The share of values that each block drops in training (Srivastava et al. 2014).
_DROPOUT = 0.25
# Keras' default of 0.99 adapts too slowly: with a few hundred pictures, ten epochs are not enough.
_MOMENTUM = 0.95


def build_network(architecture: Architecture) -> Any:
    """The network of an architecture with random weights: preprocessed pixels -> class probabilities."""
    network, size = architecture.network, architecture.input_size
    if network is not None and not architecture.keras_name:
        return _small(network.widths, network.dense, size, len(network.classes))
    build = _OWN.get(architecture.keras_name) or getattr(keras.applications, architecture.keras_name)
    if network is None:
        return build(weights=None)
    return build(weights=None, classes=len(network.classes), input_shape=(size, size, 3))


def _small(widths: tuple[int, ...], dense: int, size: int, classes: int) -> Any:
    """Blocks of two convolutions with batch normalisation, max-pooling and dropout; a dense layer; softmax."""
    given = found = keras.Input((size, size, 3))
    for width in widths:
        for last in (False, True):
            found = layers.Conv2D(width, 3, padding="same", use_bias=False)(found)
            # Pooled before the rest, which then has a quarter of the values: saves a fifth of the time on two cores.
            found = layers.MaxPooling2D()(found) if last else found
            found = layers.BatchNormalization(momentum=_MOMENTUM)(found)
            found = layers.ReLU()(found)
        found = layers.Dropout(_DROPOUT)(found)
    # Larger pictures are averaged over all positions, or the dense layer would hold most of the weights.
    found = layers.Flatten()(found) if size >> len(widths) <= 4 else layers.GlobalAveragePooling2D()(found)
    found = layers.Dense(dense, use_bias=False)(found)
    found = layers.BatchNormalization(momentum=_MOMENTUM)(found)
    found = layers.ReLU()(found)
    found = layers.Dropout(_DROPOUT)(found)
    # Always in float32: probabilities need the precision.
    return keras.Model(given, layers.Dense(classes, activation="softmax", dtype="float32", name="predictions")(found))


# EfficientNet's blocks (Tan and Le 2019, table 1): repeats, kernel, stride, expansion, filters.
_LITE_BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_LITE2_WIDTH, _LITE2_DEPTH = 1.1, 1.2
_LITE_STEM, _LITE_HEAD, _LITE_EPSILON = 32, 1280, 1e-3


def _efficientnet_lite2(
    weights: None = None, classes: int = 1000, input_shape: tuple[int, int, int] = (260, 260, 3)
) -> Any:
    """EfficientNet-Lite2, called as the networks of `keras.applications` are.

    EfficientNet without squeeze-and-excitation and with ReLU6, so that it can be computed in 8-bit integers; stem and
    head are not scaled, nor are the first and the last block repeated more often (TensorFlow's model garden,
    `efficientnet/lite`). Weights files hold the layers in order of creation.
    """
    given = keras.Input(input_shape)
    found = _convolved(given, _LITE_STEM, 3, 2)
    width = _LITE_STEM
    for place, (repeats, kernel, stride, expansion, filters) in enumerate(_LITE_BLOCKS):
        scaled = 0 < place < len(_LITE_BLOCKS) - 1
        filters = _scaled_filters(filters, _LITE2_WIDTH)
        for number in range(math.ceil(repeats * _LITE2_DEPTH) if scaled else repeats):
            found = _lite_block(found, width, filters, kernel, 1 if number else stride, expansion)
            width = filters
    found = _convolved(found, _LITE_HEAD, 1, 1)
    found = layers.GlobalAveragePooling2D()(found)
    return keras.Model(given, layers.Dense(classes, activation="softmax", dtype="float32", name="predictions")(found))


def _lite_block(  # noqa: PLR0913 - one parameter a column of the published table
    given: Any, width: int, filters: int, kernel: int, stride: int, expansion: int
) -> Any:
    """An inverted residual block: 1x1 expansion, depthwise convolution, 1x1 projection (Sandler et al. 2018)."""
    found = given if expansion == 1 else _convolved(given, width * expansion, 1, 1)
    found = layers.DepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False)(found)
    found = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=_LITE_EPSILON)(found))
    found = layers.Conv2D(filters, 1, padding="same", use_bias=False)(found)
    found = layers.BatchNormalization(epsilon=_LITE_EPSILON)(found)
    return layers.Add()([found, given]) if stride == 1 and width == filters else found


def _convolved(given: Any, filters: int, kernel: int, stride: int) -> Any:
    found = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(given)
    return layers.ReLU(6.0)(layers.BatchNormalization(epsilon=_LITE_EPSILON)(found))


def _scaled_filters(filters: int, factor: float) -> int:
    """The nearest multiple of 8, not below 90 % of the exact value."""
    rounded = max(8, int(filters * factor + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters * factor else rounded + 8


# Networks that Keras does not have.
_OWN: dict[str, Callable[..., Any]] = {"EfficientNetLite2": _efficientnet_lite2}
