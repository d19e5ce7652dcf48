"""Build the Keras networks: those of `keras.applications`, and small ones for training from scratch."""

from __future__ import annotations

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
    network = architecture.network
    if network is None:
        return getattr(keras.applications, architecture.keras_name)(weights=None)
    classes, size = len(network.classes), architecture.input_size
    if architecture.keras_name:
        shape = (size, size, 3)
        return getattr(keras.applications, architecture.keras_name)(weights=None, classes=classes, input_shape=shape)
    return _small(network.widths, network.dense, size, classes)


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
