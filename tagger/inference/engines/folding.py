"""Make a network faster: fold batch normalisation into the convolutions before it, and convert to bfloat16.

At inference batch normalisation is y = gamma * (x - mean) / sqrt(variance + epsilon) + beta (Ioffe and Szegedy 2015,
section 3.1). The convolution before it is linear, so the factor is folded into its kernel and the rest into its bias.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def folded(model: Any) -> Any:
    """An equivalent functional model, without the batch normalisation that follows a convolution.

    Batch normalisation elsewhere (ResNet50V2 has it before the activation that precedes a convolution) stays.
    """
    norms = _norms_by_convolution(model)
    dropped = {norm.name for norm in norms.values()}

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name in norms:
            config["use_bias"] = True
        return type(layer).from_config(config)

    def call(layer: Any, *inputs: Any, **options: Any) -> Any:
        return inputs[0] if layer.name in dropped else layer(*inputs, **options)

    new = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for layer in new.layers:
        if not layer.weights:
            continue
        old = model.get_layer(layer.name)
        layer.set_weights(_folded_weights(old, norms[layer.name]) if layer.name in norms else old.get_weights())
    return new


def in_bfloat16(model: Any) -> Any:
    """A functional model that computes in bfloat16, except for its last layer (mostly pooling), which uses float32.

    bfloat16 is the upper half of a float32: the same range, 8 bits of precision.
    """
    last = model.layers[-1].name

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name != last and not isinstance(layer, keras.layers.InputLayer):
            config["dtype"] = "bfloat16"
        return type(layer).from_config(config)

    new = keras.models.clone_model(model, clone_function=clone)
    for layer in new.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return new


def _norms_by_convolution(model: Any) -> dict[str, Any]:
    """Convolution's name -> the batch normalisation that is its only consumer, for convolutions without activation."""
    found = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        before = layer.input._keras_history.operation
        if (
            isinstance(before, _CONVOLUTIONS)
            and before.activation is keras.activations.linear
            and len(before._outbound_nodes) == 1
        ):
            found[before.name] = layer
    return found


def _folded_weights(convolution: Any, norm: Any) -> list[Any]:
    kernel, *bias = (np.asarray(weight, np.float64) for weight in convolution.get_weights())
    factor = 1 / np.sqrt(np.asarray(norm.moving_variance, np.float64) + norm.epsilon)
    if norm.scale:
        factor = factor * np.asarray(norm.gamma, np.float64)
    shift = (bias[0] if bias else 0.0) - np.asarray(norm.moving_mean, np.float64)
    shift = shift * factor + (np.asarray(norm.beta, np.float64) if norm.center else 0.0)
    # A depthwise kernel is (height, width, channels, multiplier), any other (height, width, in, out).
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    scaled = kernel * (factor.reshape(kernel.shape[2:]) if depthwise else factor)
    return [scaled.astype(np.float32), shift.astype(np.float32)]
